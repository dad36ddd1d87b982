"""How well yaw, pitch and roll are read from face points: `python -m benchmarks.landmark_pose`.

Drawn heads with known cameras are found by the face detector and their poses compared. Besides plain heads
there are sets that a fit of one rigid face reads wrong: grins, mouths wide open (the chin sinks with the
lower lip), turns of 60 degrees, the eight drawn arts. None took part in `locate_face.py`. The pictures'
points are kept in `.cache/landmark_pose`; `--anew` renders them again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from itportrait_core.alignment.landmarks import detect_faces, face_by_hand, five_from_mesh
from itportrait_core.alignment.pose_fit import estimate_pose, fit_points, fit_pose
from itportrait_core.alignment.standard_face import standard_face
from itportrait_core.pocket import render as renderer
from itportrait_core.pocket.attributes import Z_DIM, Attributes, attributes
from itportrait_core.pocket.heads import Shape
from itportrait_core.pocket.styles import STYLES, RandomStyle
from itportrait_core.rendering import cameras

CACHE = Path(".cache") / "landmark_pose"
BATCH, SIZE = 8, 224
CHIN_DROP = 0.8
"""How far the chin sinks per unit that the lips part."""


@dataclass(frozen=True)
class HeadSet:
    """Random heads: how many, from where, with which faces.

    Attributes:
        yaw: least and largest |yaw|, degrees; sides alternate.
        pitch: largest |pitch|, degrees.
        smile: value of the attribute, or None for what the latent says.
        opening: largest distance of the lips, world units (the renderer's own grin parts them by 0.026).
        style: of the heads; "arts" takes the eight in turn, "random" a new look for each batch.
    """

    count: int
    seed: int
    yaw: tuple[float, float] = (0.0, 45.0)
    pitch: float = 20.0
    smile: float | None = None
    opening: float = 0.0
    style: str = "photo"


SETS = {
    "plain": HeadSet(40, 3, smile=0.0),
    "smiles": HeadSet(40, 31, smile=1.0),
    "open mouths": HeadSet(40, 32, smile=0.0, opening=0.06),
    "frontal grins": HeadSet(24, 33, (0.0, 8.0), 10.0, smile=1.0, opening=0.045),
    "sides": HeadSet(48, 34, (55.0, 65.0), 15.0),
    "arts": HeadSet(40, 35, (0.0, 35.0), style="arts"),
}
"""What is measured; no training of any network or fit uses these seeds."""
LEARNED = {
    "plain": HeadSet(64, 2, smile=0.0),
    "smiles": HeadSet(48, 21, smile=1.0),
    "open mouths": HeadSet(48, 22, smile=0.0, opening=0.06),
    "frontal grins": HeadSet(32, 23, (0.0, 8.0), 10.0, smile=1.0, opening=0.045),
    "sides": HeadSet(48, 24, (55.0, 65.0), 15.0),
    "arts": HeadSet(64, 25, (0.0, 35.0), style="arts"),
}
"""What `locate_face.py` learns the errors of the fit from, beside the heads that it locates the face with."""


def seen(name: str, wanted: HeadSet, *, anew: bool = False) -> tuple[Tensor, Tensor]:
    """Points `[n, 468, 2]` in pixels, float64, and cameras `[n, 25]` of the heads that the detector found."""
    path = CACHE / f"{name.replace(' ', '_')}-{wanted.seed}-{wanted.count}.safetensors"
    if anew or not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        points, labels = _render_and_find(wanted)
        save_file({"points": points.float().contiguous(), "cameras": labels.contiguous()}, path)
    stored = load_file(path)
    return stored["points"].double(), stored["cameras"]


def _render_and_find(wanted: HeadSet) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(wanted.seed)
    z, u = torch.randn(wanted.count, Z_DIM, generator=rng), torch.rand(3, wanted.count, generator=rng)
    side = torch.where(torch.arange(wanted.count) % 2 == 0, 1.0, -1.0)
    near, far = wanted.yaw
    labels = cameras.orbit(side * (near + u[0] * (far - near)), (2 * u[1] - 1) * wanted.pitch)
    points, kept = [], []
    for number, first in enumerate(range(0, wanted.count, BATCH)):
        part = slice(first, first + BATCH)
        people = attributes(z[part])
        people = people if wanted.smile is None else people.replace(smile=wanted.smile)
        look = {"arts": STYLES[1 + number % 8], "random": RandomStyle(wanted.seed * 1000 + number)}
        with open_mouths(u[2, part].numpy() * wanted.opening):
            style = look.get(wanted.style, "photo")
            pictures = renderer.render(people, labels[part], style, SIZE, supersample=1).image
        for n, picture in enumerate(pictures):
            faces = detect_faces(picture[None])
            if faces:
                points.append(faces[0].mesh[:, :2])
                kept.append(first + n)
    return torch.stack(points), labels[kept]


@contextmanager
def open_mouths(opening: np.ndarray) -> Iterator[None]:
    """Within it the renderer parts the lips of its next heads by at least `opening [B]`, the chin sinking."""
    measure = renderer.build_heads

    def measured(people: Attributes, shape: Shape) -> np.ndarray:
        heads = measure(people, shape)
        more = np.maximum(opening - heads["opening"], 0.0)
        heads["opening"] += more
        for name, share in (("chin_y", -CHIN_DROP), ("jaw_up", -0.4 * CHIN_DROP), ("jaw_y", 0.4 * CHIN_DROP)):
            heads[name] += share * more
        return heads

    renderer.build_heads = measured  # type: ignore[assignment]
    try:
        yield
    finally:
        renderer.build_heads = measure  # type: ignore[assignment]


def errors(rotations: list[Tensor], labels: Tensor) -> Tensor:
    """Estimated minus true yaw, pitch and roll `[n, 3]`, degrees."""
    truth = torch.stack(cameras.angles(labels.double()), 1)
    return torch.stack(cameras.angles(cameras.from_axes(torch.stack(rotations)).double()), 1) - truth


def line(name: str, miss: Tensor) -> str:
    """Mean absolute error and common offset of yaw, pitch and roll."""
    cells = [f"{angle.abs().mean():5.2f} ({angle.mean():+5.2f})" for angle in miss.T]
    return f"{name:16} {len(miss):4}   " + "   ".join(cells)


def main() -> None:
    """Measure every set, by the plain fit and by the fit that is used."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--anew", action="store_true", help="render the heads again")
    given = options.parse_args()
    print("mean error (common offset), degrees: yaw, pitch, roll")
    for name, wanted in SETS.items():
        points, labels = seen(name, wanted, anew=given.anew)
        plain = [fit_pose(p, standard_face()).rotation for p in points]
        print(line(name, errors([fit_points(p).rotation for p in points], labels)))
        print(line("  one rigid face", errors(plain, labels)))
        faces = [face_by_hand(five_from_mesh(p)) for p in points]
        print(line("  five points", errors([estimate_pose(face).rotation for face in faces], labels)))


if __name__ == "__main__":
    main()

"""A portrait: where a person lies in the generator's latent space, and from where the picture sees them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import DamagedFile, ITPortraitError
from ...networks.generator3d import Generator3D
from .history import History
from .storage import read_tensors, write_tensors

MOST_PICTURES = 8
"""Pictures of one person that a portrait may hold."""
_HASHED = ("ws", "camera", "image", "other_cameras", "other_images")
_TENSORS = {*_HASHED, "twin"}


@dataclasses.dataclass(frozen=True)
class Portrait:
    """One person, perhaps of several pictures; what wants one picture takes the first.

    Attributes:
        ws: [1, num_ws, w_dim].
        camera: [1, 25], EG3D label of the picture.
        image: [1, 3, H, W] in [-1, 1], the aligned picture (for a sampled portrait, its render).
        report: facts of how it was made: pose, errors, warnings; JSON values only.
        twin: [N, 3, h, w] photo twins of Eq. 3, or None.
        history: the steps of the inversion, or None.
        other_cameras: [M, 25], where the portrait was made of M + 1 pictures of the person; else None.
        other_images: [M, 3, H, W], those pictures, as large as `image`; else None.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws, camera = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front()), itp.cameras.orbit(15.0)
        >>> person = itp.Portrait(ws, camera, G.synthesis(ws, camera).image)
        >>> itp.Portrait.load(person.save("person.safetensors")).camera.shape
        torch.Size([1, 25])
    """

    ws: Tensor
    camera: Tensor
    image: Tensor
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    twin: Tensor | None = None
    history: History | None = None
    other_cameras: Tensor | None = None
    other_images: Tensor | None = None

    def __post_init__(self) -> None:
        if self.ws.ndim != 3 or self.ws.shape[0] != 1:
            raise ITPortraitError(f"A portrait needs ws [1, layers, width], not {tuple(self.ws.shape)}.")
        if self.twin is not None and self.twin.ndim != 4:
            raise ITPortraitError(f"A portrait's twin must be [N, 3, h, w], not {tuple(self.twin.shape)}.")
        if tuple(self.camera.shape) != (1, 25):
            raise ITPortraitError(f"A portrait needs a camera [1, 25], not {tuple(self.camera.shape)}.")
        if self.image.ndim != 4 or self.image.shape[:2] != (1, 3):
            raise ITPortraitError(f"A portrait needs an image [1, 3, H, W], not {tuple(self.image.shape)}.")
        if self.other_cameras is not None or self.other_images is not None:
            self._check_others()

    def _check_others(self) -> None:
        given = [None if t is None else tuple(t.shape) for t in (self.other_cameras, self.other_images)]
        count = 0 if self.other_images is None else len(self.other_images)
        if not 1 <= count < MOST_PICTURES or given != [(count, 25), (count, *self.image.shape[1:])]:
            raise ITPortraitError(
                f"A portrait's other pictures need cameras [M, 25] and images [M, 3, H, W], M up to "
                f"{MOST_PICTURES - 1}, as large as the first, {tuple(self.image.shape[2:])}; they are "
                f"{given[0]} and {given[1]}. Make the portrait again."
            )

    @property
    def cameras(self) -> Tensor:
        """[N, 25], the labels of all pictures, the portrait's own first."""
        return self.camera if self.other_cameras is None else torch.cat([self.camera, self.other_cameras])

    @property
    def images(self) -> Tensor:
        """[N, 3, H, W], all pictures, the portrait's own first."""
        return self.image if self.other_images is None else torch.cat([self.image, self.other_images])

    @property
    def hashed(self) -> list[Tensor]:
        """Latent, cameras and pictures in the order in which hashes take them: what tells portraits apart."""
        tensors = (getattr(self, name) for name in _HASHED)
        return [tensor for tensor in tensors if tensor is not None]

    def for_training(self, device: torch.device | str) -> Portrait:
        """A copy whose tensors are normal (not inference) tensors on `device`."""
        fresh = {name: getattr(self, name) for name in (*_HASHED, "twin")}
        moved: dict[str, Any] = {
            name: None if t is None else t.detach().to(device).clone() for name, t in fresh.items()
        }
        return dataclasses.replace(self, **moved)

    def save(self, path: str | Path) -> Path:
        """Write a safetensors file; atomic."""
        named = {name: getattr(self, name) for name in (*_HASHED, "twin")}
        tensors: dict[str, Tensor] = {name: value for name, value in named.items() if value is not None}
        steps = None if self.history is None else self.history.to_json()
        return write_tensors(path, "portrait", tensors, {"report": self.report, "history": steps})

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> Portrait:
        """Read a file written by `save`.

        Raises:
            ITPortraitError: for a missing, damaged or foreign file.
        """
        tensors, facts = read_tensors(path, "portrait")
        lacking, unknown = {"ws", "camera", "image"} - set(tensors), set(tensors) - _TENSORS
        if lacking or unknown:
            wrong = f"lacks {min(lacking)}" if lacking else f"holds the unknown {min(unknown)!r:.80}"
            raise DamagedFile(f"{path} {wrong}; make the portrait again.")
        report, steps = facts.get("report", {}), facts.get("history")
        if not isinstance(report, dict) or not all(t.is_floating_point() for t in tensors.values()):
            raise DamagedFile(f"{path} is damaged: report or tensors are of the wrong kind; make it again.")
        history = None if steps is None else History.from_json(steps)
        moved = {name: t.to(device) for name, t in tensors.items()}
        return cls(report=report, history=history, **moved)


def check_fits(generator: Generator3D, portrait: Portrait) -> None:
    """Refuse a portrait that was made with another kind of generator.

    Raises:
        ITPortraitError: with both shapes and both picture sizes.
    """
    wanted, given = (generator.num_ws, generator.w_dim), tuple(portrait.ws.shape[1:])
    if wanted != given:
        raise ITPortraitError(
            f"The portrait has {given[0]} latent layers of width {given[1]}, but the generator wants "
            f"{wanted[0]} of {wanted[1]}; invert the picture with this generator, "
            "or load the generator it was made with."
        )


def sample_portrait(
    generator: Generator3D, seed: int, *, truncation: float = 1.0, camera: Tensor | None = None
) -> Portrait:
    """The person that `seed` stands for.

    Args:
        truncation: 1 = full variety, 0 = the average person.
        camera: [1, 25] from where it is shown; the front where None.
    """
    from ...rendering import cameras
    from ...rendering.views import check_drawn

    device = next(generator.parameters()).device
    with torch.no_grad():
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn(1, generator.z_dim, generator=rng).to(device)
        front = cameras.front().to(device)
        ws = generator.mapping(z, front, truncation_psi=truncation)
        label = front if camera is None else camera.to(device)
        image = generator.synthesis(ws, label).image
    check_drawn(image, "The picture of the person")
    return Portrait(ws=ws, camera=label, image=image, report={"seed": seed, "truncation": truncation})

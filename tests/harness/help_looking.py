"""Help pictures that need no training: cameras, people, renders, solids, crops, files."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import itportrait_core as itp
from benchmarks.rasters import draw_splats
from benchmarks.region import PARTS, changed
from itportrait_core.alignment.frame import portrait_frame
from itportrait_core.alignment.warp import cut
from itportrait_core.checkpoints import embedded
from itportrait_core.guidance.clip import load_clip
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.methods.style.relevance import measure_relevance
from itportrait_core.pocket.latents import normalise
from itportrait_core.rendering import cameras
from itportrait_core.rendering.mesh import Mesh, MeshConfig, extract_mesh
from itportrait_core.rendering.splat import SplatConfig, sample_splats
from itportrait_core.rendering.views import render_views

from .environment import ROOT
from .exhibits import paint
from .help_studio import PERSON, Row, Rows, Studio, example, photos, to_core

SIDE_VIEW = math.radians(-30.0)
JUDGED = {"a photo": "photo of a man", "a zombie": "zombie man", "a caricature": "caricature"}
"""Texts, and the picture that each is true of."""
EDITED = {"glasses": "a person wearing glasses", "beard": "a person with a beard", "old": "an old person",
          "smiling": "a smiling person"}  # fmt: skip
"""Name -> text of an edit."""
HAT_PAINTED = (22, -6, 106, 46)
"""Box of the ellipse that is painted where a hat is to be, of 128 pixels."""
CANVAS, CORNER, TILT = 620, 60, 24.0
"""A picture of so many pixels with a head at so many from its corner, turned by so many degrees."""
FIVE_POINTS = [[198.0, 220.0], [297.0, 218.0], [237.0, 272.0], [212.0, 338.0], [300.0, 338.0]]
"""Eyes, nose tip and mouth corners of the oil painting, pixels."""


def edits(studio: Studio) -> Rows:
    """One person with each text at strength 1, and one text at several strengths."""
    clip = load_clip("pocket-guide")
    known = [measure_relevance(studio.generator, clip, itp.EditConfig().people, itp.EditConfig().seed)]

    def edited(text: str, strength: float = 1.0) -> Image.Image:
        config = itp.EditConfig(strength=strength)
        return studio.see(itp.edit_portrait(studio.generator, text, config, clip=clip, relevance=known))

    return {
        "text": {"as drawn": studio.see()} | {name: edited(text) for name, text in EDITED.items()},
        "strength": {f"{a:g}": edited(EDITED["smiling"], a) for a in (-1.0, -0.5, 0.0, 0.5, 1.0)},
    }


def region(studio: Studio) -> Rows:
    """A cap of another colour on one person: everywhere, and inside a mask painted in the first view."""
    z = torch.randn(1, studio.generator.z_dim, generator=torch.Generator().manual_seed(PERSON))
    pair = [sample_portrait(studio.generator, PERSON)]
    pair.append(replace(pair[0], ws=studio.generator.mapping(changed(normalise(z), PARTS["hat"]))))
    drawing = Image.new("L", (128, 128))
    ImageDraw.Draw(drawing).ellipse(HAT_PAINTED, fill=255)
    mask = torch.from_numpy(np.asarray(drawing, dtype=np.float32) / 255)[None]
    front = cameras.orbit(0.0, 5.0).float()
    lifted = itp.lift_region(studio.generator, studio.person, mask, front)
    config = itp.EditConfig(disentangle=0.0)
    edit = {"config": config, "before": pair[0], "after": pair[1]}
    free = itp.edit_portrait(studio.generator, **edit)
    inside = itp.edit_portrait(studio.generator, region=lifted, **edit)
    yaws = [-40.0, 0.0, 40.0]
    rows = {
        "as drawn": studio.views(yaws),
        "edit": studio.views(yaws, generator=free),
        "edit inside": studio.views(yaws, generator=inside),
    }
    painted = photos(torch.where(mask[:, None] > 0.5, 1.0, 0.6 * to_core(rows["as drawn"][1]) - 0.4))[0]
    named = {name: dict(zip(("-40", "0", "40"), views, strict=True)) for name, views in rows.items()}
    named["as drawn"] = {"painted": painted} | named["as drawn"]
    return named


def camera_angles(studio: Studio) -> Rows:
    """Each angle of Camera Orbit alone."""

    def row(values: list[float], **fixed: float) -> Row:
        name = next(name for name in ("yaw", "pitch", "roll", "fov") if name not in fixed)
        labels = [_label(**fixed, **{name: value}) for value in values]
        seen = render_views(studio.generator, studio.person.ws, torch.cat(labels)).images
        return dict(zip([f"{value:g}" for value in values], photos(seen), strict=True))

    still = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "fov": 13.37}
    rows = {"yaw": [-50, -25, 0, 25, 50], "pitch": [-30, -15, 0, 15, 30], "roll": [-40, -20, 0, 20, 40]}
    rows["fov"] = [9, 11, 13.37, 18, 25]
    others = {name: {k: v for k, v in still.items() if k != name} for name in rows}
    return {name: row(values, **others[name]) for name, values in rows.items()}


def _label(yaw: float, pitch: float, roll: float, fov: float) -> torch.Tensor:
    focal = 0.5 / math.tan(math.radians(fov / 2))
    return cameras.orbit(yaw, pitch, roll, focal=focal).float()


def camera_paths(studio: Studio) -> Rows:
    """The paths, five views each; of the grid its two rows."""
    around = [-50.0, -25.0, 0.0, 25.0, 50.0]
    paths = {
        "sweep": cameras.orbit(around).float(),
        "turntable": cameras.turntable(5),
        "grid, upper row": cameras.grid(around, [20.0]).float(),
        "grid, lower row": cameras.grid(around, [-20.0]).float(),
        "figure-eight": cameras.figure_eight(5, 50.0, 20.0),
    }
    rows = {}
    for name, labels in paths.items():
        seen = photos(render_views(studio.generator, studio.person.ws, labels).images)
        rows[name] = {str(number + 1): picture for number, picture in enumerate(seen)}
    return rows


def people(studio: Studio) -> Rows:
    """Seeds, and one person at several truncations."""

    def person(seed: int, truncation: float) -> Image.Image:
        return photos(sample_portrait(studio.generator, seed, truncation=truncation).image)[0]

    return {
        "seed": {str(seed): person(seed, 0.7) for seed in (2, 7, 11, 23, 30)},
        "truncation": {f"{value:g}": person(11, value) for value in (0.0, 0.35, 0.7, 1.0, 1.2)},
    }


def render(studio: Studio) -> Rows:
    """Every output of Multi-View Render."""
    yaws = [-40.0, -20.0, 0.0, 20.0, 40.0]
    seen = render_views(studio.generator, studio.person.ws, cameras.orbit(yaws).float())
    outputs = {
        "images": photos(seen.images),
        "masks": photos(seen.masks, low=0.0),
        "depth": photos(seen.depth_normalized, low=0.0),
        "normals": photos(seen.normals_camera),
    }
    return {name: {f"{yaw:g}": p for yaw, p in zip(yaws, row, strict=True)} for name, row in outputs.items()}


def mesh(studio: Studio) -> Rows:
    """Fineness and smoothing of a mesh."""

    def drawn(**settings: float) -> Image.Image:
        return _mesh_picture(extract_mesh(studio.generator, studio.person.ws, MeshConfig(**settings)))

    return {
        "resolution": {str(value): drawn(resolution=value) for value in (48, 80, 128)},
        "smoothing": {f"{value:g}": drawn(resolution=96, smoothing=value) for value in (0.0, 1.0, 4.0)},
    }


def _mesh_picture(found: Mesh) -> Image.Image:
    return paint(found.vertices.numpy(), found.faces.numpy(), found.colors.numpy(), SIDE_VIEW)


def splats(studio: Studio) -> Rows:
    """Fineness of splats."""
    row = {}
    for value in (32, 64, 128):
        found = sample_splats(studio.generator, studio.person.ws, SplatConfig(resolution=value))
        row[str(value)] = photos(draw_splats(found, cameras.orbit(-30.0).float(), 256)[None], low=0.0)[0]
    return {"resolution": row}


def crops(studio: Studio) -> Rows:
    """A tilted head with its five points, cut level and as it stands."""
    canvas = Image.new("RGB", (CANVAS, CANVAS), "white")
    canvas.paste(photos(example("oil painting"))[0], (CORNER, CORNER))
    tilted = canvas.rotate(TILT, Image.Resampling.BICUBIC, fillcolor="white")
    turn = math.radians(TILT)
    turned = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    points = (torch.tensor(FIVE_POINTS) + CORNER - CANVAS / 2) @ turned + CANVAS / 2
    whole = to_core(tilted)
    draw = ImageDraw.Draw(tilted)
    for x, y in points.tolist():
        draw.ellipse((x - 16, y - 16, x + 16, y + 16), fill="#2a7fff", outline="white", width=5)
    row = {"points": tilted}
    for name, level in (("level on", True), ("level off", False)):
        frame = portrait_frame(points, level=level)
        row[name] = photos(cut(whole, frame.eg3d, 256, face_side=frame.ffhq.side))[0]
    return {"level": row}


def examples(studio: Studio) -> Rows:
    """All style pictures of the pack."""
    names = sorted(file.stem for file in (ROOT / "example_workflows" / "pictures").glob("*.png"))
    half = (len(names) + 1) // 2
    shown = {name: photos(example(name))[0] for name in names}
    return {"picture": {n: shown[n] for n in names[:half]}, " ": {n: shown[n] for n in names[half:]}}


def judged(studio: Studio) -> Rows:
    """How likely the embedded guide finds each text, of three, for each of three pictures."""
    clip = load_clip(embedded.path("clip_guide"))
    shown = {name: example(name) for name in JUDGED.values()}
    pictures = clip.encode_image(torch.cat(list(shown.values())))
    likely = (100 * pictures @ clip.encode_text(list(JUDGED)).T).softmax(1)
    return {
        text: {
            f"{100 * float(share):.0f} %\n{name}": photos(shown[name])[0]
            for share, name in zip(likely[:, column], shown, strict=True)
        }
        for column, text in enumerate(JUDGED)
    }


def precision(studio: Studio) -> Rows:
    """A saved generator at full and half size, and what differs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "half.safetensors")
        itp.save_generator(studio.generator, file, {}, dtype=torch.float16)
        label = cameras.orbit(20.0).float()
        seen = [
            render_views(one.float(), studio.person.ws, label).images
            for one in (studio.generator, itp.load_generator(file))
        ]
    gap = 1 - 20 * (seen[0] - seen[1]).abs()
    pictures = [*(photos(one)[0] for one in seen), photos(gap)[0]]
    return {"precision": dict(zip(("as it is", "half", "difference x 20"), pictures, strict=True))}


LOOKING = {
    "camera_angles": camera_angles,
    "camera_paths": camera_paths,
    "people": people,
    "render": render,
    "mesh": mesh,
    "splats": splats,
    "crops": crops,
    "examples": examples,
    "judged": judged,
    "precision": precision,
    "edit_portrait": edits,
    "region": region,
}
"""Name of the picture file -> what makes its rows."""

"""Help pictures of the live head: what a browser marches, and what the server makes of the same numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import itportrait_core as itp
from benchmarks.live_page import LivePage
from benchmarks.live_speed import FOV
from itportrait_core.live.mix import mixed_latent
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.rendering.views import render_views

from .help_studio import Row, Rows, Studio, photos

YAWS = (-60.0, -30.0, 0.0, 30.0, 60.0)
MOVING, RESTING = 96, 128
"""Rays of a row while the head moves, and of the first picture at rest; the next one has 256."""
SECOND = 3
"""Seed of the second person."""


def live_head(studio: Studio) -> Rows:
    """Turned from side to side: while it moves, at rest, the finished picture, depth and normals."""
    cameras = itp.cameras.orbit(list(YAWS), 5.0).float()
    ws = studio.person.ws
    views = [{"yaw": yaw, "pitch": 5.0, "roll": 0.0, "fov": FOV} for yaw in YAWS]
    with LivePage() as live:
        live.load("head.itplive", pack([Style("", studio.generator)], [Person("", ws)]))
        moving = [live.picture(view, MOVING, True, grid=True) for view in views]
        resting = [live.picture(view, RESTING, True) for view in views]
    finished = render_views(studio.generator, ws, cameras)
    rows = {
        "while it moves": _tensor(moving),
        "at rest": _tensor(resting),
        "finished picture": finished.images,
        "depth": finished.depth_normalized * 2 - 1,
        "normals": finished.normals_camera,
    }
    return {name: _row(YAWS, pictures) for name, pictures in rows.items()}


def live_person(studio: Studio) -> Rows:
    """From one person to another: planes mixed in the browser, and latents mixed by the server."""
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    camera = itp.cameras.orbit(20.0, 5.0).float()
    view = {"yaw": 20.0, "pitch": 5.0, "roll": 0.0, "fov": FOV}
    people = [studio.person.ws, sample_portrait(studio.generator, SECOND, truncation=0.7).ws]
    with LivePage() as live:
        live.load("two.itplive", pack([Style("", studio.generator)], [Person("", ws) for ws in people]))
        preview = [live.picture(view, RESTING, True, mix={"person": share}) for share in shares]
    exact = [render_views(studio.generator, mixed_latent(people, share), camera).images for share in shares]
    return {
        "live, a preview between": _row(shares, _tensor(preview)),
        "after a run, exact": _row(shares, torch.cat(exact)),
    }


def _tensor(pictures: list[np.ndarray]) -> Tensor:
    """What the browser drew, as pictures of the core `[n, 3, H, W]` in [-1, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1


def _row(values: tuple[float, ...], pictures: Tensor) -> Row:
    return dict(zip([f"{value:g}" for value in values], photos(pictures), strict=True))


LIVE = {"live_head": live_head, "live_person": live_person}
"""Name of the picture file -> what makes its rows."""

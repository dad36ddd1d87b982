"""Whether the browser's picture and camera are the server's: part of `benchmarks.live_head`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import itportrait_core as itp
from benchmarks.live_page import LivePage
from benchmarks.live_speed import FOV
from itportrait_core.live.pack import Person, Style, pack

PITCHES = (-20.0, 0.0, 20.0)
YAWS = tuple(float(yaw) for yaw in range(-70, 71, 20))
SIDES = {"embedded": 64, "official size": 16}
"""Rays of a row: the embedded generator's own raw picture; an evenly spread part of the official 128."""
WANTED = 38.0
"""dB that every picture has to reach."""


@dataclass(frozen=True)
class Truth:
    """One person from 24 views."""

    family: str
    person: int
    views: int
    worst_db: float
    mean_db: float
    moving_worst_db: float
    """Of the grid that is marched while the head moves, against the same pictures."""
    axes_deg: float
    """Largest angle between the browser's camera axes and the server's."""
    megabytes: float


def latent(generator: Any, person: int) -> torch.Tensor:
    """The latent of person 1, 2, 3."""
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(person))
    return generator.mapping(z, itp.cameras.front(), truncation_psi=0.7)


def all_views() -> list[dict[str, float]]:
    """24 cameras: eight yaws at three pitches, each rolled a little differently."""
    return [
        {"yaw": yaw, "pitch": pitch, "roll": 3.0 * (i % 3 - 1), "fov": FOV}
        for i, (pitch, yaw) in enumerate((pitch, yaw) for pitch in PITCHES for yaw in YAWS)
    ]


def label(view: dict[str, float]) -> torch.Tensor:
    """The server's camera."""
    focal = 0.5 / math.tan(math.radians(view["fov"] / 2))
    return itp.cameras.orbit(view["yaw"], view["pitch"], view["roll"], focal=focal).float()


def decibel(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of pictures in 0..1."""
    return float(-10 * np.log10(max(float(np.mean((a - b) ** 2)), 1e-12)))


def axes_angle(live: LivePage, view: dict[str, float]) -> float:
    """Largest angle in degrees between the camera axes of browser and server."""
    seen = live.page.evaluate("(view) => driver.camera(view)", view)
    matrix = itp.cameras.cam2world(label(view).double())[0, :3, :3].numpy()
    cosines = [float(np.dot(seen[name], matrix[:, i])) for i, name in enumerate(("right", "down", "forward"))]
    return max(math.degrees(math.acos(min(1.0, cosine))) for cosine in cosines)


def truth(live: LivePage, family: str, generator: Any, person: int, views: list[dict[str, float]]) -> Truth:
    """Compare one person from all views."""
    ws = latent(generator, person)
    data = pack([Style(family, generator)], [Person(f"person {person}", ws)])
    live.load(f"{family.replace(' ', '-')}-{person}.itplive", data)
    side, white = SIDES[family], generator.config.rendering.white_back
    exact, moving, angles = [], [], []
    with torch.no_grad():
        planes = generator.planes(ws)
        for view in views:
            raw = generator.render_volume(planes, label(view), neural_rendering_resolution=side).features[0]
            wanted = ((raw[:3].permute(1, 2, 0) + 1) / 2).numpy()
            exact.append(decibel(live.picture(view, side, white), wanted))
            moving.append(decibel(live.picture(view, side, white, grid=True), wanted))
            angles.append(axes_angle(live, view))
    return Truth(
        family,
        person,
        len(views),
        min(exact),
        sum(exact) / len(exact),
        min(moving),
        max(angles),
        len(data) / 1e6,
    )

"""Procedural art portraits whose true pose, depth and side views are known, and how an inversion is judged.

Their latents come from seeds that no training uses, and no network of the pose start (encoder, photo
generator, pose network) ever sees an art style. The perceptual trunk knows the styles, not the people.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itportrait_core.guidance.metrics import compare
from itportrait_core.guidance.perceptual import Perceptual
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.networks.arcface import IdentityNet
from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.render import render
from itportrait_core.pocket.styles import STYLES
from itportrait_core.rendering import cameras

ART = tuple(style for style in STYLES if style != "photo")
FIRST_SEED = 970_001
"""Seed of the first style's sitters; trainings and other benchmarks draw theirs elsewhere."""
YAW, PITCH = (-25.0, 25.0), (-12.0, 15.0)
"""Degrees: with `TURNS` the side views stay in the range that the generator is trained for, +-56."""
TURNS = (-30.0, 30.0)
"""Side views lie so many degrees of yaw from the picture's."""
INSIDE = 0.99
"""Coverage of a depth pixel that counts: none that the outline cuts."""


@dataclass(frozen=True)
class Sitter:
    """One person in one style, as the truth has it.

    Attributes:
        picture: [1, 3, 128, 128] in [-1, 1], seen from `camera` [1, 25].
        depth, mask: [1, 1, 128, 128] of that view.
        sides: [1, 3, 128, 128] from each of `side_cameras` [2, 25].
    """

    style: str
    person: int
    picture: Tensor
    camera: Tensor
    depth: Tensor
    mask: Tensor
    sides: Tensor
    side_cameras: Tensor


def sitters(style: str, count: int) -> list[Sitter]:
    """The first `count` people of a style; person k is the same whatever the count."""
    return [sitter_of(style, person) for person in range(count)]


def sitter_of(style: str, person: int, drawn: str | None = None) -> Sitter:
    """One of them, from the same side; `drawn` in another style where given."""
    look = drawn or style
    rng = torch.Generator().manual_seed(FIRST_SEED + 1000 * ART.index(style) + person)
    people = attributes(normalise(torch.randn(1, Z_DIM, generator=rng)))
    yaw, pitch = (low + (high - low) * float(torch.rand(1, generator=rng)) for low, high in (YAW, PITCH))
    camera = cameras.orbit(yaw, pitch).float()
    side_cameras = cameras.orbit([yaw + turn for turn in TURNS], pitch).float()
    front, sides = render(people, camera, look), render(people, side_cameras, look)
    return Sitter(look, person, front.image, camera, front.depth, front.mask, sides.image, side_cameras)


@torch.no_grad()
def judge(
    generator: nn.Module, portrait: Portrait, sitter: Sitter, metric: Perceptual, identity: IdentityNet
) -> dict[str, float]:
    """The columns of Table 2, and what only a known truth can tell.

    Returns:
        mse, ssim, psnr, lpips, id of the reconstruction; pose_error (degrees), depth_error (mean absolute,
        world units); novel_psnr and novel_lpips of the side views seen by the true cameras.
    """
    planes = generator.planes(portrait.ws)
    seen = generator.render(planes, portrait.ws, portrait.camera)
    numbers = compare(seen.image, sitter.picture, metric, identity)
    small = seen.image_depth.shape[-2:]
    known = F.interpolate(sitter.mask, small, mode="area") > INSIDE
    gap = (seen.image_depth - F.interpolate(sitter.depth, small, mode="area")).abs()[known]
    side = generator.render(planes, portrait.ws, sitter.side_cameras).image
    novel = compare(side, sitter.sides, metric)
    return {
        **numbers,
        "pose_error": float(cameras.rotation_difference_deg(portrait.camera, sitter.camera)),
        "depth_error": float(gap.mean()),
        "novel_psnr": novel["psnr"],
        "novel_lpips": novel["lpips"],
    }

"""Measures the 3D generator on latents and cameras that training never saw, and writes the model card.

`python -m itportrait_core.pocket.training.evaluate_generator [FILE] [--sheet sheet.png] [--card]`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checkpoints.format import load_generator
from ...guidance.clip import load_clip
from ...networks.eg3d import EG3DGenerator
from ...rendering import cameras
from ..attributes import Z_DIM, attributes
from ..captions import label
from ..latents import normalise
from .evaluate_clip import embed, zero_shot
from .generator import FINE_LAYERS
from .heads_seen import Batch, mix_latents, see
from .model_card import write_section
from .preview import save_sheet

HELD_OUT_SEED = 900_000_001
COUNT = 192
TRUE_RAYS = 4
"""Rays per pixel side of the true pictures: with two, their own jagged edges count as errors (0.3 dB)."""
HISTORY = (
    "Trained for 47 minutes from nothing, then for 65, 106 and 32 minutes by `python -m itportrait_core "
    "train generator --begin FILE --minutes N`, on one shared core each; the last run looked more at mouths."
)
"""How the shipped weights came to be; to be kept true by whoever ships others."""
COMMAND = "python -m itportrait_core.pocket.training.evaluate_generator --card"


def held_out(count: int = COUNT) -> Batch:
    """Heads and cameras (yaw +-50, pitch +-30 degrees) from a seed that training does not use."""
    rng = torch.Generator().manual_seed(HELD_OUT_SEED)
    latents = normalise(torch.randn(count, Z_DIM, generator=rng))
    return see(latents, cameras.sample_views(count, rng=rng), TRUE_RAYS)


def psnr_within(image: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """PSNR in dB [B] of pictures in [-1, 1] where `weight` [B, 1, H, W] is 1."""
    error = ((image.clamp(-1, 1) - truth) / 2).square().mean(1, keepdim=True) * weight
    return -10 * (error.sum((1, 2, 3)) / weight.sum((1, 2, 3))).log10()


def box_weight(box: Tensor, size: int) -> Tensor:
    """1 inside the boxes [B, 4], 0 elsewhere: [B, 1, size, size]."""
    middle = torch.arange(size) + 0.5
    left, top, right, bottom = (side[:, None] for side in box.unbind(1))
    rows = (middle > top) & (middle < bottom)
    return (rows[:, :, None] & ((middle > left) & (middle < right))[:, None])[:, None].float()


def measure(images: Tensor, truth: Batch) -> dict[str, float]:
    """Mean PSNR of the whole pictures and inside the face boxes, and the share of heads below 25 dB."""
    whole = psnr_within(images, truth.image, torch.ones_like(truth.mask))
    face = psnr_within(images, truth.image, box_weight(truth.face_box, images.shape[-1]))
    return {
        "PSNR": float(whole.mean()),
        "PSNR in the face box": float(face.mean()),
        "worst": float(whole.min()),
    }


@torch.no_grad()
def render_all(
    generator: EG3DGenerator, ws: Tensor, labels: Tensor, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, depth and opacity of many heads, a few at a time."""
    parts = []
    for w, c in zip(ws.split(8), labels.split(8), strict=True):
        out = generator.synthesis(w, c, neural_rendering_resolution=side)
        parts.append((out.image, out.image_depth, out.image_weights))
    image, depth, weight = (torch.cat(column) for column in zip(*parts, strict=True))
    return image, depth, weight


@torch.no_grad()
def evaluate(generator: EG3DGenerator, truth: Batch) -> tuple[dict[str, str], Tensor]:
    """All numbers for the card, and the pictures they come from."""
    side = generator.neural_rendering_resolution
    ws = generator.mapping(truth.latents)
    images, depth, weight = render_all(generator, ws, truth.cameras, side)
    measured = measure(images, truth)
    small_mask = F.interpolate(truth.mask, (side, side), mode="area")
    small_depth = F.interpolate(truth.depth, (side, side), mode="area")
    known = small_mask > 0.99
    gap = (depth - small_depth).abs()[known]
    outside = 1 - F.max_pool2d(small_mask, 5, 1, 2).gt(0).float()
    rows = {key: f"{measured[key]:.2f} dB" for key in ("PSNR", "PSNR in the face box")}
    rows["PSNR, worst head"] = f"{measured['worst']:.2f} dB"
    rows["depth error, mean (median)"] = f"{gap.mean():.4f} ({gap.median():.4f}) at a camera radius of 2.7"
    rows["opacity beside the head"] = f"{float((weight * outside).sum() / outside.sum()):.5f}"
    fast = measure(render_all(generator, ws, truth.cameras, side // 2)[0], truth)
    rows[f"rendered at {side // 2} px: PSNR, face box"] = (
        f"{fast['PSNR']:.2f} dB, {fast['PSNR in the face box']:.2f} dB"
    )
    coarse, fine = mix_latents(truth.latents, torch.Generator().manual_seed(HELD_OUT_SEED))
    mixed = torch.cat(
        [generator.mapping(coarse)[:, :-FINE_LAYERS], generator.mapping(fine)[:, -FINE_LAYERS:]], dim=1
    )
    styles = measure(render_all(generator, mixed, truth.cameras, side)[0], truth)
    rows["styles mixed: PSNR, face box"] = f"{styles['PSNR']:.2f} dB, {styles['PSNR in the face box']:.2f} dB"
    return rows | judged(images, truth), images


JUDGED = ("glasses", "hat", "smile", "beard", "hair_style", "hair_color")
"""Attributes that the judge looks for; eyes and mouths are judged by the smile."""


def judged(images: Tensor, truth: Batch) -> dict[str, str]:
    """How often the judge CLIP reads attributes rightly, on the generated and on the true pictures."""
    judge, people = load_clip("pocket-judge"), attributes(truth.latents)
    labels = {name: label(people, name) for name in JUDGED}
    ours, theirs = (zero_shot(judge, embed(judge, x.clamp(-1, 1)), labels) for x in (images, truth.image))
    return {
        f"judge reads {name.replace('_', ' ')}, generated (true) pictures": (
            f"{100 * float(ours[name].nanmean()):.1f} % ({100 * float(theirs[name].nanmean()):.1f} %)"
        )
        for name in JUDGED
    }


def main() -> None:
    """Measure one file (the embedded generator by default)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default="pocket", help="weights; default: the embedded generator")
    parser.add_argument("--count", type=int, default=COUNT, help="number of held-out heads")
    parser.add_argument("--sheet", type=Path, help="write true and generated pictures here")
    parser.add_argument("--card", action="store_true", help="write the numbers into MODEL_CARD.md")
    arguments = parser.parse_args()
    truth = held_out(arguments.count)
    rows, images = evaluate(load_generator(arguments.file), truth)
    for key, value in rows.items():
        print(f"{key}: {value}")
    if arguments.sheet:
        pairs = zip(truth.image[:32].split(8), images[:32].split(8), strict=True)
        save_sheet([row for pair in pairs for row in pair], arguments.sheet)
    if arguments.card:
        note = (
            f"EG3D, 128 px. {arguments.count} held-out heads, one camera each: yaw +-50, pitch +-30 degrees; "
            f"true pictures by {TRUE_RAYS**2} rays per pixel. "
            f"{HISTORY}"
        )
        command = COMMAND if arguments.count == COUNT else f"{COMMAND} --count {arguments.count}"
        write_section("generator", command, rows, note)


if __name__ == "__main__":
    main()

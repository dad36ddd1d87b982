"""Training of `photo`: a StyleGAN2 generator of aligned photo faces with the pose in the latent.

Supervised regression: a latent's true picture is known, so the generator is asked for it (L1 at several
scales, with more weight where there is detail). Half of every batch mixes styles: the last layers take the
code of another person who shares the appearance only, the first layers that of one who shares geometry and
pose. So the perturbation of Eq. 3 (last layers replaced) changes colours and light, and keeps head and
pose.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator
from ..attributes import APPEARANCE
from ..latents import partners
from . import muon, photo_truth
from .detail import detail, robust
from .devices import device_of
from .export import exporter
from .loop import LoopConfig, Trainer
from .mapping_start import build_mapping
from .pictures import SIZE, SMALL, PictureSet, training_photos
from .preview import mean_psnr, save_sheet
from .stopped_synthesis import SynthesisTo, draw

CONFIG = StyleGAN2Config(
    z_dim=photo_truth.PHOTO_Z_DIM,
    w_dim=128,
    resolution=128,
    channel_base=1536,
    channel_max=128,
    mapping_layers=3,
    layer_features=384,
)
MIXED_SHARE = 0.5
"""Share of every batch whose last layers take another code."""
BATCHES = {32: 12, 64: 8, 128: 6}
SIDES = ((0.35, 32), (0.8, 64), (1.0, 128))
"""Side of the pictures that are asked for, until each share of the time: small ones cost a third."""


def mixed_codes(generator: StyleGAN2Generator, n: Tensor, rng: torch.Generator) -> Tensor:
    """Codes `[B, num_ws, w_dim]` that must show what normalised latents `n` say.

    The first part of the batch is plain `M(n)`; in the rest the layers below `MIXING_LAYER` come from a
    person who shares geometry and pose with `n`, those above from one who shares the appearance. Latents are
    drawn on the CPU; codes are where the generator is.
    """
    plain = round(len(n) * (1 - MIXED_SHARE))
    sources = [n[:plain]] + [partners(n[plain:], shared, rng) for shared in (photo_truth.SHAPE, APPEARANCE)]
    with torch.no_grad():  # built, not trained
        ws = generator.mapping(torch.cat(sources).to(device_of(generator)), update_w_avg=generator.training)
    whole, coarse, fine = ws.split([plain, len(n) - plain, len(n) - plain])
    low = (torch.arange(generator.num_ws, device=ws.device) < photo_truth.MIXING_LAYER)[:, None]
    return torch.cat([whole, torch.where(low, coarse, fine)])


def picture_loss(image: Tensor, truth: Tensor) -> Tensor:
    """Robust squared error of the picture, weighted by detail, of reduced ones, and of local differences.

    Small errors count by their square: with plain L1 every white background pixel would pull as hard as a
    wrong shirt.
    """
    weight = detail(truth)
    gap = image - truth
    loss = (robust(gap) * weight).mean()
    loss = loss + 0.5 * sum(robust(gap.diff(dim=axis)).mean() for axis in (2, 3))
    return loss + sum(robust(F.avg_pool2d(gap, scale)).mean() for scale in (2, 4))


def photo_loss(
    generator: StyleGAN2Generator, photos: PictureSet, index: Tensor, side: int, rng: torch.Generator
) -> Tensor:
    """Loss of one batch of pictures `index [B]` at `side` pixels."""
    ws = mixed_codes(generator, photos.latents[index], rng)
    truth = photos.images(index, side).to(ws.device)
    return picture_loss(draw(SynthesisTo(generator.synthesis), ws, side), truth)


def train(
    folder: str | os.PathLike[str], *, minutes: float = 60.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes; writes `folder/photo.safetensors`."""
    small, large = training_photos(SMALL), training_photos(SIZE)
    net = StyleGAN2Generator(CONFIG, seed)
    error = build_mapping(net.mapping, seed, code_of=photo_truth.code_of_latents)
    print(f"photo: mapping network built, mean error {error:.3f}")
    net.to(device)
    config = LoopConfig(minutes=minutes, seed=seed, hold=0.55, average=0.995)
    trainer = Trainer("photo", net, muon.parameter_groups(net.synthesis, 1.5e-2), folder, config)

    def loss(trainer: Trainer) -> dict[str, Tensor]:
        side = next(side for share, side in SIDES if trainer.progress <= share)
        photos = large if side > SMALL else small
        index = torch.randint(len(photos), (BATCHES[side],), generator=trainer.rng)
        return {"picture": photo_loss(net, photos, index, side, trainer.rng)}

    export = exporter(folder, "stylegan2")

    def show(trainer: Trainer) -> None:
        export(trainer)
        side = next(side for share, side in SIDES if trainer.progress <= share)
        index = torch.arange(24)
        truth = large.images(index, side)
        with torch.no_grad():
            codes = trainer.average.mapping(large.latents[index].to(device))
            drawn = draw(SynthesisTo(trainer.average.synthesis), codes, side).cpu()
        trainer.say(f"photo: PSNR {mean_psnr(drawn, truth):.2f} dB at {side} px")
        save_sheet([truth[:8], drawn[:8], truth[8:16], drawn[8:16]], Path(folder) / "photo.png")

    return trainer.run(loss, show)

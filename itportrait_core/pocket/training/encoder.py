"""Training of `encoder`: any picture of a head -> codes of the `photo` generator, its pose and shape kept.

Inputs are photos, photos with a heavily changed appearance, and heads in random styles (shading and shape
drawn at random); the eight art styles are never shown. Targets are the codes of the photo with the same
geometry and pose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.format import load_model
from ...networks.encoders import StyleEncoder, StyleEncoderConfig
from ...networks.stylegan2 import StyleGAN2Generator
from ..styles import RandomStyle
from .appearance import change_appearance
from .export import exporter
from .loop import LoopConfig, Trainer
from .muon import parameter_groups
from .photo import CONFIG as PHOTO
from .photo import SynthesisTo, draw
from .photo_truth import MIXING_LAYER
from .pictures import SMALL, TRAINING_SEED, PictureSet, photo_set, picture_set
from .precision import autocast
from .preview import psnr, save_sheet
from .warps import random_move

CONFIG = StyleEncoderConfig(
    kind="e4e",
    input_size=64,
    widths=(16, 32, 64, 128),
    units=(1, 1, 2, 1),
    style_count=PHOTO.num_ws,
    code_dim=PHOTO.w_dim,
    style_width=64,
    coarse_count=6,
    middle_count=6,
)
PHOTOS = 12_000
"""Twice as many as the other networks need: the encoder reads 98 facts off a picture."""
BATCH = 16
PICTURE_WEIGHT = 4.0
SIDE = 32  # pixels of the picture loss


def styles_of(generator: StyleGAN2Generator, ws: Tensor) -> list[Tensor]:
    """What every layer makes of its code: the modulations `[B, channels]`, in the order of the layers'
    codes.
    """
    out, synthesis = [], generator.synthesis
    for k, side in enumerate(synthesis.block_resolutions):
        block = synthesis.get_submodule(f"b{side}")
        layers = ([] if k == 0 else [block.conv0]) + [block.conv1, block.torgb]
        first = max(2 * k - 1, 0)
        out += [layer.affine(ws[:, first + j]) for j, layer in enumerate(layers)]
    return out


def style_loss(generator: StyleGAN2Generator, guess: Tensor, target: Tensor, kept: Tensor) -> Tensor:
    """Distance of the modulations in units of their spread; `kept [B]` says where the fine layers count
    too.
    """
    total = guess.new_zeros(())
    rows = layer_rows(generator)
    for row, one, two in zip(rows, styles_of(generator, guess), styles_of(generator, target), strict=True):
        error = (one - two).square().mean(1) / two.detach().var(0).mean().clamp(min=1e-4)
        total = total + (error if row < MIXING_LAYER else error * kept).mean()
    return total / len(rows)


def layer_rows(generator: StyleGAN2Generator) -> list[int]:
    """Index of the code that each modulated layer reads, in the order of `styles_of`."""
    rows = []
    for k in range(len(generator.synthesis.block_resolutions)):
        first = max(2 * k - 1, 0)
        rows += list(range(first, 2 * k + 2))
    return rows


def random_styles(photos: PictureSet) -> PictureSet:
    """The people of `photos` from the same sides, each in a style of its own; `RandomStyle` is never an art
    style.
    """
    return picture_set("random", photos.latents, lambda first: RandomStyle(1 + first), size=SMALL)


def shown(photo: Tensor, styled: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs `[B, 3, S, S]` of the encoder, made of pictures of its size, and `[B]` 1 where the photo's own
    appearance can still be seen.

    Five in ten stay photos, of which alone colours are learned; one is a photo with changes, four are random
    styles with changes.
    """
    lot = torch.rand(len(photo), generator=g)
    image = torch.where((lot < 0.6)[:, None, None, None], photo, styled)
    plain = lot < 0.5
    image[~plain] = change_appearance(image[~plain], g, strength=0.8)
    moved, _ = random_move(image, g, roll=4.0, shift=0.02, zoom=0.04)
    still = plain & (torch.rand(len(photo), generator=g) < 0.7)
    return torch.where(still[:, None, None, None], image, moved), plain.float()


def encoder_loss(
    encoder: StyleEncoder,
    generator: StyleGAN2Generator,
    photo: Tensor,
    latents: Tensor,
    image: Tensor,
    own: Tensor,
) -> dict[str, Tensor]:
    """Distance of codes and, through the frozen generator, of pictures.

    Args:
        photo: true photos `[B, 3, S, S]`.
        latents: normalised latents of the photos.
        image: inputs `[B, 3, 64, 64]`.
        own: `[B]`, 1 where the input shows the photo's appearance.
    """
    with torch.no_grad():
        target = generator.mapping(latents)
    with autocast(image.device.type):
        raw = encoder(image)
    guess = raw.float() + encoder.latent_avg
    fine = torch.arange(generator.num_ws, device=guess.device)[None, :, None] >= MIXING_LAYER
    codes = torch.where(fine & (own < 0.5)[:, None, None], target, guess)
    drawn = draw(SynthesisTo(generator.synthesis), codes, SIDE)
    gap = (drawn - F.avg_pool2d(photo, photo.shape[-1] // SIDE)).abs().mean()
    return {"style": style_loss(generator, guess, target, own), "picture": PICTURE_WEIGHT * gap}


def train(
    folder: str | os.PathLike[str], *, minutes: float = 25.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes against `folder/photo.safetensors`; writes `folder/encoder.safetensors`."""
    generator = load_model(Path(folder) / "photo.safetensors", device)
    photos = photo_set(PHOTOS, TRAINING_SEED, SMALL)
    styled = random_styles(photos)
    net = StyleEncoder(CONFIG, seed).to(device, memory_format=torch.channels_last)
    net.latent_avg.copy_(generator.mapping.w_avg.expand_as(net.latent_avg))
    config = LoopConfig(minutes=minutes, seed=seed, hold=0.4, average=0.995)
    trainer = Trainer("encoder", net, parameter_groups(net, 3e-3), folder, config)

    def loss(trainer: Trainer) -> dict[str, Tensor]:
        index = torch.randint(len(photos), (BATCH,), generator=trainer.generator)
        photo = photos.images(index)
        image, own = shown(photo, styled.images(index), trainer.generator)
        tensors = [t.to(device) for t in (photo, photos.latents[index], image, own)]
        return encoder_loss(net, generator, *tensors)

    def inputs() -> Iterator[Tensor]:
        g = torch.Generator().manual_seed(seed)
        for _ in range(24):
            index = torch.randint(len(photos), (2 * BATCH,), generator=g)
            yield shown(photos.images(index), styled.images(index), g)[0].to(device)

    export = exporter(folder, "style_encoder", inputs=inputs)
    tests = [part.images(torch.arange(8)) for part in (photos, styled)]

    def show(trainer: Trainer) -> None:
        export(trainer)
        seen = torch.cat(tests)
        with torch.no_grad():
            codes = trainer.average(seen) + trainer.average.latent_avg
            drawn = draw(SynthesisTo(generator.synthesis), codes, SMALL, half=False)
        trainer.say(f"encoder: PSNR of training photos {psnr(drawn[:8], tests[0]):.2f} dB at {SMALL} px")
        save_sheet([tests[0], drawn[:8], tests[1], drawn[8:]], Path(folder) / "encoder.png")

    return trainer.run(loss, show)

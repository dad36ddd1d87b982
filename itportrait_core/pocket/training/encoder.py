"""Training of `encoder`: any picture of a head -> codes of the `photo` generator, its pose and shape kept.

Inputs are photos, photos with a heavily changed appearance, and heads in random styles (shading and shape
drawn at random); the eight art styles are never shown. Targets are the codes of the photo with the same
geometry and pose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoints.format import load_model
from ...networks.encoders import StyleEncoder, StyleEncoderConfig
from ...networks.stylegan2 import StyleGAN2Generator
from ..styles import RandomStyle
from . import encoder_feedback
from .appearance import change_appearance
from .code_scale import CodeScale, measure
from .export import exporter
from .loop import LoopConfig, Trainer
from .muon import parameter_groups
from .photo import CONFIG as PHOTO
from .pictures import SMALL, TRAINING_SEED, PictureSet, photo_set, picture_set
from .stopped_synthesis import SynthesisTo, draw
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
PICTURES_FROM = 0.3
"""Share of the time after which pictures are compared: codes alone are learned at twice the speed."""
SIDE = 32  # pixels of the picture loss
FIRST = "encoder_first"
FIRST_SHARE = 0.6
"""Share of the time in which the encoder learns to answer at one look; the rest is `encoder_feedback`'s."""


def random_styles(photos: PictureSet) -> PictureSet:
    """The people of `photos` from the same sides, each in a style of its own; `RandomStyle` is never an art
    style.
    """
    return picture_set("random", photos.latents, lambda first: RandomStyle(1 + first), size=SMALL)


def photo_or_styled(photo: Tensor, styled: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs `[B, 3, S, S]` of the encoder, made of pictures of its size, and `[B]` 1 where the photo's own
    appearance can still be seen.

    Five in ten stay photos, of which alone colours are learned; one is a photo with changes, four are random
    styles with changes.
    """
    lot = torch.rand(len(photo), generator=rng).to(photo)
    image = torch.where((lot < 0.6)[:, None, None, None], photo, styled)
    plain = lot < 0.5
    image[~plain] = change_appearance(image[~plain], rng, strength=0.8)
    moved, _ = random_move(image, rng, roll=4.0, shift=0.02, zoom=0.04)
    still = plain & (torch.rand(len(photo), generator=rng).to(photo) < 0.7)
    return torch.where(still[:, None, None, None], image, moved), plain.float()


def encoder_loss(
    encoder: StyleEncoder,
    generator: StyleGAN2Generator,
    scale: CodeScale,
    photo: Tensor,
    latents: Tensor,
    image: Tensor,
    own: Tensor,
    *,
    compare_pictures: bool = True,
) -> dict[str, Tensor]:
    """Distance of codes and, through the frozen generator, of pictures.

    Args:
        photo: true photos `[B, 3, S, S]`.
        latents: normalised latents of the photos.
        image: inputs `[B, 3, 64, 64]`.
        own: `[B]`, 1 where the input shows the photo's appearance.
        compare_pictures: whether pictures are compared too.
    """
    with torch.no_grad():
        target = generator.mapping(latents)
    (guess,) = encoder_feedback.answers(encoder, SynthesisTo(generator.synthesis), image, corrections=0)
    losses = {"code": scale.error(guess, target, own)}
    if not compare_pictures:
        return losses
    error = encoder_feedback.picture_error(generator, guess, target, photo, own, SIDE)
    return losses | {"picture": encoder_feedback.PICTURE_WEIGHT * error}


def first_stage(
    folder: Path,
    generator: StyleGAN2Generator,
    sets: tuple[PictureSet, PictureSet],
    batch: Callable[[Trainer], list[Tensor]],
    *,
    minutes: float,
    seed: int,
    device: str,
) -> Path:
    """Learn to answer at one look; returns the file `folder/encoder_first.safetensors`."""
    net = StyleEncoder(CONFIG, seed).to(device, memory_format=torch.channels_last)
    net.latent_avg.copy_(generator.mapping.w_avg.expand_as(net.latent_avg))
    small = SynthesisTo(generator.synthesis)
    photos = sets[0]
    scale = measure(generator, photos.latents.to(device), lambda codes: draw(small, codes, SIDE))
    config = LoopConfig(minutes=minutes, seed=seed, hold=0.4, average=0.995)
    trainer = Trainer(FIRST, net, parameter_groups(net, 3e-3), folder, config)

    def loss(trainer: Trainer) -> dict[str, Tensor]:
        return encoder_loss(
            net, generator, scale, *batch(trainer), compare_pictures=trainer.progress >= PICTURES_FROM
        )

    def inputs() -> Iterator[Tensor]:
        rng = torch.Generator().manual_seed(seed)
        for _ in range(24):
            index = torch.randint(len(photos), (2 * BATCH,), generator=rng)
            photo, drawn = (part.images(index).to(device) for part in sets)
            yield photo_or_styled(photo, drawn, rng)[0]

    trainer.run(loss, exporter(folder, "style_encoder", inputs=inputs))
    return folder / f"{FIRST}.safetensors"


def train(
    folder: str | os.PathLike[str],
    *,
    minutes: float = 90.0,
    seed: int = 0,
    device: str = "cpu",
    begin: Path | None = None,
) -> nn.Module:
    """Train for so many minutes against `folder/photo.safetensors`; writes `folder/encoder.safetensors`.

    Args:
        folder: where the files lie.
        minutes: time budget of both stages over all resumed runs.
        seed: of the start weights and of everything drawn.
        device: "cpu" or "cuda".
        begin: an encoder to begin the second stage with; None for the first stage's.
    """
    folder = Path(folder)
    generator = load_model(folder / "photo.safetensors", device).requires_grad_(False)
    photos = photo_set(PHOTOS, TRAINING_SEED, SMALL)
    styled = random_styles(photos)

    def batch(trainer: Trainer) -> list[Tensor]:
        index = torch.randint(len(photos), (BATCH,), generator=trainer.rng)
        rows = (photos.images(index), photos.latents[index], styled.images(index))
        photo, latents, drawn = (t.to(device) for t in rows)
        return [photo, latents, *photo_or_styled(photo, drawn, trainer.rng)]

    common: dict[str, Any] = {"seed": seed, "device": device}
    left = minutes
    if begin is None:
        left = minutes * (1 - FIRST_SHARE)
        begin = first_stage(folder, generator, (photos, styled), batch, minutes=minutes - left, **common)
    return encoder_feedback.train(begin, folder, generator, (photos, styled), batch, minutes=left, **common)

"""Second stage of `encoder`: it learns to correct its answer after a look at its own reconstruction.

Asked once, the encoder is off by a little everywhere: an eye one pixel too high costs more than a wrong
colour. Of its own reconstruction it knows how to read the same facts; the difference of both readings is
what the first answer lacked (`networks.encoders.correct`). Batch statistics stay as the first stage left
them, so that picture and reconstruction are read with the same eyes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.format import load_model
from ...networks.encoders import StyleEncoder, correct
from ...networks.stylegan2 import StyleGAN2Generator
from .code_scale import CodeScale, measure
from .export import exporter
from .loop import LoopConfig, Trainer
from .muon import parameter_groups
from .photo_truth import MIXING_LAYER
from .pictures import SMALL, PictureSet
from .precision import autocast
from .preview import mean_psnr, save_sheet
from .stopped_synthesis import SynthesisTo, draw

CORRECTIONS = 1
RATE = 2e-3
CODE_WEIGHT = 0.3
PICTURE_WEIGHT = 10.0
FIRST_WEIGHT = 0.5
"""Weight of the first answer's losses beside the corrected one's."""


def answers(encoder: StyleEncoder, synthesis: SynthesisTo, image: Tensor, corrections: int) -> list[Tensor]:
    """Codes `[B, num_ws, w_dim]` after every look; a correction leaves the answer before it alone."""

    def read(pictures: Tensor) -> Tensor:
        with autocast(pictures.device.type):
            return encoder(pictures).float()

    return correct(
        encoder, image, lambda codes: draw(synthesis, codes, image.shape[-1]), corrections + 1, read
    )


def picture_error(
    generator: StyleGAN2Generator, guess: Tensor, target: Tensor, photo: Tensor, own: Tensor, side: int
) -> Tensor:
    """Mean squared error of the picture of codes `guess [B, num_ws, w_dim]` at `side` pixels, `[]`.

    Where `own [B]` is 0 the fine layers are the target's: the input did not show the photo's appearance.
    """
    fine = torch.arange(generator.num_ws, device=guess.device)[None, :, None] >= MIXING_LAYER
    codes = torch.where(fine & (own < 0.5)[:, None, None], target, guess)
    gap = draw(SynthesisTo(generator.synthesis), codes, side) - F.avg_pool2d(photo, photo.shape[-1] // side)
    return gap.square().mean()


def feedback_loss(
    encoder: StyleEncoder,
    generator: StyleGAN2Generator,
    scale: CodeScale,
    photo: Tensor,
    latents: Tensor,
    image: Tensor,
    own: Tensor,
) -> dict[str, Tensor]:
    """Distance of codes and of pictures, of the first answer and of the last.

    Args:
        photo: true photos `[B, 3, S, S]`, compared at their size.
        latents: normalised latents of the photos.
        image: inputs `[B, 3, 64, 64]`.
        own: `[B]`, 1 where the input shows the photo's appearance.
    """
    with torch.no_grad():
        target = generator.mapping(latents)
    history = answers(encoder, SynthesisTo(generator.synthesis), image, CORRECTIONS)
    losses: dict[str, Tensor] = {}
    for name, guess, share in (("first", history[0], FIRST_WEIGHT), ("", history[-1], 1.0)):
        side = photo.shape[-1] // (2 if name else 1)
        error = picture_error(generator, guess, target, photo, own, side)
        losses[f"{name} code".strip()] = share * CODE_WEIGHT * scale.error(guess, target, own)
        losses[f"{name} picture".strip()] = share * PICTURE_WEIGHT * error
    return losses


def train(
    begin: Path,
    folder: str | os.PathLike[str],
    generator: StyleGAN2Generator,
    tests: tuple[PictureSet, ...],
    batch: Callable[[Trainer], list[Tensor]],
    *,
    minutes: float,
    seed: int,
    device: str,
) -> nn.Module:
    """Train for so many minutes; writes `folder/encoder.safetensors`.

    Args:
        begin: weights of the first stage, or of an earlier run of this one.
        folder: of the weights and of the resume point.
        generator: `photo`, frozen.
        tests: sets of which eight pictures each are shown; the first are photos.
        batch: draws photo, latents, image and own of `feedback_loss`.
        minutes: time budget over all resumed runs.
        seed: of everything drawn.
        device: "cpu" or "cuda".
    """
    net = load_model(begin, device).to(memory_format=torch.channels_last).requires_grad_(True).eval()
    net.config = replace(net.config, corrections=CORRECTIONS)
    synthesis = SynthesisTo(generator.synthesis)
    scale = measure(generator, tests[0].latents.to(device), lambda codes: draw(synthesis, codes, SMALL // 2))
    config = LoopConfig(minutes=minutes, seed=seed, hold=0.4, average=0.995)
    trainer = Trainer("encoder", net, parameter_groups(net, RATE), folder, config)
    export = exporter(folder, "style_encoder")

    def loss(trainer: Trainer) -> dict[str, Tensor]:
        return feedback_loss(net, generator, scale, *batch(trainer))

    def show(trainer: Trainer) -> None:
        export(trainer)
        images = [part.images(torch.arange(8)) for part in tests]
        with torch.no_grad():
            history = answers(trainer.average, synthesis, torch.cat(images).to(device), CORRECTIONS)
            drawn = [draw(synthesis, codes, SMALL, half=False).cpu() for codes in history]
        values = ", then ".join(f"{mean_psnr(picture[:8], images[0]):.2f} dB" for picture in drawn)
        trainer.say(f"encoder: PSNR of training photos {values} at {SMALL} px")
        rows = [row for pair in zip(images, drawn[-1].split(8), strict=True) for row in pair]
        save_sheet(rows, Path(folder) / "encoder.png")

    return trainer.run(loss, show)

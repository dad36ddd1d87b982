"""Training of `encoder`: any picture of a head -> codes of the `photo` generator, its pose and shape kept.

Inputs are photos, photos with a heavily changed appearance, and heads in random styles (shading and shape
drawn at random); the eight art styles are never shown. Targets are the codes of the photo with the same
geometry and pose.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.encoders import StyleEncoder, StyleEncoderConfig
from ...networks.stylegan2 import StyleGAN2Generator
from .appearance import change_appearance
from .photo import CONFIG as PHOTO
from .photo import SynthesisTo, draw
from .photo_truth import MIXING_LAYERS
from .warps import random_move

CONFIG = StyleEncoderConfig(
    kind="e4e",
    input_size=64,
    widths=(32, 64, 128, 160),
    units=(1, 1, 2, 2),
    style_count=PHOTO.num_ws,
    code_dim=PHOTO.w_dim,
    style_width=48,
    coarse_count=6,
    middle_count=6,
)
SIDE = 64  # pixels of the picture loss
FINE = MIXING_LAYERS[0]  # first layer of appearance


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
        total = total + (error if row < FINE else error * kept).mean()
    return total / len(rows)


def layer_rows(generator: StyleGAN2Generator) -> list[int]:
    """Index of the code that each modulated layer reads, in the order of `styles_of`."""
    rows = []
    for k in range(len(generator.synthesis.block_resolutions)):
        first = max(2 * k - 1, 0)
        rows += list(range(first, 2 * k + 2))
    return rows


def shown(photo: Tensor, styled: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs `[B, 3, 64, 64]`, and `[B]` 1 where the photo's own appearance can still be seen.

    A third stays a photo, the rest is equal parts changed photos and changed random styles.
    """
    lot = torch.rand(len(photo), generator=g)
    image = torch.where((lot < 0.5)[:, None, None, None], photo, styled)
    plain = lot < 0.3
    image[~plain] = change_appearance(image[~plain], g, strength=0.8)
    moved, _ = random_move(image, g, roll=4.0, shift=0.02, zoom=0.05)
    keep = torch.rand(len(photo), generator=g) < 0.5
    image = torch.where((plain & keep)[:, None, None, None], image, moved)
    return F.avg_pool2d(image, image.shape[-1] // CONFIG.input_size), plain.float()


def encoder_loss(
    encoder: StyleEncoder,
    generator: StyleGAN2Generator,
    photo: Tensor,
    latents: Tensor,
    image: Tensor,
    own: Tensor,
    picture_weight: float,
) -> Tensor:
    """Distance of codes and, through the frozen generator, of pictures.

    Args:
        photo: true photos `[B, 3, 128, 128]`.
        latents: normalised latents of the photos.
        image: inputs `[B, 3, 64, 64]`.
        own: `[B]`, 1 where the input shows the photo's appearance.
        picture_weight: weight of the picture loss.
    """
    with torch.no_grad():
        target = generator.mapping(latents)
    with torch.autocast("cpu", torch.bfloat16):
        raw = encoder(image)
    guess = raw.float() + encoder.latent_avg
    loss = style_loss(generator, guess, target, own)
    if picture_weight > 0:
        fine = torch.arange(generator.num_ws)[None, :, None] >= FINE
        codes = torch.where(fine & (own < 0.5)[:, None, None], target, guess)
        drawn = draw(SynthesisTo(generator.synthesis), codes, SIDE)
        loss = loss + picture_weight * (drawn - F.avg_pool2d(photo, photo.shape[-1] // SIDE)).abs().mean()
    return loss

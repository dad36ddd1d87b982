"""Training of `generator`: the pocket EG3D, by supervised regression on procedural heads.

The field comes first: density and colour at 3D points near the true surface, and emptiness up to the edge
of the box. Then rays through the true camera, in cut-outs that super-resolution enlarges, mostly of the
face; from time to time whole pictures at half the resolution, which serve as a fast mode. In half of every
batch the last five style vectors come from another latent that shares only the appearance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call

from ...networks.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig, SuperResolutionConfig
from ..attributes import Z_DIM
from .export import exporter
from .generator_losses import cut_losses, field_loss, whole_losses
from .heads_seen import SeenHeads, mix_latents, sample_field
from .loop import LoopConfig, Trainer

MAPPING_GAIN = 100.0
"""Factor on the step size of the mapping network, whose own learning-rate multiplier is 0.01."""
FINE_LAYERS = 5
"""Style vectors, counted from the end, that carry the appearance."""
DENSITY_GAIN = 40.0
"""Start scale of the decoder's density output, which must span hundreds."""

CONFIG = EG3DConfig(
    z_dim=Z_DIM,
    w_dim=128,
    mapping_layers=4,
    embed_features=8,
    layer_features=256,
    backbone_resolution=128,
    channel_base=4096,
    channel_max=192,
    decoder_hidden=32,
    neural_rendering_resolution=64,
    superresolution=SuperResolutionConfig(64, (32, 24), (1, 2)),
    rendering=RenderingConfig(16, 16, 2.25, 3.15, white_back=True, c_gen_conditioning_zero=True),
)
"""Sizes: a picture of 128 px from planes of 128 px; 2.8 million parameters."""


@dataclass(frozen=True)
class GeneratorTraining:
    """Batch sizes and weights of the losses."""

    rate: float = 2e-3
    """Step size of everything but the mapping network."""
    heads: int = 4
    """Heads per step once pictures are rendered; twice as many while only the field is learned."""
    fresh: int = 1
    """Of these, heads that were never seen before."""
    rays_from: float = 0.08
    """Share of the time budget after which rays are rendered."""
    full_precision_from: float = 0.75
    """Share of the time budget after which planes are computed in float32 instead of bfloat16."""
    side: int = 24
    """Side of a cut-out of the raw picture, pixels."""
    near_points: int = 2048
    """Points about the surface of each head."""
    free_points: int = 2048
    """Points anywhere in the box."""
    whole_every: int = 8
    """Every so many steps, whole pictures at half resolution instead of cut-outs."""
    density: float = 1.0
    """Weight of the density at points."""
    colour: float = 1.0
    """Weight of the colour at points."""
    raw: float = 1.0
    """Weight of the raw picture."""
    image: float = 1.5
    """Weight of the enlarged picture."""
    mask: float = 0.5
    """Weight of the opacity."""
    depth: float = 1.0
    """Weight of the depth."""


def planes_fast(generator: EG3DGenerator, ws: Tensor, half: bool) -> Tensor:
    """Planes [B, 3, C, H, W] in float32; computed in bfloat16 where `half`, with float32 gradients."""
    if not half:
        return generator.planes(ws, noise_mode="none")
    network = generator.backbone.synthesis
    weights = {key: value.bfloat16() for key, value in network.state_dict(keep_vars=True).items()}
    planes = functional_call(network, weights, (ws.bfloat16(), "none")).float()
    return planes.unflatten(1, (3, generator.config.plane_channels))


def style_vectors(generator: EG3DGenerator, latents: Tensor, random: torch.Generator) -> Tensor:
    """Style vectors [B, num_ws, w_dim] of heads; the second half of the batch by style mixing."""
    half = len(latents) // 2
    coarse, fine = mix_latents(latents[half:], random)
    ws = generator.mapping(torch.cat([latents[:half], coarse, fine]), update_w_avg=True)
    plain, coarse_ws, fine_ws = ws.split([half, len(coarse), len(fine)])
    mixed = torch.cat([coarse_ws[:, :-FINE_LAYERS], fine_ws[:, -FINE_LAYERS:]], dim=1)
    return torch.cat([plain, mixed])


def step_losses(trainer: Trainer, store: SeenHeads, settings: GeneratorTraining) -> dict[str, Tensor]:
    """All loss terms of one step."""
    generator, random = trainer.module, trainer.generator
    rays = trainer.progress >= settings.rays_from
    count = settings.heads if rays else 2 * settings.heads
    fresh = min(settings.fresh, count) if len(store) >= 64 else count
    seen = store.batch(count, fresh)
    ws = style_vectors(generator, seen.latents, random)
    planes = planes_fast(generator, ws, half=trainer.progress < settings.full_precision_from)
    density, colour = field_loss(
        generator, planes, sample_field(seen, settings.near_points, settings.free_points, random)
    )
    losses = {"density": settings.density * density, "colour": settings.colour * colour}
    if not rays:
        return losses
    if trainer.step % settings.whole_every == 0:
        pictures = whole_losses(generator, planes, ws, seen, 32, random)
    else:
        pictures = cut_losses(generator, planes, ws, seen, settings.side, random)
    return losses | {key: getattr(settings, key) * value for key, value in pictures.items()}


def parameter_groups(generator: EG3DGenerator, rate: float) -> list[dict]:
    """Optimiser groups: the mapping network takes steps that make up for its learning-rate multiplier."""
    mapping = list(generator.backbone.mapping.parameters())
    own = {id(p) for p in mapping}
    rest = [p for p in generator.parameters() if id(p) not in own]
    return [{"params": rest, "lr": rate}, {"params": mapping, "lr": rate * MAPPING_GAIN}]


def start(seed: int) -> EG3DGenerator:
    """An untrained generator whose density output already has the scale that it needs."""
    generator = EG3DGenerator(CONFIG, seed=seed)
    with torch.no_grad():
        generator.decoder.net[2].weight[0] *= DENSITY_GAIN
    return generator


def train(
    folder: Path,
    *,
    minutes: float = 240.0,
    seed: int = 0,
    device: str = "cpu",
    settings: GeneratorTraining | None = None,
) -> None:
    """Train, or continue; writes `generator.safetensors` and the resume point into `folder`.

    Args:
        folder: where the files lie.
        minutes: time budget over all resumed runs.
        seed: of the start weights and of everything drawn.
        device: only "cpu" and "cuda" were tried.
        settings: batch sizes and weights.
    """
    settings = settings or GeneratorTraining()
    generator = start(seed).to(device)
    trainer = Trainer(
        "generator",
        generator,
        parameter_groups(generator, settings.rate),
        folder,
        LoopConfig(minutes=minutes, seed=seed, clip=5.0),
    )
    store = SeenHeads(seed=seed + trainer.step)
    write = exporter(folder, "eg3d")
    trainer.run(lambda t: step_losses(t, store, settings), on_save=write)
    write(trainer)

"""Training of `generator`: the pocket EG3D, by supervised regression on procedural heads.

The field comes first: density and colour at 3D points near the true surface, and emptiness up to the edge
of the box. Then rays through the true camera, in cut-outs that super-resolution enlarges, mostly of the
face; from time to time whole pictures at half the resolution, which serve as a fast mode. In half of every
batch the last five style vectors come from another latent that shares only the appearance.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoints.format import load_generator
from ...errors import ITPortraitError
from ...networks.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig, SuperResolutionConfig
from ..attributes import Z_DIM
from . import muon
from .adopt import adopt
from .devices import device_of, threads_beside
from .export import exporter
from .generator_losses import cut_losses, field_loss, whole_losses
from .heads_seen import SeenHeads, mix_latents, sample_field
from .loop import LoopConfig, Trainer
from .mapping_start import build_mapping
from .stopped_synthesis import SynthesisTo, draw

FINE_LAYERS = 5
"""Style vectors, counted from the end, that carry the appearance."""
DENSITY_GAIN = 40.0
"""Start scale of the decoder's density output, which must span hundreds."""

CONFIG = EG3DConfig(
    z_dim=Z_DIM,
    w_dim=128,
    mapping_layers=3,
    embed_features=8,
    layer_features=384,
    backbone_resolution=128,
    plane_channels=16,
    channel_base=4096,
    channel_max=192,
    decoder_hidden=32,
    neural_rendering_resolution=64,
    plane_axes=((0, 1), (0, 2), (2, 1)),  # with a (z, y) plane, which the released models lack
    superresolution=SuperResolutionConfig(64, (32, 24), (1, 2)),
    rendering=RenderingConfig(16, 16, 2.25, 3.15, white_back=True, c_gen_conditioning_zero=True),
)
"""Sizes: a picture of 128 px from planes of 128 px; 2.7 million parameters."""


@dataclass(frozen=True)
class GeneratorTraining:
    """Batch sizes and weights of the losses."""

    rate: float = 2e-2
    """Step size of everything but the mapping network, which is built and not trained."""
    heads: int = 4
    """Heads per step, of which the field is learned."""
    fresh: int = 1
    """Of these, heads that were never seen before."""
    pictures: int = 4
    """Of these, heads of which pictures are rendered."""
    full_planes_from: float = 0.2
    """Share of the time budget after which planes are computed at full instead of half resolution."""
    pictures_from: float = 0.4
    """Share of the time budget after which pictures are rendered."""
    smooth_from: float = 0.5
    """Share of the time budget after which new heads are rendered with four rays per pixel instead of one."""
    full_precision_from: float = 0.9
    """Share of the time budget after which planes are computed in float32, also where bfloat16 is faster."""
    side: int = 28
    """Side of a cut-out of the raw picture, pixels."""
    near_points: int = 1280
    """Points about the surface of each head."""
    free_points: int = 640
    """Points anywhere in the box."""
    whole_every: int = 8
    """Every so many steps, whole pictures at half resolution instead of cut-outs."""
    density: float = 1.0
    """Weight of the density at points."""
    colour: float = 4.0
    """Weight of the colour at points."""
    raw: float = 1.0
    """Weight of the raw picture."""
    image: float = 1.5
    """Weight of the enlarged picture."""
    mask: float = 0.5
    """Weight of the opacity."""
    depth: float = 1.0
    """Weight of the depth."""

    def polish(self) -> GeneratorTraining:
        """For a run that begins with trained weights: everything is asked for at once, by steps too small to
        undo what the weights know.
        """
        return replace(self, rate=7e-3, full_planes_from=0.0, pictures_from=0.0, smooth_from=0.0)


def planes_fast(generator: EG3DGenerator, ws: Tensor, side: int, half: bool) -> Tensor:
    """Planes [B, 3, C, side, side] in float32; `half` as in `draw`."""
    planes = draw(SynthesisTo(generator.backbone.synthesis), ws, side, half)
    return planes.unflatten(1, (3, generator.config.plane_channels))


def style_vectors(generator: EG3DGenerator, latents: Tensor, rng: torch.Generator) -> Tensor:
    """Style vectors [B, num_ws, w_dim] of heads; the second half of the batch by style mixing.

    Latents are drawn on the CPU; style vectors are where the generator is.
    """
    half = len(latents) // 2
    coarse, fine = mix_latents(latents[half:], rng)
    sources = torch.cat([latents[:half], coarse, fine]).to(device_of(generator))
    with torch.no_grad():
        ws = generator.mapping(sources, update_w_avg=True)
    plain, coarse_ws, fine_ws = ws.split([half, len(coarse), len(fine)])
    mixed = torch.cat([coarse_ws[:, :-FINE_LAYERS], fine_ws[:, -FINE_LAYERS:]], dim=1)
    return torch.cat([plain, mixed])


def step_losses(trainer: Trainer, store: SeenHeads, settings: GeneratorTraining) -> dict[str, Tensor]:
    """All loss terms of one step."""
    generator, rng, progress = trainer.module, trainer.rng, trainer.progress
    store.supersample = 1 if progress < settings.smooth_from else 2
    fresh = settings.fresh if len(store) >= 64 else settings.heads
    drawn = store.batch(settings.heads, fresh)
    ws = style_vectors(generator, drawn.latents, rng)
    samples = sample_field(drawn, settings.near_points, settings.free_points, rng)
    heads, samples = drawn.to(ws.device), samples.to(ws.device)
    side = CONFIG.backbone_resolution // (1 if progress >= settings.full_planes_from else 2)
    planes = planes_fast(generator, ws, side, half=progress < settings.full_precision_from)
    density, colour = field_loss(generator, planes, samples)
    losses = {"density": settings.density * density, "colour": settings.colour * colour}
    if progress < settings.pictures_from:
        return losses
    first = int(torch.randint(settings.heads - settings.pictures + 1, (1,), generator=rng))
    some = slice(first, first + settings.pictures)
    if trainer.step % settings.whole_every == 0:
        pictures = whole_losses(generator, planes[some], ws[some], heads[some], 32, rng)
    else:
        pictures = cut_losses(generator, planes[some], ws[some], heads[some], settings.side, rng)
    return losses | {key: getattr(settings, key) * value for key, value in pictures.items()}


def parameter_groups(generator: EG3DGenerator, rate: float) -> list[dict[str, Any]]:
    """Everything but the mapping network, which is built; the backbone's 3x3 kernels are for Muon."""
    after = [*generator.superresolution.parameters(), *generator.decoder.parameters()]
    return [
        *muon.parameter_groups(generator.backbone.synthesis, rate),
        {"params": after, "lr": rate},
    ]


def start(seed: int, trained: EG3DGenerator | None = None) -> EG3DGenerator:
    """A generator to begin with: what `trained` draws, or nothing.

    Its mapping network is built. A new one's density has the wanted scale, and its last backbone block and
    its super-resolution add nothing yet.
    """
    generator = EG3DGenerator(CONFIG, seed=seed)
    build_mapping(generator.backbone.mapping, seed)
    if trained is not None:
        adopt(generator, trained)
        return generator
    with torch.no_grad():
        generator.decoder.net[2].weight[0] *= DENSITY_GAIN
        generator.backbone.synthesis.get_submodule(f"b{CONFIG.backbone_resolution}").torgb.weight.zero_()
        for block in (generator.superresolution.block0, generator.superresolution.block1):
            block.torgb.weight.zero_()
    return generator


def train(
    folder: Path,
    *,
    minutes: float = 240.0,
    seed: int = 0,
    device: str = "cpu",
    settings: GeneratorTraining | None = None,
    begin: Path | None = None,
) -> None:
    """Train, or continue; writes `generator.safetensors` and the resume point into `folder`.

    A run that begins with trained weights polishes them.

    Args:
        folder: where the files lie.
        minutes: time budget over all resumed runs.
        seed: of the start weights and of everything drawn.
        device: "cpu" or "cuda".
        settings: batch sizes and weights.
        begin: weights to begin with (a file of this very generator); None for none.
    """
    settings = settings or GeneratorTraining()
    if begin is not None:
        settings = settings.polish()
    trained = None if begin is None else load_generator(begin)
    if not (trained is None or isinstance(trained, EG3DGenerator)):
        raise ITPortraitError(f"{begin} holds a {trained.family!r} generator; give one of this family's.")
    generator = start(seed, trained).to(device)
    trainer = Trainer(
        "generator",
        generator,
        parameter_groups(generator, settings.rate),
        folder,
        LoopConfig(minutes=minutes, seed=seed, clip=5.0, warmup=100),
    )
    write = exporter(folder, "eg3d")
    with closing(SeenHeads(seed + trainer.step, threads=threads_beside(device))) as store:
        trainer.run(lambda t: step_losses(t, store, settings), on_save=write)
    write(trainer)

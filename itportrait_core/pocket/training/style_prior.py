"""Training of `style_prior`: a basis of weight changes and an encoder of style pictures, from true pairs.

Each step draws pairs of people in one random look. The code of the look comes either from its true
numbers, by a small network that is not shipped, or from the picture of the first person, by the encoder;
with it the generator must draw the second person: true field, true rays, true picture. The generator
itself stays as it is.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints import embedded
from ...checkpoints.format import load_generator
from ...errors import ITPortraitError
from ...methods.shared.lineage import weights_hash
from ...networks.eg3d import EG3DGenerator
from ...networks.style_basis import changed_shapes
from ...networks.style_prior import StylePrior, StylePriorConfig
from ...networks.weights_in_place import with_weights
from .devices import device_of, threads_beside
from .export import exporter
from .generator import CONFIG, GeneratorTraining, planes_fast
from .generator_losses import cut_losses, field_loss
from .heads_seen import sample_field
from .loop import LoopConfig, Trainer
from .style_pairs import Pair, SeenPairs

PATCH = 12
"""Side of the piece of empty space that is looked at, raw pixels."""
LOOK_DIM = 157
"""Length of `WideStyle.vector`."""


@dataclass(frozen=True)
class StylePriorTraining:
    """Batch sizes, step sizes and weights of the losses."""

    rate: float = 2e-3
    """Step size of the basis (Adam)."""
    encoder_rate: float = 7e-4
    """Step size of the encoder and of the network of true numbers."""
    looks: int = 2
    """Looks per step through the generator."""
    fresh: int = 1
    """Of these, looks that were never seen before."""
    read: int = 5
    """Pictures per step that the encoder alone reads."""
    full_planes_from: float = 0.45
    """Share of the time budget after which planes are computed at full instead of half resolution."""
    smooth_from: float = 0.5
    """Share after which new pairs are rendered with four rays per pixel instead of one."""
    encoded: float = 0.5
    """Share of looks whose code is the encoder's."""
    code: float = 0.2
    """Weight of the encoder's distance from the code of the true numbers, relative to its size."""
    paper: float = 4.0
    """Weight of white where there is nothing."""
    points: tuple[int, int] = (640, 256)
    """Points about the surface and anywhere in the box."""


class StylePriorTrainee(nn.Module):
    """What is trained together: the `prior`, which is shipped, and `look`, which is not."""

    def __init__(self, generator: EG3DGenerator, seed: int) -> None:
        super().__init__()
        weights = dict(generator.named_parameters())
        config = StylePriorConfig(weights_hash(generator), changed_shapes(weights))
        self.prior = StylePrior(config, seed)
        self.prior.basis.initialise(weights, torch.Generator().manual_seed(seed))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.look = nn.Sequential(nn.Linear(LOOK_DIM, 256), nn.SiLU(), nn.Linear(256, config.code_dim))

    def true_code(self, vector: Tensor) -> Tensor:
        """Code [B, K] of the true numbers [B, L]; 0 for the photo."""
        return self.look(vector) - self.look(torch.zeros_like(vector))


def jostled(image: Tensor, rng: torch.Generator) -> Tensor:
    """Style pictures [B, 3, H, W] as users bring them: a little moved, blurred, noisy, brighter or darker.

    The numbers are drawn on the CPU; pictures stay where they are.
    """
    count = len(image)
    turn = 0.05 * torch.randn(count, generator=rng)
    size = 1 + 0.05 * torch.randn(count, generator=rng)
    shift = 0.04 * torch.randn(count, 2, generator=rng)
    rows = (
        torch.stack([size * turn.cos(), -size * turn.sin(), shift[:, 0]], 1),
        torch.stack([size * turn.sin(), size * turn.cos(), shift[:, 1]], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1).to(image), list(image.shape), align_corners=False)
    moved = F.grid_sample(image - 1, grid, padding_mode="zeros", align_corners=False) + 1
    soft = F.avg_pool2d(moved, 3, 1, 1, count_include_pad=False)
    amount = torch.rand(count, 1, 1, 1, generator=rng) * (torch.rand(count, 1, 1, 1, generator=rng) < 0.5)
    noise = 0.03 * torch.rand(count, 1, 1, 1, generator=rng) * torch.randn(image.shape, generator=rng)
    return (torch.lerp(moved, soft, amount.to(image)) + noise.to(image)).clamp(-1, 1)


def paper_loss(generator: EG3DGenerator, ws: Tensor) -> Tensor:
    """Mean absolute difference from white of what super-resolution makes of empty space: features of 1."""
    empty = ws.new_ones(len(ws), generator.config.plane_channels, PATCH, PATCH)
    return (generator.superresolution.enlarge(empty[:, :3], empty, ws, "none") - 1).abs().mean()


def pair_losses(
    generator: EG3DGenerator,
    weights: dict[str, Tensor],
    pair: Pair,
    settings: StylePriorTraining,
    side: int,
    rng: torch.Generator,
) -> dict[str, Tensor]:
    """What the second person must look like in the pair's look, drawn with other weights."""
    scale, device = GeneratorTraining(), device_of(generator)
    samples = sample_field(pair.second, *settings.points, rng, pair.look).to(device)
    heads = pair.second.to(device)
    with torch.no_grad():
        ws = generator.mapping(heads.latents)

    def draw(changed: EG3DGenerator) -> dict[str, Tensor]:
        planes = planes_fast(changed, ws, side, half=True)
        density, colour = field_loss(changed, planes, samples)
        losses = {"density": density, "colour": colour}
        losses |= cut_losses(changed, planes, ws, heads, scale.side, rng)
        return losses | {"paper": paper_loss(changed, ws)}

    losses = with_weights(generator, weights, draw)
    weight = {name: getattr(scale, name) for name in losses if name != "paper"} | {"paper": settings.paper}
    return {name: weight[name] * value for name, value in losses.items()}


def step_losses(
    trainer: Trainer, generator: EG3DGenerator, store: SeenPairs, settings: StylePriorTraining
) -> dict[str, Tensor]:
    """All loss terms of one step."""
    trainee, rng, progress = trainer.module, trainer.rng, trainer.progress
    store.supersample = 1 if progress < settings.smooth_from else 2
    fresh = settings.fresh if len(store) >= 32 else settings.looks
    pairs = store.batch(settings.looks, fresh)
    side = CONFIG.backbone_resolution // (1 if progress >= settings.full_planes_from else 2)
    base = dict(generator.named_parameters())
    pictures, vectors = store.pictures(settings.read)
    firsts, looks = torch.cat([p.first.image for p in pairs]), torch.stack([p.vector for p in pairs])
    device = device_of(generator)
    pictures, firsts, vectors, looks = (t.to(device) for t in (pictures, firsts, vectors, looks))
    codes = trainee.prior.encoder(torch.cat([jostled(pictures, rng), jostled(firsts, rng)]))
    read, true = codes[: settings.read], trainee.true_code(vectors)
    gap = (read - true.detach()).square().mean() / true.detach().square().mean().clamp_min(1e-4)
    losses = {"code": settings.code * gap}
    for index, pair in enumerate(pairs):
        code = codes[settings.read + index]
        if float(torch.rand((), generator=rng)) >= settings.encoded:
            code = trainee.true_code(looks[index : index + 1])[0]
        weights = trainee.prior.weights(base, code)
        for name, value in pair_losses(generator, weights, pair, settings, side, rng).items():
            losses[name] = losses.get(name, 0.0) + value / len(pairs)
    return losses


def load_eg3d(folder: Path, device: str) -> EG3DGenerator:
    """`generator.safetensors` of the folder, where there is one, else the embedded generator."""
    own = folder / "generator.safetensors"
    generator = load_generator(own if own.is_file() else embedded.path("generator"), device=device)
    if not isinstance(generator, EG3DGenerator):
        raise ITPortraitError(f"{own} holds a {generator.family!r} generator; an EG3D one is needed here.")
    return generator


def train(
    folder: Path,
    *,
    minutes: float = 120.0,
    seed: int = 0,
    device: str = "cpu",
    settings: StylePriorTraining | None = None,
) -> None:
    """Train, or continue; writes `style_prior.safetensors` and the resume point into `folder`.

    Args:
        folder: where the files lie; its `generator.safetensors` where there is one, else the embedded one.
        minutes: time budget over all resumed runs.
        seed: of the start weights and of everything drawn.
        device: "cpu" or "cuda".
        settings: batch sizes and weights.
    """
    settings = settings or StylePriorTraining()
    generator = load_eg3d(Path(folder), device)
    trainee = StylePriorTrainee(generator, seed).to(device)
    groups = [
        {"params": list(trainee.prior.basis.parameters()), "lr": settings.rate},
        {
            "params": [*trainee.prior.encoder.parameters(), *trainee.look.parameters()],
            "lr": settings.encoder_rate,
        },
    ]
    config = LoopConfig(minutes=minutes, seed=seed, clip=5.0, warmup=100)
    trainer = Trainer("style_prior", trainee, groups, folder, config)
    write = exporter(folder, "style_prior", "prior")
    with closing(SeenPairs(seed + trainer.step, threads=threads_beside(device))) as store:
        trainer.run(lambda t: step_losses(t, generator, store, settings), on_save=write)
    write(trainer)

"""Training of the style prior's encoder alone, after the basis: many pictures, no generator in the loop.

The code that the encoder reads, s', is compared with the code of the look's true numbers, s, by what the
difference does to pictures: (s' - s)^T M (s' - s), where M is the mean of J^T J over people and views and
J is how pictures change with the code. What one picture cannot tell about the look is then guessed so
that pictures err least.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.eg3d import EG3DGenerator
from ...networks.style_prior import StylePrior
from ...networks.weights_in_place import with_weights
from ...rendering import cameras
from ..attributes import Z_DIM
from ..latents import normalise
from .export import exporter
from .loop import LoopConfig, Trainer
from .style_looks import LookPictures
from .style_prior import StylePriorTrainee, jostled, load_eg3d

BATCH = 16
"""Pictures per step."""
PEOPLE = 6
"""People, each from another side, over whom M is a mean."""
STEP = 0.5
"""Length of the code step, in units of its own spread, over which J is measured."""
SIDE = 64
"""Pixels at which pictures are compared."""


@torch.no_grad()
def picture_metric(generator: EG3DGenerator, prior: StylePrior, spread: Tensor, seed: int = 0) -> Tensor:
    """M [K, K]: how much codes change pictures, about the photo.

    Args:
        spread: standard deviation [K] of the codes of looks.
        seed: of the people and cameras.
    """
    rng = torch.Generator().manual_seed(seed)
    ws = generator.mapping(normalise(torch.randn(PEOPLE, Z_DIM, generator=rng)).to(spread.device))
    views = cameras.sample_views(PEOPLE, rng=rng).to(spread.device)
    base = dict(generator.named_parameters())

    def pictures(code: Tensor) -> Tensor:
        def draw(changed: EG3DGenerator) -> Tensor:
            out = [changed.synthesis(w[None], c[None]).image for w, c in zip(ws, views, strict=True)]
            return F.interpolate(torch.cat(out), (SIDE, SIDE), mode="area").flatten()

        return with_weights(generator, prior.weights(base, code), draw)

    still = pictures(torch.zeros_like(spread))
    columns = []
    for k, size in enumerate((STEP * spread).tolist()):
        code = torch.zeros_like(spread)
        code[k] = size
        columns.append((pictures(code) - still) / max(size, 1e-6))
    jacobian = torch.stack(columns, dim=1)
    return jacobian.T @ jacobian / len(jacobian)


def train(
    folder: Path, *, minutes: float = 20.0, seed: int = 0, device: str = "cpu", pictures: int = 16000
) -> None:
    """Train the encoder of the style prior in `folder`; writes `style_prior.safetensors` and a resume point.

    The file of that name that the training of the basis wrote is replaced.

    Args:
        folder: holds `style_prior.resume.pt`, which the training of the basis left.
        minutes: time budget over all resumed runs.
        seed: of everything drawn.
        device: "cpu" or "cuda".
        pictures: number of looks that are rendered once and kept.
    """
    generator = load_eg3d(Path(folder), device)
    trainee = StylePriorTrainee(generator, seed).to(device)
    state = torch.load(Path(folder) / "style_prior.resume.pt", map_location="cpu", weights_only=True)
    trainee.load_state_dict(state["average"])
    trainee.requires_grad_(False)
    prior = trainee.prior
    prior.encoder.requires_grad_(True)
    looks = LookPictures(pictures, seed)
    codes = trainee.true_code(looks.vectors.to(device))
    metric = picture_metric(generator, prior, codes.std(0))
    typical = torch.einsum("bi,ij,bj->b", codes, metric, codes).mean()
    groups = [{"params": list(prior.encoder.parameters()), "lr": 7e-4}]
    config = LoopConfig(minutes=minutes, seed=seed, clip=5.0, warmup=100)
    trainer = Trainer("style_code", prior, groups, folder, config)

    def losses(run: Trainer) -> dict[str, Tensor]:
        index = torch.randint(len(looks), (BATCH,), generator=run.rng)
        images = looks.images(index).to(device)
        gap = run.module.encoder(jostled(images, run.rng)) - codes[index.to(device)]
        return {"code": torch.einsum("bi,ij,bj->b", gap, metric, gap).mean() / typical}

    write = exporter(folder, "style_prior", name="style_prior")
    trainer.run(losses, on_save=write)
    write(trainer)

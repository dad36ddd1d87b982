"""A style in everybody's own colours: its light, line and shape, their skin, hair and clothes.

JoJoGAN keeps colours by leaving out the layers that carry them. Here the finished style is the teacher of
light and dark and of shape, and the generator that it was made from the teacher of colour, so a style of any
origin can be given them: trained, read at once, or blended (docs/method.md#kept-colours).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.colour import luma, tint
from ...guidance.depth import depth_difference
from ...networks.generator3d import G, Generator3D, RenderOutput
from ...rendering import cameras
from ..shared.history import History, Record, rng_digest
from ..shared.lineage import finish
from ..shared.memory_plan import Load
from ..shared.passes import PreviewStrip, backward_by_view, draw_latents, render_each
from ..shared.run import OnStep, trainable_mode
from ..shared.schedule import ramp
from ..shared.terms import read_losses
from ..shared.trainable import adam, copy_for_training, frozen_twin, trained_parameters
from ..shared.training import Trained, TrainingTask, train
from .blend import check_same_shape
from .config import ColourConfig

COARSE = 32
"""Side at which colours are compared: a style moves features by less than such a pixel."""


class ColourTask(TrainingTask):
    """Made-up people from random sides: chroma as `base` draws it, luma and depth as `style` does."""

    def __init__(
        self, base: Generator3D, style: Generator3D, trained: Generator3D, config: ColourConfig
    ) -> None:
        """`base`, `style`: frozen. `trained`: a copy of `style` whose trained modules ask for gradients."""
        self.base, self.style, self.student, self.config = base, style, trained, config
        self.ray_chunk = 0
        rng = torch.Generator().manual_seed(config.seed)
        self.optimizer = adam(trained_parameters(trained).values(), config.lr, config.betas)
        strip = PreviewStrip(style, draw_latents(base, 1, torch.Generator().manual_seed(config.seed)))
        facts = {"method": "colours", "config": config, "base": base, "style": style}
        super().__init__(
            config.steps, rng, [Trained("style", trained, self.optimizer)], strip, facts, [self], Load()
        )

    def update(self, index: int) -> Record:
        """One Adam step."""
        config, digest = self.config, rng_digest(self.rng)
        ws = draw_latents(self.base, 1, self.rng)
        view = cameras.sample_views(1, rng=self.rng).to(ws)
        own, styled = (render_each(one, ws, view)[0] for one in (self.base, self.style))
        losses: dict[str, Tensor] = {}

        def loss_of_view(render: RenderOutput, _: Sequence[int]) -> Tensor:
            parts = {"chroma": render.image.new_zeros(()), "shade": render.image.new_zeros(())}
            for part in ("image", "image_raw"):
                picture, colours, shades = (getattr(one, part) for one in (render, own, styled))
                parts["chroma"] = parts["chroma"] + F.mse_loss(_coarse(picture), _coarse(colours))
                parts["shade"] = parts["shade"] + F.mse_loss(luma(picture), luma(shades))
            parts["depth"] = depth_difference(render.image_depth, styled.image_depth).mean()
            losses.update({name: value.detach() for name, value in parts.items()})
            return torch.stack([getattr(config, name) * value for name, value in parts.items()]).sum()

        self.optimizer.zero_grad(set_to_none=True)
        total = backward_by_view(self.student, ws, view, loss_of_view, ray_chunk=self.ray_chunk)
        rate = config.lr * ramp(index / self.total, 0.0, config.rampdown)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        return Record(index, "colours", read_losses({"colours": total, **losses}), rate, digest)


def _coarse(image: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(tint(image), min(COARSE, image.shape[-1]))


def keep_colours(
    generator: Generator3D, style: G, config: ColourConfig | None = None, on_step: OnStep | None = None
) -> G:
    """A copy of `style` that draws everybody in the colours that `generator` gives them.

    Args:
        generator: G_o, from which the style was made.
        style: any style of it; it is not changed.

    Returns:
        The recoloured style, frozen. Its history is the style's own and the steps of this run.

    Raises:
        ITPortraitError: for a style of another shape.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> own = itp.keep_colours(G, itp.load_generator("pocket"), itp.ColourConfig(steps=2))
        >>> own.lineage["method"]
        'colours'
    """
    config = config or ColourConfig()
    check_same_shape(generator, style)
    with trainable_mode():
        teacher = frozen_twin(style)
        trained = copy_for_training(teacher, config.modules)
        task = ColourTask(frozen_twin(generator), teacher, trained, config)
        train(task, style, "colours", config, on_step)
        history = History([*(style.history or History()), *task.history])
        return finish(trained, style, "colours", config, history)

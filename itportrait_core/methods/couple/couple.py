"""Image-text coupled fine-tuning, and its two halves alone (docs/method.md#alternation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.clip import ClipModel, listed_clips
from ...guidance.perceptual import Perceptual, load_perceptual
from ...networks.generator3d import Generator3D
from ..shared.history import History
from ..shared.passes import PreviewStrip, draw_latents
from ..shared.portrait import Portrait, check_fits
from ..shared.presets import suited
from ..shared.region import Region, restricted
from ..shared.run import OnStep, Points, trainable_mode
from ..shared.trainable import copy_for_training, device_of, frozen_twin
from ..shared.training import TrainingTask, train
from ..stylize.apt import APT, ImageTask
from ..stylize.start import start_of
from .config import ITEConfig
from .ite import ITE
from .tasks import CoupledTask, TextTask

if TYPE_CHECKING:
    from typing_extensions import Unpack

MEAN_PEOPLE = 256
"""People whose mean is the content of a run without a portrait."""


@dataclass(frozen=True)
class CoupledResult:
    """G_t (`target`), G_s (`style`; None after a text-only run) and the run's history."""

    target: Generator3D
    style: Generator3D | None
    history: History


def couple(
    generator: Generator3D,
    portrait: Portrait | None,
    text: str = "",
    clip: ClipModel | Sequence[ClipModel] | None = None,
    config: ITEConfig | None = None,
    on_step: OnStep | None = None,
    *,
    content: Portrait | None = None,
    style: Generator3D | None = None,
    perceptual: Perceptual | None = None,
    region: Region | None = None,
    **points: Unpack[Points],
) -> CoupledResult:
    """Image-text coupled fine-tuning: alternate APT on G_s with ITE on G_t; G_o stays frozen.

    Args:
        generator: G_o. It is not changed.
        portrait: the inverted style picture; may be None for a text-only run.
        text: T_target, "wearing glasses" for instance; may be empty for an image-only run.
        clip: one CLIP or several (their losses are summed); the embedded guide where None.
        config: where None, what suits the size of the generator, as in the node, driven by all that is given.
        content: the person whose latent takes part in Eq. 7; the style portrait where None.
        style: a G_s to start from (from `stylize`); where None, what `config.apt.start` says.
        perceptual: LPIPS for APT and for ITE's `likeness`; the embedded trunk where None.
        region: of space, from `lift_region`; the result draws the text's change inside of it alone, and
            outside what G_s draws, or G_o for a text-only run.
        points: `resume`, a file to continue from, and when it is written; as `run.run` takes them.

    Returns:
        `target` (G_t; after an image-only run the same as `style`), `style` (G_s) and the history. The
        `lineage` and `history` of both generators tell of the run.

    Raises:
        ITPortraitError: for a missing portrait or text that the mode needs, or parts that do not fit.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws, camera = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front()), itp.cameras.orbit(15.0)
        >>> person = itp.Portrait(ws, camera, G.synthesis(ws, camera).image)
        >>> result = itp.couple(G, person, "a person wearing glasses", config=itp.ITEConfig(steps=2, batch=1))
        >>> [record.stage for record in result.history]
        ['apt', 'ite']
    """
    config = config or suited(ITEConfig, generator, _mode(portrait, text))
    _check(config, portrait, text)
    with trainable_mode():
        inputs = _Inputs(generator, portrait, content, text, clip, style, perceptual)
        task = _task(inputs, config)
        made = train(task, generator, "couple:{}", config, on_step, portrait, text or None, **points)
        style_made = None if config.mode == "text_only" else made[0]
        target = made[-1]
        if region is not None and config.mode != "image_only":
            target = restricted(style_made or generator, target, region)
    return CoupledResult(target, style_made, task.history)


@dataclass(frozen=True)
class _Inputs:
    """What `couple` was given, beside its settings."""

    generator: Generator3D
    portrait: Portrait | None
    content: Portrait | None
    text: str
    clip: ClipModel | Sequence[ClipModel] | None
    style: Generator3D | None
    perceptual: Perceptual | None


def _task(inputs: _Inputs, config: ITEConfig) -> TrainingTask:
    """The run that `config.mode` names."""
    generator, device = inputs.generator, device_of(inputs.generator)
    g_o, rng = frozen_twin(generator), torch.Generator().manual_seed(config.seed)
    person = _content_latent(generator, inputs.content or inputs.portrait).to(device)
    portrait = None if inputs.portrait is None else inputs.portrait.for_training(device)
    clips = []
    if config.mode != "image_only" or config.apt.asks_clip:
        clips = listed_clips(inputs.clip, device)
    facts: dict[str, Any] = {
        "method": "couple", "config": config, "source": g_o, "content": person, "text": inputs.text,
        "start": inputs.style or "", "clips": [model.name for model in clips],
        "portrait": [] if portrait is None else [portrait.ws, portrait.camera, portrait.image],
    }  # fmt: skip
    strip = PreviewStrip(g_o, person)

    def ite(g_s: Generator3D | None, perceptual: Perceptual | None) -> ITE:
        g_t = copy_for_training(generator, config.modules, config.trained)
        return ITE(g_o, g_s, g_t, person, inputs.text, clips, config, rng, portrait, perceptual)

    if portrait is None or config.mode == "text_only":
        metric = _metric(inputs.perceptual, device) if config.likeness > 0 else None
        return TextTask(ite(None, metric), strip, facts | {"perceptual": metric.name if metric else ""})
    metric = _metric(inputs.perceptual, device)
    if "style_code" in portrait.report:
        facts["style_code"] = portrait.report["style_code"]
    start = start_of(generator, [portrait], config.apt)
    g_s = copy_for_training(inputs.style or start, config.apt.modules)
    apt = APT(start, g_s, portrait, config.apt, metric, rng, clips, photo=g_o)
    facts |= {"perceptual": metric.name}
    if config.mode == "image_only":
        return ImageTask(apt, config.steps, strip, facts, "adam-style")
    return CoupledTask(apt, ite(g_s, metric), strip, facts)


def _metric(perceptual: Perceptual | None, device: torch.device) -> Perceptual:
    return (perceptual or load_perceptual()).to(device)


def _mode(portrait: Portrait | None, text: str) -> str:
    """What a run is driven by, where no settings say so: by all that is given."""
    if portrait is None:
        return "text_only"
    return "coupled" if text.strip() else "image_only"


def _check(config: ITEConfig, portrait: Portrait | None, text: str) -> None:
    if config.mode != "text_only" and portrait is None:
        raise ITPortraitError(f"Mode {config.mode} needs a style portrait; connect one, or choose text_only.")
    if config.mode != "image_only" and not text.strip():
        raise ITPortraitError(f"Mode {config.mode} needs a text; write one, or choose image_only.")
    if config.mode != "text_only" and config.apt.style_mix > 0:
        raise ITPortraitError(
            f"style_mix is {config.apt.style_mix}; a coupled run mixes no latents. Set it to 0, or use"
            " Style from a Picture (stylize)."
        )
    if config.mode == "coupled" and config.warmup >= config.steps:
        raise ITPortraitError(
            f"The warm-up of {config.warmup} steps leaves none of {config.steps}; raise the steps."
        )


def _content_latent(generator: Generator3D, person: Portrait | None) -> Tensor:
    """Latent [1, num_ws, w_dim] of the content person; the mean of many where there is none."""
    if person is None:
        people = draw_latents(generator, MEAN_PEOPLE, torch.Generator().manual_seed(0))
        return people.mean(dim=0, keepdim=True)
    check_fits(generator, person)
    return person.ws.detach().clone()

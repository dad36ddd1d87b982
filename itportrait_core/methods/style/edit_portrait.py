"""An edit by text or by example: a shift of everybody's styles (docs/method.md#edit-portrait).

StyleCLIP moves each channel of the style space by its relevance for a text: how much CLIP's view of a
picture changes with the channel. There channels are moved one by one; here the generator's own people tell
how channels and CLIP's view go together, so that an edit moves along what the generator can draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.clip import ClipModel, listed_clips
from ...networks.families import family_of, layers_of
from ...networks.generator3d import Generator3D
from ..shared.history import History
from ..shared.lineage import finish
from ..shared.portrait import Portrait, check_fits
from ..shared.presets import SMALL_RESOLUTION
from ..shared.region import Region, restricted
from ..shared.trainable import device_of, frozen_copy
from .blend import check_same_shape
from .config import TEXT_OR_EXAMPLES, EditConfig
from .relevance import OnPerson, Relevance, measure_relevance, shipped_relevance

REACH = 2.5
"""Standard deviations of people along a text that strength 1 goes."""
Example = Portrait | Sequence[Portrait]


def edit_portrait(
    generator: Generator3D,
    text: str = "",
    config: EditConfig | None = None,
    *,
    before: Example | None = None,
    after: Example | None = None,
    base: Generator3D | None = None,
    clip: ClipModel | Sequence[ClipModel] | None = None,
    relevance: Sequence[Relevance] | None = None,
    on_person: OnPerson | None = None,
    region: Region | None = None,
) -> Generator3D:
    """A copy of `generator` that draws everybody as the text says, or changed as from `before` to `after`.

    Nothing is trained. Edits stack: edit the result again.

    Args:
        generator: any style of `base`, or a tuned one, or the base itself; it is not changed.
        text: what people are to become; empty for an edit by example.
        before, after: portraits of the base, one or several of each, whose mean difference is the edit.
        base: whose people tell what channels matter; `generator` where None.
        clip: one CLIP or several, whose directions are averaged; the embedded guide where None.
        relevance: one per CLIP, from `measure_relevance`. Where None, that of the embedded networks is at
            hand, and any other is measured, which takes minutes.
        on_person: progress of measuring.
        region: of space, from `lift_region`; outside of it everything stays as `generator` draws it.

    Raises:
        ITPortraitError: for neither text nor examples, both, a style that was not made from the base, or a
            region of another generator.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> itp.edit_portrait(G, "a smiling person", itp.EditConfig(people=16)).lineage["text"]
        'a smiling person'
    """
    config, source = config or EditConfig(), layers_of(base or generator)[0]
    for layer in layers_of(generator):
        check_same_shape(source, layer)
    by_example = before is not None and after is not None
    if bool(text.strip()) == by_example:
        raise ITPortraitError(TEXT_OR_EXAMPLES)
    with torch.inference_mode(False), torch.no_grad():
        spread = None
        if by_example:
            step = _mean_latent(source, after) - _mean_latent(source, before)
        else:
            clips = listed_clips(clip, device_of(source))
            of = config.people, config.seed
            measured = relevance or [
                shipped_relevance(source, one, *of) or measure_relevance(source, one, *of, on_person)
                for one in clips
            ]
            templates = source.resolution > SMALL_RESOLUTION
            ways = [one.text_direction(text, config.source_text, templates=templates) for one in clips]
            steps = [known.latent_step(way) for known, way in zip(measured, ways, strict=True)]
            step = REACH * torch.stack(steps).mean(dim=0).expand(source.num_ws, -1)
            spread = measured[0].latents
        shifts = disentangled(style_shifts(source, step), channel_spreads(source, spread), config.disentangle)
        edited = frozen_copy(generator)
        for layer in layers_of(edited):
            parameters = dict(layer.named_parameters())
            for name, shift in shifts.items():
                parameters[name].add_(config.strength * shift.to(parameters[name]))
        edited = finish(edited, generator, "edit", config, History(), text=text or None)
        return edited if region is None else restricted(generator, edited, region)


def _mean_latent(generator: Generator3D, people: Example | None) -> Tensor:
    """Mean latent [num_ws, w_dim] of one portrait or several."""
    listed = [people] if isinstance(people, Portrait) else list(people or ())
    if not listed:
        raise ITPortraitError("An example without a portrait; connect at least one before and one after.")
    for one in listed:
        check_fits(generator, one)
    return torch.cat([one.ws.to(device_of(generator)) for one in listed]).mean(dim=0)


def style_shifts(generator: Generator3D, step: Tensor) -> dict[str, Tensor]:
    """What steps of the latents [num_ws, ..., w_dim] add to the styles [..., C], by constant."""
    names, shifts = family_of(generator).names, {}
    for name, layer in generator.named_modules():
        constant = f"{name}.bias"
        latent = names.latent_of(constant, generator.num_ws) if constant.endswith(names.style_bias) else None
        if latent is not None:
            rows = step[latent].reshape(-1, step.shape[-1])
            shifts[constant] = (layer(rows) - layer(torch.zeros_like(rows))).reshape(*step.shape[1:-1], -1)
    return shifts


def channel_spreads(generator: Generator3D, latents: Tensor | None) -> dict[str, Tensor]:
    """Standard deviation [C] of the channels over people, by the covariance of latents [w_dim, w_dim].

    Where that is not known, as if latents had equal and independent components.
    """
    if latents is None:
        latents = torch.eye(generator.w_dim, device=device_of(generator))
    axes, variances, _ = torch.linalg.svd(latents)
    root = (axes * variances.sqrt()).T.expand(generator.num_ws, -1, -1)
    return {name: moved.norm(dim=0).clamp_min(1e-6) for name, moved in style_shifts(generator, root).items()}


def disentangled(
    shifts: Mapping[str, Tensor], spreads: Mapping[str, Tensor], threshold: float
) -> dict[str, Tensor]:
    """Shifts without the channels whose shift, in their own spreads, is below `threshold` of the largest."""
    matter = {name: (shift / spreads[name]).abs() for name, shift in shifts.items()}
    least = threshold * max(float(value.max()) for value in matter.values())
    return {name: torch.where(matter[name] >= least, shift, 0.0) for name, shift in shifts.items()}

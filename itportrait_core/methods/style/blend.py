"""Strength of a style without training: theta_o + a (theta - theta_o) (docs/method.md#blending)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...networks.families import family_of, layers_of
from ...networks.family import Names
from ...networks.generator3d import Generator3D
from ..shared.region import Region, restricted
from ..shared.trainable import frozen_copy
from .config import BlendConfig
from .torn import is_guarded, untorn


def strength_of(name: str, config: BlendConfig, names: Names, backbone_resolution: int) -> float:
    """The strength a of one weight, by its name.

    Convolutions of planes up to `swap_at` (an eighth of the backbone's side: 32 of 256 px) are shape; finer
    ones and all outputs to the planes are texture. The mapping network is never moved.
    """
    part = names.part_of(name)
    if part == "superresolution":
        return config.superresolution
    if part == "decoder":
        return config.decoder
    if part != "synthesis":
        return 0.0
    side = names.side_of(name)
    coarse = side <= (config.swap_at or backbone_resolution // 8)
    whole = config.shape if coarse and not names.writes_planes(name) else config.texture
    return whole * config.at(side)


@torch.no_grad()
def blend(
    base: Generator3D,
    styles: Sequence[Generator3D],
    configs: Sequence[BlendConfig] | BlendConfig | None = None,
    region: Region | None = None,
) -> Generator3D:
    """Move `base` towards one or several styles made from it; their differences add up.

    Strength 0 gives the base bit for bit, strength 1 of a single style gives that style bit for bit.
    Strengths below 0 or above 1.2 are eased towards 0..1 where heads would fall apart; the lineage says the
    ones used.

    Args:
        base: G_o.
        styles: fine-tuned copies of it.
        configs: strengths, one for all or one per style.
        region: of space, from `lift_region`; outside of it everything stays as `base` draws it.

    Returns:
        A new frozen generator; nothing passed in is changed.

    Raises:
        ITPortraitError: for no style, a style of another shape, or a wrong number of strengths.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> half = itp.blend(G, [itp.load_generator("pocket")], itp.BlendConfig(shape=0.5, texture=0.5))
        >>> bool(torch.equal(half.decoder.net[0].weight, G.decoder.net[0].weight))
        True
    """
    chosen = [configs or BlendConfig()] * len(styles) if not isinstance(configs, Sequence) else list(configs)
    if not styles or len(chosen) != len(styles):
        raise ITPortraitError(
            f"{len(styles)} styles and {len(chosen)} strengths; give one strength per style."
        )
    for style in styles:
        check_same_shape(base, style)
    with torch.inference_mode(False):
        if is_guarded(chosen):
            blended = untorn(base, lambda eased: _blended(base, styles, eased), chosen)
        else:
            blended = _blended(base, styles, chosen)
        return blended if region is None else restricted(base, blended, region)


def _blended(base: Generator3D, styles: Sequence[Generator3D], configs: list[BlendConfig]) -> Generator3D:
    result = frozen_copy(base)
    # the lineage of a blend is its own
    result.lineage = {
        "method": "blend",
        "strengths": [config.to_dict() for config in configs],
        "styles": [{k: v for k, v in s.lineage.items() if k != "history"} for s in styles],
    }
    result.load_state_dict(
        {name: mix(name, value, base, styles, configs) for name, value in result.state_dict().items()}
    )
    return result


def mix(
    name: str,
    origin: Tensor,
    base: Generator3D,
    styles: Sequence[Generator3D],
    configs: Sequence[BlendConfig],
) -> Tensor:
    """One weight of the blend. The first style is interpolated, so that both ends are exact."""
    out = origin
    if not origin.is_floating_point():
        return out
    names, side, moved = family_of(base).names, base.config.backbone_resolution, False
    for style, config in zip(styles, configs, strict=True):
        a, value = strength_of(name, config, names, side), style.state_dict()[name].to(origin)
        if a == 0:
            continue
        out = out + a * (value - origin) if moved else torch.lerp(origin, value, a)
        moved = True
    return out


def check_same_shape(base: Generator3D, style: Generator3D) -> None:
    """Refuse a style that was not made from a generator of this shape."""
    if len(layers_of(base)) != len(layers_of(style)):
        raise ITPortraitError(
            "A generator with a region and one without it do not fit. Mix or save whole styles, and restrict"
            " the result: connect the region to the last node; save a generator with a region as it is."
        )
    a, b = base.state_dict(), style.state_dict()
    different = sorted(a.keys() ^ b.keys()) or [k for k in a if a[k].shape != b[k].shape]
    if different:
        raise ITPortraitError(
            f"The style does not fit the base: {different[0]} differs; blend only styles of one base."
        )

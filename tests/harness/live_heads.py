"""Live heads for the browser tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.live_truth import latent
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator
from itportrait_core.networks.eg3d_config import RenderingConfig


def small() -> EG3DGenerator:
    """An untrained generator whose field is quickly read."""
    rendering = RenderingConfig(depth_resolution=6, depth_resolution_importance=6)
    sizes = {"z_dim": 8, "w_dim": 12, "backbone_resolution": 32, "plane_channels": 8, "decoder_hidden": 8}
    config = EG3DConfig(channel_base=256, channel_max=8, rendering=rendering, **sizes)
    return EG3DGenerator(config, seed=0).eval().requires_grad_(False)


def data(*styles: Any, names: Sequence[str] = (), people: Sequence[str] = ("one",)) -> bytes:
    """A live head of person 1 (and 2) by some generators, under names."""
    who = [Person(name, latent(styles[0], 1 + i)) for i, name in enumerate(people)]
    called = names or tuple(f"style {i}" for i in range(len(styles)))
    return pack([Style(name, one) for name, one in zip(called, styles, strict=True)], who)

"""The switch "keep colours" of the nodes that make a style."""

from __future__ import annotations

from typing import Any

from .. import itportrait_core as itp
from ..itportrait_core.methods.shared.run_facts import run_facts
from ..itportrait_core.networks.generator3d import Generator3D
from . import runtime


def facts_of(keep: bool, base: str) -> dict[str, Any]:
    """What the switch adds to a recipe: nothing where it is off, so that results of before keep their names.

    Args:
        base: SHA-256 of the generator's file.
    """
    if not keep:
        return {}
    return {"keep_colours": run_facts("colours", base, settings=itp.ColourConfig().to_dict())}


def recoloured(base: Generator3D, style: Generator3D) -> Generator3D:
    """The style in everybody's own colours, with a progress bar; stopping it keeps what it has so far."""
    with runtime.training():
        return itp.keep_colours(base, style, on_step=runtime.Progress().step)

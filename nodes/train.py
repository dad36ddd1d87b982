"""What nodes that train share: settings from widgets, and a run with progress, live head and result file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..itportrait_core.methods.configs import Config, suited
from ..itportrait_core.networks.generator3d import Generator3D
from . import fields, results, runtime, sockets
from .live_training import LiveTraining

AnyConfig = TypeVar("AnyConfig", bound=Config)


def config_of(
    kind: type[AnyConfig],
    model: Generator3D,
    settings: sockets.SettingsHandle | None,
    steps: int,
    chosen: Mapping[str, object],
    *,
    prior: bool = True,
) -> AnyConfig:
    """The connected settings, else those that suit the generator, with what was chosen by hand.

    Args:
        kind: class of the settings.
        steps: 0 for a number that suits the generator.
        chosen: widgets by field; those left alone keep what suits the generator.
        prior: whether its style prior counts.
    """
    if settings is not None:
        return settings.of(kind)
    config = suited(kind, model, prior=prior).replace(**fields.changed(kind, **chosen))
    return config.replace(steps=steps) if steps else config


def trained(
    facts: Mapping[str, Any],
    base: sockets.GeneratorHandle,
    parts: dict[str, str],
    run: Callable[..., tuple[Generator3D, ...]],
) -> list[sockets.GeneratorHandle]:
    """Handles of what a training makes, or has made before from the same facts.

    Args:
        facts: from `results.recipe`.
        parts: name of a generator in the run -> ending of its file's name, as "target" -> "-target".
        run: trains, given `on_step` and the resume point, and returns generators in the order of `parts`.
    """

    def make() -> results.Made:
        progress = runtime.Progress(LiveTraining(dict(facts), base, parts))
        with runtime.training():
            modules = run(progress.step, on_start=runtime.say, **results.resume_point(facts))
        return results.Made(modules, progress.stopped_at)

    return results.produce(facts, tuple(parts.values()), base, make)

"""A moment of a run is, bit for bit, what the run gives when it is stopped there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from itportrait_core.live.timeline import Timeline, load_moment
from itportrait_core.methods.couple.config import ITEConfig
from itportrait_core.methods.couple.couple import couple
from itportrait_core.methods.shared.run import KeepBest, OnStep
from itportrait_core.methods.stylize.apt import stylize
from itportrait_core.methods.stylize.config import APTConfig
from itportrait_core.methods.tuning.config import TuningConfig
from itportrait_core.methods.tuning.tune import pivotal_tune

from .tiny import tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait

STOP = 2
Results = dict[str, nn.Module]


def stylized(generator: Any, on_step: OnStep) -> Results:
    portrait, perceptual = tiny_portrait(generator), tiny_perceptual()
    return {"style": stylize(generator, portrait, APTConfig(steps=3), on_step, perceptual=perceptual)}


def tuned(generator: Any, on_step: OnStep) -> Results:
    config = TuningConfig(steps=3, lpips_stop=0.0)
    return {
        "tuned": pivotal_tune(
            generator, tiny_portrait(generator), config, on_step, perceptual=tiny_perceptual()
        )
    }


def coupled(generator: Any, on_step: OnStep) -> Results:
    portrait, perceptual = tiny_portrait(generator), tiny_perceptual()
    made = couple(
        generator, portrait, "glasses", tiny_clip(), ITEConfig(steps=3), on_step, perceptual=perceptual
    )
    assert made.style is not None
    return {"target": made.target, "style": made.style}


@pytest.mark.parametrize("method", [stylized, tuned, coupled])
def test_a_moment_is_the_result_of_a_run_that_was_stopped_there(
    tmp_path: Path, method: Callable[[Any, OnStep], Results]
) -> None:
    """Weights, lineage and history are the same; taking the moment changes nothing of the run."""
    generator = tiny_generator()
    timeline = Timeline(tmp_path, generator, 3)

    def watch(step: int, total: int, info: Any) -> None:
        if step + 1 == STOP:
            moment = info.moment()
            timeline.take(STOP, moment.generators, lambda part: {"lineage": moment.lineage(part)})

    def stop(step: int, total: int, info: Any) -> Any:
        return KeepBest if step + 1 == STOP else None

    whole, undisturbed = method(generator, watch), method(generator, lambda *_: None)
    stopped = method(generator, stop)
    for part, wanted in stopped.items():
        kept, facts = load_moment(timeline.file(STOP, part), generator)
        assert facts["lineage"] == json.loads(json.dumps(wanted.lineage))
        for name, value in wanted.state_dict().items():
            assert kept.state_dict()[name].numpy().tobytes() == value.numpy().tobytes(), name
        assert bytes_of(whole[part]) == bytes_of(undisturbed[part])
        assert len(facts["lineage"]["history"]) == STOP < len(whole[part].history)


def bytes_of(generator: nn.Module) -> bytes:
    return b"".join(value.numpy().tobytes() for value in generator.state_dict().values())

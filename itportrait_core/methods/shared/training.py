"""A run that trains copies of a generator: its history, previews and resume points, whatever the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...networks.generator3d import Generator3D
from .config import Config
from .history import History, Record
from .lineage import finish, lineage_on, run_identity
from .memory import HasRayChunk, with_less_memory
from .memory_plan import Load, Plan, free_bytes, plan
from .passes import PreviewStrip
from .portrait import Portrait
from .run import Moment, OnStep, Points, StepInfo, pack_optimizer, run, unpack_optimizer
from .trainable import device_of, pack_weights, unpack_weights

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class Trained:
    """A generator in training and its optimizer.

    Attributes:
        name: beginning of its weights' names in a resume point; its optimizer's are `moments`.
    """

    name: str
    generator: Generator3D
    optimizer: torch.optim.Optimizer
    moments: str = "adam"

    def pack(self) -> dict[str, Tensor]:
        """Weights and optimizer as named tensors."""
        return {**pack_weights(self.generator, self.name), **pack_optimizer(self.optimizer, self.moments)}

    def unpack(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `pack`."""
        unpack_weights(self.generator, tensors, self.name)
        unpack_optimizer(self.optimizer, tensors, self.moments)


class TrainingTask:
    """A `run.Task` over some `Trained` generators and one source of random numbers.

    A method says what a step is (`update`).
    """

    def __init__(
        self,
        total: int,
        rng: torch.Generator,
        trained: Sequence[Trained],
        strip: PreviewStrip,
        facts: Mapping[str, Any],
        renderers: Sequence[HasRayChunk] = (),
        load: Load | None = None,
    ) -> None:
        """`strip` draws the previews; `facts` are all that the run depends on, see `run_identity`.

        `renderers`: what may have to do with fewer rays at once. `load`: what a step holds in memory.
        """
        self.total, self.rng, self.trained, self.strip = total, rng, list(trained), strip
        self.facts, self.history, self.renderers = dict(facts), History(), list(renderers)
        self.plan: Plan | None = None
        if load is not None and renderers:
            free = free_bytes(device_of(strip.g_o))
            self.plan = plan(strip.g_o, load, renderers[-1].ray_chunk, free)
            self.follow(self.plan)

    def follow(self, way: Plan) -> None:
        """Make steps as planned; what the settings say of rays stays."""
        for one in self.renderers:
            one.ray_chunk = one.ray_chunk or way.ray_chunk
            if hasattr(one, "together"):
                one.together = way.together

    def update(self, index: int) -> Record:
        """Make step `index` and say what happened."""
        raise NotImplementedError

    def identity(self) -> str:
        """See `run.Task`."""
        return run_identity(**self.facts)

    def step(self, index: int) -> StepInfo:
        """See `run.Task`."""
        record = with_less_memory(lambda: self.update(index), self.rng, self.renderers)
        self.history.add(record)
        gate, delta = _mean(record.gate), _mean(record.delta)
        return StepInfo(record.losses, self.preview, gate=gate, delta=delta, stage=record.stage)

    def preview(self) -> Tensor:
        """Pictures [N, 3, H, W] by the untrained generator, then by those in training."""
        return self.strip.show(*(one.generator for one in self.trained))

    def finished(self) -> bool:
        """See `run.Task`; most methods make all their steps."""
        return False

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `run.Task`."""
        tensors = {"rng": self.rng.get_state()}
        for one in self.trained:
            tensors |= one.pack()
        return tensors, {"history": self.history.to_json()}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """See `run.Task`."""
        for one in self.trained:
            one.unpack(tensors)
        self.rng.set_state(tensors["rng"])
        self.history = History.from_json(facts["history"])


def with_moments(
    on_step: OnStep | None, task: TrainingTask, lineage: Callable[[str], dict[str, Any]]
) -> OnStep | None:
    """An `on_step` that is also given the generators in training.

    Args:
        lineage: facts for the file of the generator of a name, as a run that is stopped now would give them.
    """
    if on_step is None:
        return None

    def moment() -> Moment:
        return Moment(task.strip.ws, {one.name: one.generator for one in task.trained}, lineage)

    return lambda step, total, info: on_step(step, total, replace(info, moment=moment))


def train(
    task: TrainingTask,
    base: Generator3D,
    method: str,
    config: Config,
    on_step: OnStep | None = None,
    portrait: Portrait | None = None,
    text: str | None = None,
    **points: Unpack[Points],
) -> list[Generator3D]:
    """Run `task` and give back what it trained, frozen, with lineage and history.

    Args:
        base: the untrained generator.
        method: of the lineage; `{}` in it stands for the name of a part.
        on_step: see `run.run`; it is given the generators in training too.
        portrait, text: what the run was made of, for the lineage.
        points: resume point and when it is written, as `run.run` takes them.
    """

    def facts(name: str) -> tuple[Generator3D, str, Config, History, Portrait | None, str | None]:
        return base, method.format(name), config, task.history, portrait, text

    run(task, with_moments(on_step, task, lambda name: lineage_on(*facts(name))), **points)
    return [finish(one.generator, *facts(one.name)) for one in task.trained]


def _mean(values: dict[str, float]) -> float | None:
    return sum(values.values()) / len(values) if values else None

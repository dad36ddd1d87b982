"""The tasks of a sheet on a Ray cluster: core tasks, children by reference, endless retries, nothing pickled.

Ray decides where a task runs and tries it again when its process or node is gone. The locks and names of
results make the retries harmless: what is done is found done.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ITPortraitError
from . import perform, ray_task
from .address import MODE
from .job import Job, Weights
from .perform import Bench
from .places import EMBEDDED
from .tasks import Task

WINDOW = 4
"""Tasks handed to Ray per slot of the cluster: more only fill its memory."""
OWN = ("", "local")
"""Addresses that start a cluster of this machine's own."""
STARTS = 3
"""Tries at that: a node ends itself where its agents need more than fifteen seconds to start."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before a task that somebody else works on is tried again."""


@dataclass(frozen=True)
class RayOptions:
    """How the cluster is used.

    Attributes:
        address: as `ray.init` takes it; "" starts a cluster of this machine's own.
        gpus: share of a GPU for each task; -1 for one where there are GPUs.
        cpus: cores for each task.
        slots: cores of a cluster of one's own; 0 for all.
        send_weights: send weights that are not embedded, for nodes that do not see the models folder.
    """

    address: str = ""
    gpus: float = -1.0
    cpus: float = 1.0
    slots: int = 0
    send_weights: bool = False


def run_on_ray(
    tasks: Sequence[Task], bench: Bench, options: RayOptions, on_outcome: Callable[[str, Task], None]
) -> None:
    """Try tasks until each is done, parked or blocked, or no node can write any more.

    Raises:
        ITPortraitError: where ray is missing or does not start.
    """
    ray = _ray(own=options.address in OWN)
    _connect(ray, options)
    try:
        _Driver(ray, tasks, bench, options, on_outcome).run()
    finally:
        ray.shutdown()


@dataclass
class _Driver:
    """The loop that hands tasks to Ray and hears what came of them."""

    ray: ModuleType
    tasks: Sequence[Task]
    bench: Bench
    options: RayOptions
    on_outcome: Callable[[str, Task], None]
    flying: dict[Any, Task] = field(default_factory=dict)
    outcomes: dict[str, Any] = field(default_factory=dict)
    """Task -> reference to its outcome, while it is under way."""
    weights: dict[str, Any] = field(default_factory=dict)
    """Training -> reference to the bytes of its generator."""
    unfit: set[str] = field(default_factory=set)
    """Nodes that cannot write."""
    pauses: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Task -> not before, and last pause."""

    def __post_init__(self) -> None:
        self.children = Counter(key for task in self.tasks if task.kind == "render" for key in task.needs)
        resources = self.ray.cluster_resources()
        gpus = self.options.gpus if self.options.gpus >= 0 else float(resources.get("GPU", 0) > 0)
        self.bench.device = "cuda" if gpus > 0 else "cpu"
        self.given = {"num_cpus": self.options.cpus, "num_gpus": gpus, "max_retries": -1}
        slots = resources.get("GPU", 1) / gpus if gpus > 0 else resources.get("CPU", 1) / self.options.cpus
        self.window = max(int(WINDOW * slots), 8)
        self.place = ray_task.bench_json(self.bench)
        self.parcels = _parcels(self.ray, self.tasks, self.bench) if self.options.send_weights else {}

    def run(self) -> None:
        waiting = deque(self.tasks)
        while waiting or self.flying:
            self._submit(waiting)
            ready: list[Any] = []
            if self.flying:
                ready, _ = self.ray.wait(list(self.flying), num_returns=1, timeout=1.0)
            else:
                time.sleep(0.1)
            for reference in ready:
                task = self.flying.pop(reference)
                if not self._hear(task, reference):
                    waiting.append(task)
            if self.unfit and self.unfit >= {n["NodeID"] for n in self.ray.nodes() if n["Alive"]}:
                return

    def _submit(self, waiting: deque[Task]) -> None:
        for _ in range(len(waiting)):
            if len(self.flying) >= self.window:
                return
            task = waiting.popleft()
            late = time.monotonic() < self.pauses.get(task.key, (0.0, 0.0))[0]
            known = all(key in self.bench.states or key in self.outcomes for key in task.needs)
            if late or not known:
                waiting.append(task)
                continue
            reference = self._start(task)
            self.outcomes[task.key] = reference
            self.flying[reference] = task

    def _start(self, task: Task) -> object:
        options: dict[str, Any] = dict(self.given)
        if self.unfit:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(self.unfit))})"}
        parents = [self.outcomes.get(key) or self.bench.states[key] for key in task.needs]
        hashes = sorted({one.sha256 for job in task.jobs for one in _weights_of(job)} & set(self.parcels))
        style = next((self.weights[key] for key in task.needs if key in self.weights), b"")
        given = (*parents, *(self.parcels[sha256] for sha256 in hashes))
        remote = self.ray.remote(ray_task.try_task).options(num_returns=2, **options)
        outcome, made = remote.remote(task.to_json(), self.place, json.dumps(hashes), style, *given)
        if task.kind == "train":
            self.weights[task.key] = made
        return outcome

    def _hear(self, task: Task, reference: object) -> bool:
        """Whether a task has ended for good."""
        self.outcomes.pop(task.key, None)
        try:
            state, _, node = str(self.ray.get(reference)).partition("@")
        except self.ray.exceptions.RayError as error:
            failures = self.bench.failures
            failures.failed(task.key, task.label, getattr(error, "cause", None) or error)
            state, node = (perform.PARKED if failures.parked(task.key) else perform.FAILED), ""
        if state == perform.STORAGE:
            self.unfit.add(node)
        if state in perform.ENDED:
            self.bench.states[task.key] = state
        if state in perform.ENDED or state == perform.FAILED:
            self.on_outcome(state, task)
        if task.kind == "render" and state in perform.ENDED:
            self._drop_weights(task)
        pause = min(2 * self.pauses.get(task.key, (0.0, FIRST_PAUSE / 2))[1], LONGEST_PAUSE)
        self.pauses[task.key] = (time.monotonic() + pause, pause)
        return state in perform.ENDED

    def _drop_weights(self, task: Task) -> None:
        """Let go of a generator when all its people are drawn."""
        for key in task.needs:
            self.children[key] -= 1
            if self.children[key] == 0:
                self.weights.pop(key, None)


def _ray(*, own: bool) -> ModuleType:
    """The module. It reads its environment when it is imported: a cluster of our own asks for a token."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if own:
        os.environ.setdefault(MODE, "token")
    try:
        import ray
    except ImportError as error:
        raise ITPortraitError(
            "Ray is not installed here; `pip install -r requirements-ray.txt`, or leave out --backend ray: "
            "without it the work is done by this machine's own processes."
        ) from error
    return ray


def _connect(ray: ModuleType, options: RayOptions) -> None:
    """Join the cluster, or start one of this machine's own."""
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"env_vars": {"PYTHONPATH": paths}}
    own = {"address": "local", "num_cpus": options.slots or None, "include_dashboard": False}
    is_own = options.address in OWN
    chosen = own if is_own else {"address": options.address}
    for left in reversed(range(STARTS if is_own else 1)):
        try:
            ray.init(**chosen, runtime_env=environment, log_to_driver=False)
            return
        except Exception as error:  # Ray raises plain ones where a node is late
            ray.shutdown()
            if not left:
                raise ITPortraitError(
                    f"Ray did not start, or {options.address or 'its node'} did not answer ({error}); try "
                    "again. A node has fifteen seconds to start its agents: wait until a busy machine is "
                    "calmer."
                ) from error


def _parcels(ray: ModuleType, tasks: Sequence[Task], bench: Bench) -> dict[str, Any]:
    """SHA-256 -> reference to the bytes of every file of weights that is not embedded, put once."""
    wanted = {one for task in tasks for job in task.jobs for one in _weights_of(job) if one.file != EMBEDDED}
    files = {one.sha256: bench.places.weights(one.file, one.sha256, "") for one in wanted}
    return {sha256: ray.put(file.read_bytes()) for sha256, file in files.items()}


def _weights_of(job: Job) -> list[Weights]:
    return [job.base, *job.prior.values(), *job.clips]

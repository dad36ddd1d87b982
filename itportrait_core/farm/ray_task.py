"""What Ray runs on a node: one try at one task. Strings go in and out; weights travel as bytes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..checkpoints.hashes import of_bytes
from . import perform
from .perform import Bench, attempt
from .places import Places
from .tasks import Task, files_of
from .work import work_on

MOST_BYTES = 1 << 30
"""Largest generator that travels with its pictures' tasks; larger ones are read from the shared storage."""


def bench_json(bench: Bench) -> str:
    """Folders, device and times of a bench as one string."""
    places = bench.places
    folders = [str(places.input), places.models and str(places.models), str(places.output)]
    return json.dumps([*folders, bench.device, bench.stale, bench.resume_seconds])


def try_task(task: str, bench: str, hashes: str, style: bytes, *given: str | bytes) -> tuple[str, bytes]:
    """Try a task; returns its state and the node, `STATE@NODE`, and the file of what a training ended in.

    Args:
        task: `Task.to_json`.
        bench: `bench_json`.
        hashes: SHA-256 of the files of weights that came along, as a JSON list.
        style: file of the generator that pictures are drawn by; empty where the storage has to be read.
        given: what the tasks that this one needs returned, then the files of weights.
    """
    todo, sent = Task.from_json(task), json.loads(hashes)
    source, models, output, device, stale, seconds = json.loads(bench)
    folder = _parcels(sent, given[len(todo.needs) :]) if sent else None
    places = Places(Path(source), Path(models) if models else None, Path(output), folder)
    ready = Bench(places, device, stale, seconds)
    parents = zip(todo.needs, given, strict=False)
    ready.states.update({key: str(state).partition("@")[0] for key, state in parents})
    if style:
        drawn = ready.results.drawn(todo.jobs[0])
        ready.copies[drawn] = _local_copy(drawn.name, style)
    state = attempt(todo, ready, work_on)
    made = b""
    if todo.kind == "train" and state in (perform.DONE, perform.MADE):
        file = files_of(todo, ready.results)[0]
        made = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
    return f"{state}@{_node()}", made


def _parcels(hashes: Sequence[str], parcels: Sequence[str | bytes]) -> Path:
    """The folder of weights that came along, each checked against its hash."""
    folder = _scratch() / "parcels"
    folder.mkdir(exist_ok=True)
    for sha256, data in zip(hashes, parcels, strict=True):
        file = folder / f"{sha256}.safetensors"
        if not os.path.isfile(file):
            if isinstance(data, str) or of_bytes(data) != sha256:
                raise ValueError(f"weights {sha256[:12]} arrived damaged")
            file.write_bytes(data)
    return folder


def _local_copy(name: str, data: bytes) -> Path:
    """A generator of this node; only the last one is kept."""
    folder = _scratch() / "drawn" / of_bytes(data)
    if not folder.is_dir():
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / name).write_bytes(data)
    return folder / name


@cache
def _scratch() -> Path:
    """A folder of this process alone, removed with it."""
    _holders.append(tempfile.TemporaryDirectory(prefix="itportrait-farm-"))
    return Path(_holders[0].name)


_holders: list[tempfile.TemporaryDirectory[str]] = []


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())

"""What Ray runs on a node: one try at one task. Strings go in and out; weights travel as bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

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


def try_task(task: str, bench: str, known: str, parcels: str, *given: str | bytes) -> str:
    """Try a task; returns its state and the node, `STATE@NODE`.

    Args:
        task: `Task.to_json`.
        bench: `bench_json`.
        known: keys of the parents, as a JSON list.
        parcels: SHA-256 of files of weights, as a JSON list.
        given: what the parents returned, then the files of weights.
    """
    parents, hashes = json.loads(known), json.loads(parcels)
    ready = _bench(bench, hashes, [one for one in given[len(parents) :] if isinstance(one, bytes)])
    states = zip(parents, given, strict=False)
    ready.states.update({key: str(state).partition("@")[0] for key, state in states})
    return f"{attempt(Task.from_json(task), ready, work_on)}@{_node()}"


def try_training(task: str, bench: str, known: str, parcels: str, *given: str | bytes) -> tuple[str, bytes]:
    """As `try_task`, and the trained generator's file, so that its people are drawn where it lies."""
    state = try_task(task, bench, known, parcels, *given)
    if state.partition("@")[0] not in (perform.DONE, perform.MADE):
        return state, b""
    hashes = json.loads(parcels)
    sent = [one for one in given[len(json.loads(known)) :] if isinstance(one, bytes)]
    files = files_of(Task.from_json(task), _bench(bench, hashes, sent).results)
    small = files and files[0].stat().st_size <= MOST_BYTES
    return state, files[0].read_bytes() if files and small else b""


def try_pictures(task: str, bench: str, known: str, parcels: str, weights: bytes, *given: str | bytes) -> str:
    """As `try_task`, with the generator's file as bytes; empty where it is to be read from the storage."""
    todo, parents = Task.from_json(task), json.loads(known)
    ready = _bench(
        bench, json.loads(parcels), [one for one in given[len(parents) :] if isinstance(one, bytes)]
    )
    ready.states.update({key: str(one).partition("@")[0] for key, one in zip(parents, given, strict=False)})
    drawn = ready.results.drawn(todo.jobs[0]) if weights else None
    if drawn is not None:
        ready.copies[drawn] = _local_copy(drawn.name, weights)
    return f"{attempt(todo, ready, work_on)}@{_node()}"


def _bench(text: str, hashes: list[str], parcels: list[bytes]) -> Bench:
    source, models, output, device, stale, seconds = json.loads(text)
    folder = _parcels(tuple(hashes), parcels) if hashes else None
    places = Places(Path(source), Path(models) if models else None, Path(output), folder)
    return Bench(places, device, stale, seconds)


def _parcels(hashes: tuple[str, ...], parcels: list[bytes]) -> Path:
    """The folder of weights that came along, each checked against its hash."""
    folder = _scratch() / "parcels"
    folder.mkdir(exist_ok=True)
    for sha256, data in zip(hashes, parcels, strict=True):
        file = folder / f"{sha256}.safetensors"
        if not file.is_file():
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ValueError(f"weights {sha256[:12]} arrived damaged")
            file.write_bytes(data)
    return folder


def _local_copy(name: str, data: bytes) -> Path:
    """A generator of this node; only the last one is kept."""
    folder = _scratch() / "drawn" / hashlib.sha256(data).hexdigest()
    if not folder.is_dir():
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / name).write_bytes(data)
    return folder / name


@cache
def _scratch() -> Path:
    """A folder of this process alone, removed with it."""
    holder = tempfile.TemporaryDirectory(prefix="itportrait-farm-")
    _holders.append(holder)
    return Path(holder.name)


_holders: list[tempfile.TemporaryDirectory[str]] = []


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())

"""Locks on shared storage: who works on a task, proven by a heartbeat.

The lock of a task is a row of files `KEY.1.lock`, `KEY.2.lock`...; the last one counts. Each is created
exclusively, so two processes never make the same one. A holder that died leaves its file behind; who finds
that stale makes the next one. Stale is a file that was not touched for `stale` seconds, by the clock of the
storage, or whose process has ended on this very machine. Should two work after all, on a network that hides
one from the other, both write the same result under the same name, whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import uuid
from collections.abc import Container
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .files import read_json

STALE_SECONDS = 60.0
BEATS = 6
"""Touches within the time after which a lock is stale."""


@dataclass
class Lock:
    """A task that this process works on; `release` ends it."""

    path: Path
    stale: float
    takes_over: bool
    """Whether a process before this one ended without releasing it."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        threading.Thread(target=self._beat, daemon=True).start()

    def release(self) -> None:
        """Give the task free, with what dead holders left."""
        self._stop.set()
        for _, path in _row(self.path.parent, _key(self.path)):
            with contextlib.suppress(OSError):
                path.unlink()

    def _beat(self) -> None:
        while not self._stop.wait(self.stale / BEATS):
            with contextlib.suppress(OSError):
                os.utime(self.path)


def acquire(folder: Path, key: str, stale: float = STALE_SECONDS) -> Lock | None:
    """Take the lock of a task; None while somebody alive holds it.

    Args:
        folder: of the locks.
        key: of the task.
        stale: seconds without a heartbeat after which a holder is taken for dead.

    Raises:
        OSError: when the folder or the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    row = _row(folder, key)
    if row and not _is_stale(row[-1][1], stale):
        return None
    path = folder / f"{key}.{row[-1][0] + 1 if row else 1}.lock"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"machine": machine(), "pid": os.getpid()}, file)
        return Lock(path, stale, bool(row))
    except BaseException:  # an interrupt too: nobody is to wait for a lock that nobody holds
        path.unlink(missing_ok=True)
        raise


def sweep(folder: Path, done: Container[str]) -> None:
    """Remove the locks of tasks that are done: their holders ended between the result and the release."""
    for path in folder.glob("*.lock") if folder.is_dir() else ():
        if _key(path) in done:
            with contextlib.suppress(OSError):
                path.unlink()


def holders(folder: Path, stale: float = STALE_SECONDS) -> dict[str, str]:
    """Task -> machine and process that works on it now."""
    working = {}
    for path in folder.glob("*.lock") if folder.is_dir() else ():
        if not _is_stale(path, stale):
            owner = read_json(path) or {}
            working[_key(path)] = f"{str(owner.get('machine', '?')).split('/')[0]}:{owner.get('pid', '?')}"
    return working


@cache
def machine() -> str:
    """This machine, since its start, as far as process numbers are unique."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)


def _row(folder: Path, key: str) -> list[tuple[int, Path]]:
    """The lock's files with their numbers, in order."""
    pattern = re.compile(rf"{re.escape(key)}\.(\d+)\.lock")
    matches = [(pattern.fullmatch(path.name), path) for path in folder.glob(f"{key}.*.lock")]
    return sorted((int(match[1]), path) for match, path in matches if match)


def _key(path: Path) -> str:
    return path.name.rsplit(".", 2)[0]


def _is_stale(path: Path, stale: float) -> bool:
    owner = read_json(path)
    if owner and owner.get("machine") == machine() and _has_ended(owner.get("pid")):
        return True
    try:
        return _now(path.parent) - path.stat().st_mtime > stale
    except OSError:  # released meanwhile
        return False


def _has_ended(pid: object) -> bool:
    """Whether a process of this machine is no more; never sure on Windows, where asking would end it."""
    if os.name != "posix" or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
        return _is_zombie(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _now(folder: Path) -> float:
    """The storage's own time: machines' clocks differ."""
    probe = folder / f".{uuid.uuid4().hex}.now"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()

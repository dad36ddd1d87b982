"""Kills and full disks: what has a name is whole, what is not whole has none."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from itportrait_core.checkpoints import atomic, sweeping
from itportrait_core.errors import ITPortraitError
from tests.trust.counts import SEED, rounds, tally
from tests.trust.writers import Writer, lay, old_is_whole, writers

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits of Unix")
DISK = 256 << 10
"""Bytes of the small disk."""


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Writer]:
    return writers(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a kill is no power cut, and 500 kills bring much to the disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def torn(folder: Path, writer: Writer) -> list[str]:
    """Files of a writer that have a name and are not whole, and what else is wrong in its folder."""
    found = [] if old_is_whole(folder) else ["the old file is gone"]
    for path in folder.iterdir():
        if path.name.endswith(writer.ending) and not path.name.startswith("."):
            try:
                writer.check(path)
            except Exception as error:
                found.append(f"{path.name}: {type(error).__name__} {error!s:.100}")
        elif path.name.startswith(".") != path.name.endswith(atomic.DRAFT):
            found.append(f"{path.name} would be listed")
    return found


def fork(work: Callable[[], object]) -> int:
    """A process of its own that works without end; returns its id once it has begun."""
    begun, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(tell, b"x")
            while True:
                work()
        finally:
            os._exit(1)
    os.close(tell)
    os.read(begun, 1)
    os.close(begun)
    return child


def test_killed_saves_leave_no_torn_file(ways: dict[str, Writer], quick_folder: Path) -> None:
    """Every writer in turn, killed at any moment; afterwards it can write, and its draft can be swept."""
    dice = random.Random(SEED)
    with tally("kills") as line:
        for number in rounds(line):
            name, writer = list(ways.items())[number % len(ways)]
            folder = quick_folder / str(number)
            folder.mkdir()
            lay(folder)
            child = fork(lambda write=writer.write, folder=folder: again(write, folder))  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            wrong = torn(folder, writer)
            for draft in folder.glob(f".*{atomic.DRAFT}"):
                os.utime(draft, (0, 0))
            sweeping.sweep(folder)
            wrong += [f"{path.name} stays" for path in folder.glob(".*")]
            again(writer.write, folder)
            line.failures += [f"{number} {name}: {text}" for text in wrong + torn(folder, writer)]
            shutil.rmtree(folder)


def again(write: Callable[[Path], object], folder: Path) -> None:
    """Write, after removing what a writer that replaces nothing finds in its way."""
    (folder / "i.safetensors").unlink(missing_ok=True)
    (folder / "run.safetensors").unlink(missing_ok=True)
    write(folder)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A real small disk at a folder, where this process may mount one; False where it may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    try:
        real = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        real = False
    try:
        yield real
    finally:
        if real:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def room(folder: Path, left: int, real: bool) -> Iterator[None]:
    """Leave so many bytes on the disk, or, without a real one, let no file grow longer."""
    import resource

    filler = folder / "filler.bin"
    if real:
        with filler.open("wb") as file:
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            file.write(bytes(max(free - left, 0)))
        yield
        filler.unlink()
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


def test_full_disks_leave_the_old_and_nothing_new(ways: dict[str, Writer], tmp_path: Path) -> None:
    """Every writer, on a real small disk and under a limit on files, with no byte left to nearly enough."""
    dice = random.Random(SEED)
    refused = 0
    with tally("full disks") as line, small_disk(tmp_path / "disk") as real:
        for number in rounds(line):
            name, writer = list(ways.items())[number // 2 % len(ways)]
            folder = tmp_path / ("disk" if real and number % 2 else "folder")
            folder.mkdir(exist_ok=True)
            for path in folder.iterdir():
                path.unlink()
            lay(folder)
            left = dice.choice([0, dice.randrange(12_000), dice.randrange(100_000)])
            before, said = set(os.listdir(folder)), ""
            with room(folder, left, real and number % 2 == 1):
                try:
                    writer.write(folder)
                except ITPortraitError as error:
                    said = str(error)
                except Exception as error:
                    line.failures.append(f"{number} {name}: {type(error).__name__} {error}")
            wrong = torn(folder, writer)
            if said:
                refused += 1
                wrong += [f"new: {new}" for new in set(os.listdir(folder)) - before]
                if atomic.DRAFT in said or "cannot be written" not in said:
                    wrong.append(said)
            line.failures += [f"{number} {name}, {left} bytes: {text}" for text in wrong]
    assert refused > line.done // 4

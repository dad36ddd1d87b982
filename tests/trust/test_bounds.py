"""What a crafted file may cost: three times its size and 300 MB of memory, five seconds of a processor."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from itportrait_core.errors import ITPortraitError
from tests.core.crafted import COSTLY
from tests.trust.counts import tally

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory")
MEMORY = 300 << 20
SECONDS = 5.0


def cost(read: Callable[[Path], object], path: Path) -> tuple[str, int, float]:
    """What a process of its own says when it reads a file, how many bytes it grows by at most, its seconds.

    A limit on its memory ends a process that would take the whole machine's.
    """
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        said = "died"
        try:
            before, start = held("VmRSS"), time.process_time()
            resource.setrlimit(resource.RLIMIT_AS, (held("VmSize") + (8 << 30),) * 2)
            try:
                read(path)
                said = "read"
            except ITPortraitError:
                said = "refused"
            except BaseException as error:
                said = f"{type(error).__name__} {error!s:.100}"
            spent = time.process_time() - start
            os.write(tell, f"{said}\n{held('VmHWM') - before}\n{spent}".encode())
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(hear, encoding="utf-8") as file:
        answer = file.read().splitlines()
    os.waitpid(child, 0)
    if len(answer) != 3:
        return "died", 0, 0.0
    return answer[0], int(answer[1]), float(answer[2])


def held(name: str) -> int:
    """Bytes of memory of this process: VmRSS now, VmHWM at most, VmSize with what is only reserved."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(name))


def test_small_files_cost_little(tmp_path: Path) -> None:
    import open_clip  # noqa: F401 - what its import takes once is no cost of a file

    with tally("crafted files") as line:
        for name, (make, read) in COSTLY.items():
            path = tmp_path / "one" / name.rpartition(": ")[2]
            path.parent.mkdir(exist_ok=True)
            make(path)
            allowed = 3 * path.stat().st_size + MEMORY
            said, grew, seconds = cost(read, path)
            if said not in ("read", "refused") or grew > allowed or seconds > SECONDS:
                line.failures.append(f"{name}: {said}, {grew >> 20} MB of {allowed >> 20}, {seconds:.1f} s")
            line.slowest = max(line.slowest, round(seconds, 1))
            line.megabytes = max(line.megabytes, round(grew / 2**20))
            line.done += 1
            for file in path.parent.iterdir():
                file.unlink()

"""What 50 opens and closes of a live head leave behind: part of `benchmarks.live_head`.

The browser's processes grow and shrink for reasons of their own, so they are measured for other things too:
for nothing but the same frames, for a plain WebGL2 canvas, and for the file alone, fetched and read but never
drawn; this once more while the browser's inspector follows the network, as Playwright has it do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bare_page import BarePage
from benchmarks.processes import memory_of

COUNT, FIRST, ROUNDS = 50, 10, 2
"""Opens and closes of a round, and those before the first that make what is made once."""
URL = "/leaks.itplive"
OPENED = {
    "frames of nothing": "nothing",
    "plain WebGL2 canvases": "canvas",
    "fetches of a head's file": "file",
    "heads": "head",
}
"""What is opened and closed: `opens` of live_page.mjs by name."""
WATCHED = "fetches of a head's file under the inspector of the network"
Found = tuple[str, float, str]
"""What was measured, how much, and its unit."""


@dataclass(frozen=True)
class Memory:
    """What there is after a collection."""

    elements: float
    """Elements and listeners."""
    heap: float
    """MB of the page's heap, and of arrays outside it."""
    processes: dict[str, float]
    """MB of the browser's processes by kind."""


def leaks(data: bytes) -> Iterator[Found]:
    """What the head leaves, and what others do."""
    for words, name in OPENED.items():
        with BarePage({URL: data}) as bare:
            yield from _left(bare, name, words)
    with BarePage({URL: data}) as bare:
        bare.send("Network.enable")
        yield from _left(bare, "file", WATCHED)


def _left(bare: BarePage, name: str, words: str) -> Iterator[Found]:
    opens = f"driver.opens('{name}', '{URL}', %d)"
    bare.js(opens % FIRST)
    before = memory(bare)
    for number in range(ROUNDS):
        alive = bare.js(opens % COUNT)
        after = memory(bare)
        which = f"{('first', 'next')[number]} {COUNT} {words}"
        if name == "head":
            yield f"contexts after the {which}", float(alive[0]), ""
            yield f"heads and owners after the {which}", float(sum(alive[1:])), ""
            yield f"elements and listeners left by the {which}", after.elements - before.elements, ""
        yield f"growth of the page's heap and arrays by the {which}", after.heap - before.heap, "MB"
        grown = {kind: size - before.processes.get(kind, 0.0) for kind, size in after.processes.items()}
        yield f"growth of all the browser's processes by the {which}", sum(grown.values()), "MB"
        before = after


def memory(bare: BarePage) -> Memory:
    """What the page and the browser hold."""
    for _ in range(3):  # what one collection frees lets the next free more
        bare.send("HeapProfiler.collectGarbage")
        time.sleep(0.3)
    heap, counts = bare.send("Runtime.getHeapUsage"), bare.send("Memory.getDOMCounters")
    used = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
    return Memory(
        float(counts["nodes"] + counts["jsEventListeners"]),
        sum(heap.get(name, 0) for name in used) / 1e6,
        {kind: size / 1e6 for kind, size in memory_of(os.getpid()).items()},
    )

"""Processor time and memory of the processes that this one has started, as Linux counts them."""

from __future__ import annotations

import os
from pathlib import Path


def memory_of(root: int) -> dict[str, float]:
    """Bytes that Chromium's processes below a process hold, by the kind that each says of itself: "renderer"
    draws a page, "gpu-process" its WebGL, "browser" is the first. Memory that is shared counts once; pages of
    programs do not count, of which there are fewer while another browser runs. Empty without /proc."""
    total: dict[str, float] = {}
    for child in _descendants(root):
        try:
            text = Path(f"/proc/{child}/smaps_rollup").read_text(encoding="utf-8")
            command = Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        words = command.replace("\0", " ").split()  # Chromium puts spaces between them
        if not words or "chrom" not in words[0]:
            continue
        kind = next((word.partition("=")[2] for word in words if word.startswith("--type=")), "browser")
        lines = [line for line in text.splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
        total[kind] = total.get(kind, 0.0) + sum(1024 * int(line.split()[1]) for line in lines)
    return total


def processor_seconds(root: int) -> float:
    """Processor time of all descendants of a process; nan where there is no /proc."""
    used = [_fields(child) for child in _descendants(root)]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in used if fields)
    return ticks / os.sysconf("SC_CLK_TCK") if used else float("nan")


def _descendants(root: int) -> list[int]:
    """Processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _fields(int(folder.name)):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, open_ = [], [root]
    while open_:
        found += (below := children.get(open_.pop(), []))
        open_ += below
    return found


def _fields(process: int) -> list[str]:
    """Fields of /proc/N/stat behind the name; empty where the process has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()

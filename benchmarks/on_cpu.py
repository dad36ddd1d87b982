"""What meshes and splats cost on a CPU, in processor seconds and memory: `python -m benchmarks.on_cpu`.

The embedded family at a grid of 256, and with `--full-size` the official networks (random weights, so a scene
that fills the box). Every part runs in a process of its own, on one thread; the memory is what the process
holds at most beyond its networks. `OPENMP` threads and other programs change seconds of the clock, which are
not in the table. Writes `benchmarks/results/on_cpu.csv`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

import itportrait_core as itp
from benchmarks.table import Table
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig
from itportrait_core.rendering.mesh import MeshConfig, extract_mesh
from itportrait_core.rendering.splat import SplatConfig, sample_splats
from itportrait_core.rendering.views import render_views

RESULTS = Path(__file__).parent / "results" / "on_cpu.csv"
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
GRID = 256


@dataclass(frozen=True)
class Cost:
    """One part."""

    part: str
    family: str
    processor_seconds: float
    gib: float
    """Beyond what the process held before."""


def mesh(generator: EG3DGenerator, person: Portrait) -> None:
    """A mesh."""
    extract_mesh(generator, person.ws, MeshConfig(resolution=GRID))


def splats(generator: EG3DGenerator, person: Portrait) -> None:
    """Splats."""
    sample_splats(generator, person.ws, SplatConfig(resolution=GRID))


def views(generator: EG3DGenerator, person: Portrait) -> None:
    """Eight pictures with depth and normals."""
    render_views(generator, person.ws, itp.cameras.orbit(torch.linspace(-40, 40, 8)).float())


PARTS: dict[str, Callable[[EG3DGenerator, Portrait], None]] = {
    "mesh 256": mesh, "splats 256": splats, "8 views": views,
}  # fmt: skip


def measure(part: str, full_size: bool) -> Cost:
    """Do one part in this process."""
    torch.set_num_threads(1)
    generator = EG3DGenerator(EG3DConfig()).eval() if full_size else itp.load_generator("pocket")
    person = sample_portrait(generator, 3)
    before, start = held(), time.process_time()
    PARTS[part](generator, person)
    seconds = time.process_time() - start
    return Cost(part, "full size" if full_size else "embedded", seconds, held() - before)


def held() -> float:
    """The most GiB that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**30 if sys.platform == "darwin" else 2**20)


def main() -> None:
    """Measure one part here, or each in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--full-size", action="store_true")
    options.add_argument("--part", choices=PARTS)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    if given.part:
        cost = measure(given.part, given.full_size)
        Table(given.out, f"torch {torch.__version__.split('+')[0]}").add(f"{cost.part}-{cost.family}", [cost])
        print(f"{cost.part}, {cost.family}: {cost.processor_seconds:.1f} s, {cost.gib:.2f} GiB", flush=True)
        return
    given.out.unlink(missing_ok=True)
    for full_size in (False, True) if given.full_size else (False,):
        for part in PARTS:
            command = [sys.executable, "-m", "benchmarks.on_cpu", "--part", part, "--out", str(given.out)]
            subprocess.run(command + ["--full-size"] * full_size, check=True, env=os.environ | ALLOCATOR)


if __name__ == "__main__":
    main()

"""How long loading takes against reading the bytes and moving them: `python -m benchmarks.load [FILE]`.

Without a file, a full-size ffhq512-128 with random weights is written and loaded. Prints both times and their
ratio; the goal is at most 1.3.

Measured on a busy machine, one thread, the file in the system's cache, four runs of nine repeats: 0.10 to
0.15 s against 0.19 to 0.27 s, a ratio of 0.5. Weights are copied straight out of the mapped file into memory
that the process has already, which reading into a new buffer has not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from itportrait_core.checkpoints.format import load_model, save_generator
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig


def fastest(action: Callable[[], object], repeats: int, device: str) -> float:
    """Shortest time of several, in seconds; the result is dropped before the next begins."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        kept = action()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        del kept
    return min(times)


def read_and_move(path: Path, device: str) -> torch.Tensor:
    """The plain work: the bytes into fresh memory, and from there to where the network is to live.

    On the CPU they live there already: that they are read once is all the work there is.
    """
    data = torch.empty(path.stat().st_size, dtype=torch.uint8)
    with open(path, "rb", buffering=0) as file:
        file.readinto(data.numpy())
    return data.to(device)


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", help="a model of ours; by default one is made")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments.file or folder, "" if arguments.file else "full.safetensors")
        if not arguments.file:
            save_generator(EG3DGenerator(EG3DConfig()), path)
        device, repeats = arguments.device, arguments.repeats
        plain = fastest(lambda: read_and_move(path, device), repeats, device)
        load = fastest(lambda: load_model(path, device), repeats, device)
        size = path.stat().st_size / 2**20
    print(
        f"{size:.0f} MiB on {device}: read and move {plain:.3f} s, load {load:.3f} s, "
        f"ratio {load / plain:.2f}"
    )


if __name__ == "__main__":
    main()

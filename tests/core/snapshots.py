"""Official EG3D pickles of a tiny network, and the reader under test."""

from __future__ import annotations

import lzma
from typing import Any

from harness.seeded_weights import DATA

from itportrait_core.checkpoints.torch_files import read_checkpoint

SNAPSHOTS = ("tiny_torch111", "tiny_torch212")  # the official format, written by torch 1.11 and 2.12


def snapshot(name: str) -> bytes:
    return lzma.decompress((DATA / "eg3d_pickle" / f"{name}.pkl.xz").read_bytes())


def load(data: bytes) -> Any:
    return read_checkpoint(memoryview(bytearray(data)))

"""Kills and full disks: what has a name is whole, what is not whole has none."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.environment import ROOT

from itportrait_core.checkpoints.tensor_file import open_tensors
from tests.trust.counts import SEED, count, tally

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits of Unix")
WRITER = """
import sys, torch
from pathlib import Path
from itportrait_core.checkpoints import atomic, tensor_file
folder = Path(sys.argv[1])
tensors = {"x": torch.zeros(1 << 20)}
print("ready", flush=True)
while True:
    with atomic.reserved(folder, "new", ".safetensors") as place:
        tensor_file.write_tensors(tensors, place.draft, {})
        tensor_file.attach(place.draft, {"card": "x" * 1000})
    tensor_file.write_tensors(tensors, folder / "same.safetensors", {"card": "y"})
"""
FILLER = """
import resource, signal, sys, torch
from pathlib import Path
sys.path.insert(0, "tests")
from harness import stand_ins
from itportrait_core.checkpoints import atomic, tensor_file
from itportrait_core.checkpoints.format import save_generator
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.methods.shared.storage import write_tensors
from itportrait_core.methods.style.style_file import save_style
folder, first, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
generator = stand_ins.generator().eval().requires_grad_(False)
other = stand_ins.generator(seed=9).eval().requires_grad_(False)
person = sample_portrait(generator, 1)
tensor_file.write_tensors({"x": torch.zeros(9)}, folder / "old.safetensors", {"whole": "yes"})
def numbered():
    with atomic.reserved(folder, "n", ".bin") as place:
        place.draft.write_bytes(bytes(100_000))
writers = [
    lambda: save_generator(generator, folder / "g.safetensors"),
    lambda: person.save(folder / "p.safetensors"),
    lambda: save_style(other, generator, folder / "s.safetensors"),
    lambda: write_tensors(folder / "r.resume", "resume", {"x": torch.zeros(50_000)}, {"done": 1}),
    lambda: tensor_file.attach(folder / "old.safetensors", {"note": "z" * 60_000}),
    lambda: tensor_file.write_tensors({"x": torch.zeros(50_000)}, folder / "old.safetensors", {}),
    numbered,
]
before = sorted(path.name for path in folder.iterdir())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for number in range(first, first + rounds):
    limit = (997 * number) % 16_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    said = ""
    try:
        writers[number % len(writers)]()
    except ITPortraitError as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    after = sorted(path.name for path in folder.iterdir())
    with tensor_file.open_tensors(folder / "old.safetensors") as file:
        whole = file.metadata() == {"whole": "yes"} and file.tensors()
    good = said and atomic.DRAFT not in said and after == before and whole
    print("good" if good else f"bad {number} {said} {after}")
"""


def program(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def torn(folder: Path) -> list[str]:
    """Files with a name that are not whole."""
    found = []
    for path in folder.glob("*.safetensors"):
        if path.name.startswith("."):
            continue  # nobody lists it
        try:
            with open_tensors(path) as file:
                file.tensors()
                assert file.metadata()
        except Exception as error:
            found.append(f"{path.name}: {error!s:.100}")
    return found


def test_killed_saves_leave_no_torn_file(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    with tally("kills") as line:
        for _ in range(count("kills")):
            process = subprocess.Popen(program(WRITER, tmp_path), stdout=subprocess.PIPE, text=True, cwd=ROOT)
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(dice.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
            process.wait()
            line.failures += torn(tmp_path)
            line.done += 1
            for path in tmp_path.iterdir():
                path.unlink()


def test_full_disks_leave_the_old_and_nothing_new(tmp_path: Path) -> None:
    """Every writer, with limits from no byte to nearly enough."""
    rounds = count("full disks")
    with tally("full disks") as line:
        done = subprocess.run(
            program(FILLER, tmp_path, SEED, rounds), capture_output=True, text=True, cwd=ROOT, check=False
        )
        lines = done.stdout.splitlines()
        line.failures += [text for text in lines if text != "good"]
        line.done = len(lines)
        if len(lines) != rounds:
            line.failures.append(f"{len(lines)} of {rounds}: {done.stderr[-500:]}")

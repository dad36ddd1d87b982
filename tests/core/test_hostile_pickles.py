"""The pickle reader meets hostile and damaged files: refused by name, nothing is executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from itportrait_core.checkpoints.pickle_limits import RefusedPickle
from itportrait_core.checkpoints.stored import Record, module_tensors
from itportrait_core.checkpoints.torch_files import open_checkpoint
from itportrait_core.errors import ITPortraitError
from tests.core.hostile_pickles import HOSTILE
from tests.core.snapshots import SNAPSHOTS, load, snapshot


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_by_name_and_run_nothing(case, tmp_path):
    make, said = HOSTILE[case]
    target = tmp_path / "executed"
    path = tmp_path / "hostile.pkl"
    path.write_bytes(make(str(target)))
    with pytest.raises(RefusedPickle, match=said), open_checkpoint(path):
        pass
    assert sorted(os.listdir(tmp_path)) == ["hostile.pkl"]


def test_there_are_enough_hostile_files_and_pythons_own_reader_falls_for_them(tmp_path):
    assert len(HOSTILE) >= 40
    target = tmp_path / "executed"
    pickle.loads(HOSTILE["eval"][0](str(target)))  # noqa: S301 (that is the point)
    assert target.exists()  # the canary sings where nobody protects it


@pytest.mark.parametrize("snapshot_name", SNAPSHOTS)
def test_truncated_snapshots_are_refused_wherever_they_end(snapshot_name):
    data = snapshot(snapshot_name)
    for end in [*range(1, 200, 19), *range(1000, len(data), len(data) // 8)]:
        with pytest.raises(ITPortraitError):
            load(data[:end])


def test_damaged_bytes_never_escape_as_another_error():
    data = bytearray(snapshot(SNAPSHOTS[0])[:60_000])
    random = np.random.RandomState(4)
    for _ in range(300):
        damaged = bytearray(data)
        for place in random.randint(0, 3000, size=5):
            damaged[place] = random.randint(256)
        try:
            load(bytes(damaged))
        except ITPortraitError:
            continue


def test_endless_modules_are_refused():
    module = Record("Endless", (), {"_modules": {}})
    module.state["_modules"]["again"] = module
    with pytest.raises(RefusedPickle, match="more modules"):
        module_tensors(module)


def test_an_empty_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "empty.pkl").write_bytes(b"")
    for name in ("empty.pkl", "missing.pkl"):
        with pytest.raises(ITPortraitError, match=name), open_checkpoint(tmp_path / name):
            pass


def test_the_reader_has_no_way_to_run_anything():
    """The modules of the reader mention no importing, evaluating or unpickling function at all."""
    folder = Path(__file__).parents[2] / "itportrait_core" / "checkpoints"
    for file in folder.glob("*.py"):
        source = file.read_text()
        for word in ("import pickle", "torch.load", "eval(", "exec(", "__import__", "getattr(", "setattr("):
            if word == "getattr(" and file.name in ("building.py", "found.py"):
                continue  # these look up names of our own: classes of a table, fields of a config
            assert word not in source.replace(".eval()", ""), f"{word} in {file.name}"

"""The pickle reader: files of torch and of NVIDIA's code come out exactly, and nothing is executed."""

from __future__ import annotations

import collections
import io
import pickle
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from itportrait_core.checkpoints.pickle_numpy import StoredArray
from itportrait_core.checkpoints.stored import StoredTensor, module_tensors
from itportrait_core.checkpoints.torch_files import open_checkpoint, read_tensors
from tests.core.snapshots import SNAPSHOTS, load, snapshot


class Inert:
    """Stands for every class that the independent reader meets."""

    args: tuple = ()

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __setstate__(self, state: Any) -> None:
        self.state = state


class IndependentReader(pickle.Unpickler):
    """Python's own unpickler with stand-ins, for trusted files of this test alone."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_load_from_bytes":
            return lambda data: torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if module.startswith(("torch._utils", "collections", "numpy")):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        return dict if name == "EasyDict" else Inert


def independent_state(meta: Any, prefix: str = "") -> dict[str, torch.Tensor]:
    state = meta.args[0]["state"] if meta.args else meta.state
    result = {}
    for group in ("_parameters", "_buffers"):
        result |= {f"{prefix}{name}": value for name, value in state[group].items() if value is not None}
    for name, child in state["_modules"].items():
        result |= independent_state(child, f"{prefix}{name}.")
    return result


@pytest.mark.parametrize("name", SNAPSHOTS)
@pytest.mark.parametrize("network", ["G_ema", "G", "D"])
def test_snapshots_of_old_and_new_torch_come_out_exactly(name, network):
    data = snapshot(name)
    expected = independent_state(IndependentReader(io.BytesIO(data)).load()[network])
    found = module_tensors(load(data)[network])
    assert list(found) == list(expected)
    assert all(torch.equal(found[key].tensor(), value) for key, value in expected.items())


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_settings_survive_and_source_code_and_devices_are_dropped(name):
    data = snapshot(name)
    assert b"cuda:0" in data and b"raise" in data
    generator = load(data)["G_ema"]
    assert generator.name == "TriPlaneGenerator"
    assert generator.attribute("_init_kwargs")["mapping_kwargs"]["num_layers"] == 2
    assert generator.attribute("rendering_kwargs")["ray_start"] == "auto"
    assert "module_src" not in vars(generator) and "raise" not in str(vars(generator))[:10_000]
    axes = generator.attribute("_modules")["renderer"].attribute("plane_axes")
    assert axes.tensor()[2].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_nothing_is_executed_imported_or_written(monkeypatch, tmp_path):
    seen: list[str] = []
    state = {"on": True}

    def audit(event: str, args: tuple) -> None:
        if state["on"] and event in (
            "exec",
            "compile",
            "import",
            "os.system",
            "subprocess.Popen",
            "pickle.find_class",
        ):
            seen.append(event)

    load(snapshot(SNAPSHOTS[0]))  # first use may import lazily
    modules = set(sys.modules)
    sys.addaudithook(audit)
    try:
        load(snapshot(SNAPSHOTS[1]))
    finally:
        state["on"] = False
    assert seen == []
    assert set(sys.modules) == modules


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_keep_every_type_view_and_shared_storage(tmp_path, zipped):
    whole = torch.arange(24.0)
    values = {
        "view": whole.view(4, 6)[1:3, ::2].t(),
        "shared": whole[3:7],
        "half": torch.randn(3).half(),
        "brain": torch.randn(3).bfloat16(),
        "long": torch.tensor([2**40, -1]),
        "byte": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "parameter": nn.Parameter(torch.ones(2)),
    }
    path = tmp_path / "file.pt"
    torch.save(values, path, _use_new_zipfile_serialization=zipped)
    with open_checkpoint(path) as found:
        assert found["view"].storage is found["shared"].storage
        for name, value in values.items():
            tensor = found[name].tensor()
            assert tensor.dtype == value.dtype
            assert torch.equal(tensor, value.detach())


@pytest.mark.parametrize("zipped", [True, False])
def test_plain_values_survive(tmp_path, zipped):
    values = {
        "numbers": [1, -7, 2**40, 2.5, True, None],
        "text": "caf\u00e9",
        3: (1, (2, 3)),
        "nested": collections.OrderedDict(a={"b": []}),
        "set": {1, "x"},
        "scalar": np.float64(0.25),
        "array": np.arange(6, dtype=np.int32).reshape(2, 3),
        "size": torch.Size([2, 3]),
    }
    path = tmp_path / "file.pt"
    torch.save(values, path, _use_new_zipfile_serialization=zipped)
    with open_checkpoint(path) as found:
        array = found.pop("array")
        assert isinstance(array, StoredArray)
        assert np.array_equal(array.array(), values.pop("array"))
        assert found == values | {"size": (2, 3)}


def test_torchscript_archives_give_their_tensors_and_keep_their_program_to_themselves(tmp_path):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch discourages TorchScript; people's old files remain
        torch.jit.script(module).save(tmp_path / "file.pt")
    found = read_tensors(tmp_path / "file.pt")
    assert found.keys() == module.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in module.state_dict().items())


def test_tensors_are_views_of_the_file_until_they_are_copied(tmp_path):
    path = tmp_path / "file.pt"
    torch.save({"a": torch.arange(1000.0)}, path)
    with open_checkpoint(path) as found:
        stored = found["a"]
        assert isinstance(stored, StoredTensor)
        assert stored.tensor().data_ptr() == stored.tensor().data_ptr()
    assert torch.equal(read_tensors(path)["a"], torch.arange(1000.0))

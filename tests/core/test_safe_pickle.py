"""The pickle reader: real files come out exactly, hostile ones are refused by name, nothing is executed."""

from __future__ import annotations

import collections
import io
import lzma
import os
import pickle
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from harness.seeded_weights import DATA
from torch import nn

from itportrait_core.checkpoints.pickle_limits import RefusedPickle
from itportrait_core.checkpoints.pickle_numpy import StoredArray
from itportrait_core.checkpoints.stored import Record, StoredTensor, module_tensors
from itportrait_core.checkpoints.torch_files import open_checkpoint, read_checkpoint, read_tensors
from itportrait_core.errors import ITPortraitError

SNAPSHOTS = ("tiny_torch111", "tiny_torch212")  # the official format, written by torch 1.11 and 2.12


def snapshot(name: str) -> bytes:
    return lzma.decompress((DATA / "eg3d_pickle" / f"{name}.pkl.xz").read_bytes())


def load(data: bytes) -> Any:
    return read_checkpoint(memoryview(bytearray(data)))


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


# Hostile files. Each is refused, none runs, none costs much.


class Reduce:
    """Pickles as a call."""

    def __init__(self, callee: Any, *args: Any) -> None:
        self.callee, self.args = callee, args

    def __reduce__(self) -> tuple:
        return self.callee, self.args


def touch(path: str) -> str:
    return f"open({path!r}, 'w').close()"


def opcodes(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def known(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def nested(payload: bytes) -> bytes:
    return opcodes(
        known("torch.storage", "_load_from_bytes"), b"B", struct.pack("<I", len(payload)), payload, b"\x85R"
    )


def storage_payload(numel: int, data: bytes) -> bytes:
    """A legacy stream of one float storage with a chosen length."""
    return four_floats()[: -(8 + 16)] + struct.pack("<q", numel) + data


def four_floats() -> bytes:
    """A legacy stream of one storage, as it lies inside the pickles of modules."""
    stream = io.BytesIO()
    torch.save(torch.zeros(4)._typed_storage(), stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def rebuilt(offset: bytes, size: bytes, stride: bytes) -> bytes:
    """A pickle of a tensor over four floats, with any place and shape."""
    storage = nested(four_floats())[2:-1]
    arguments = b"(" + storage + offset + size + stride + b"\x89}t"
    return opcodes(known("torch._utils", "_rebuild_tensor_v2"), arguments, b"R")


def big(value: int) -> bytes:
    raw = value.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + raw


def zip_with(pickled: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", b"\0" * 16)
    return stream.getvalue()


def zip_storage(key: str, numel: int) -> bytes:
    identity = (
        b"("
        + text("storage")
        + known("torch", "FloatStorage")
        + text(key)
        + text("cuda:3")
        + big(numel)
        + b"tQ"
    )
    return zip_with(opcodes(identity))


HOSTILE: dict[str, tuple[Callable[[str], bytes], str]] = {
    "os.system": (lambda p: pickle.dumps(Reduce(os.system, f"touch {p}")), r"(posix|nt)\.system"),
    "eval": (lambda p: pickle.dumps(Reduce(eval, touch(p))), "builtins.eval"),
    "exec in protocol 2": (lambda p: pickle.dumps(Reduce(exec, touch(p)), 2), "__builtin__.exec"),
    "getattr chain": (
        lambda p: pickle.dumps(Reduce(getattr, Reduce(__import__, "os"), "system")),
        "builtins.getattr",
    ),
    "dotted name": (
        lambda p: opcodes(text("collections"), text("OrderedDict.fromkeys"), b"\x93"),
        "fromkeys",
    ),
    "attribute of an allowed module": (
        lambda p: opcodes(text("torch._utils"), text("_import_dotted_name"), b"\x93"),
        "_import_dotted_name",
    ),
    "torch.load itself": (lambda p: opcodes(known("torch", "load"), b"."), r"torch\.load"),
    "inert class that is dotted": (
        lambda p: opcodes(text("training.x"), text("A.__init__"), b"\x93"),
        "training.x",
    ),
    "name that is no text": (lambda p: opcodes(b"K\x01", b"K\x02", b"\x93"), "no text"),
    "name that is a tower": (lambda p: opcodes(b")", b"\x85" * 5000, text("x"), b"\x93"), "no text"),
    "call of a value": (lambda p: opcodes(text("x"), b")R"), "cannot be called"),
    "call without a tuple": (
        lambda p: opcodes(known("collections", "OrderedDict"), b"NR"),
        "cannot be called",
    ),
    "construction of a function": (
        lambda p: opcodes(known("torch._utils", "_rebuild_tensor_v2"), b")\x81"),
        "no known class",
    ),
    "state of a function": (
        lambda p: opcodes(known("torch._utils", "_rebuild_tensor_v2"), b"}b"),
        "sets the state",
    ),
    "state of a list": (lambda p: opcodes(b"]}b"), "sets the state"),
    "extension registry": (lambda p: opcodes(b"\x82\x01"), "0x82"),
    "instance of protocol 0": (lambda p: opcodes(b"(ios\nsystem\n"), "0x69"),
    "text of protocol 0": (lambda p: opcodes(b"S'x'\n"), "0x53"),
    "persistent id outside a torch file": (lambda p: opcodes(text("x"), b"Q"), "outside itself"),
    "source code that is not from NVIDIA": (
        lambda p: opcodes(known("torch_utils.persistence", "_reconstruct_persistent_obj"), b"}\x85R"),
        "bad arguments",
    ),
    "malicious nested payload": (lambda p: nested(pickle.dumps(Reduce(eval, touch(p)), 2)), "builtin"),
    "payload in a payload": (lambda p: nested(nested(four_floats())), "inside nested"),
    "payload with a huge length": (lambda p: nested(storage_payload(2**61, b"")), "damaged"),
    "payload cut short": (lambda p: nested(storage_payload(4, b"\0" * 3)), "too early"),
    "tensor that leaves its storage": (
        lambda p: rebuilt(b"K\x01", b"K\x04\x85", b"K\x01\x85"),
        "does not fit",
    ),
    "tensor that repeats a value without end": (
        lambda p: rebuilt(b"K\x00", big(2**50) + b"\x85", b"K\x00\x85"),
        "does not fit",
    ),
    "tensor with a negative stride": (
        lambda p: rebuilt(b"K\x03", b"K\x04\x85", big(-1) + b"\x85"),
        "valid shape",
    ),
    "tensor of a thousand dimensions": (
        lambda p: rebuilt(b"K\x00", b"(" + b"K\x01" * 1000 + b"t", b"(" + b"K\x01" * 1000 + b"t"),
        "valid shape",
    ),
    "tensor over something else": (
        lambda p: opcodes(known("torch._utils", "_rebuild_tensor_v2"), b"(" + text("x") + b"K\x00))\x89}tR"),
        "valid shape",
    ),
    "bytes longer than the file": (lambda p: opcodes(b"\x8e" + struct.pack("<Q", 2**62)), "too early"),
    "more text than any network": (lambda p: opcodes(b"X\xff\xff\xff\xff"), "more text"),
    "text longer than the file": (lambda p: opcodes(b"X\xff\xff\xff\x00"), "too early"),
    "integer of a megabyte": (
        lambda p: opcodes(b"\x8b" + struct.pack("<I", 2**20) + b"\0" * 2**20),
        "integer of",
    ),
    "memo far away": (lambda p: opcodes(b"j\xff\xff\xff\xff"), "damaged"),
    "too many steps": (lambda p: opcodes(b"]0" * 600_000), "more steps"),
    "copies of a long list": (
        lambda p: opcodes(
            b"](" + b"N" * 1000 + b"e\x940" + (known("builtins", "set") + b"h\x00\x85R0") * 3000
        ),
        "more steps",
    ),
    "keys that are costly to compare": (
        lambda p: opcodes(b"})" + b"\x85" * 50_000 + b"Ns"),
        "cannot be a key",
    ),
    "items of a list that is none": (lambda p: opcodes(b"}Na"), "no list to fill"),
    "odd items": (lambda p: opcodes(b"}(Nu"), "damaged"),
    "mark in the wrong place": (lambda p: opcodes(b"(" * 3 + b"R"), "mark"),
    "empty stack": (lambda p: opcodes(b""), "damaged"),
    "objects of numpy": (
        lambda p: opcodes(known("numpy", "dtype"), text("O8"), b"\x89\x88\x87R"),
        "only numbers",
    ),
    "numpy number of the wrong length": (
        lambda p: pickle.dumps(Reduce(np.frombuffer, b"x")),
        "numpy",
    ),
    "zip without a pickle": (lambda p: zip_with(b"")[:40] + b"PK\x05\x06" + b"\0" * 18, "zip|data.pkl"),
    "zip with compressed values": (lambda p: zip_with(opcodes(b"N"), zipfile.ZIP_DEFLATED), "compressed"),
    "zip storage with a huge length": (lambda p: zip_storage("0", 2**60), "damaged"),
    "zip storage that climbs out": (lambda p: zip_storage("../../secret", 4), "missing in the archive"),
    "zip with a malicious pickle": (lambda p: zip_with(pickle.dumps(Reduce(eval, touch(p)), 2)), "eval"),
    "safetensors": (lambda p: struct.pack("<Q", 2) + b"{}", "safetensors"),
    "something else": (lambda p: b"GIF89a" + b"\0" * 100, "no checkpoint"),
}


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
            if word == "getattr(" and file.name in ("format.py", "found.py"):
                continue  # these look up names of our own: classes of a table, fields of a config
            assert word not in source.replace(".eval()", ""), f"{word} in {file.name}"


def test_tensors_are_views_of_the_file_until_they_are_copied(tmp_path):
    path = tmp_path / "file.pt"
    torch.save({"a": torch.arange(1000.0)}, path)
    with open_checkpoint(path) as found:
        stored = found["a"]
        assert isinstance(stored, StoredTensor)
        assert stored.tensor().data_ptr() == stored.tensor().data_ptr()
    assert torch.equal(read_tensors(path)["a"], torch.arange(1000.0))

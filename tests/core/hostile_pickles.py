"""Pickles that attack or are damaged: what each is called, how it is made, what its refusal says."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


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

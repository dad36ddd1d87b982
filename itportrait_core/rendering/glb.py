"""A mesh as the bytes of a GLB file (binary glTF 2.0), with normals and vertex colours."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .mesh import Mesh

FLOAT, UINT16, UINT32 = 5126, 5123, 5125
ARRAY, ELEMENTS = 34962, 34963


def glb_bytes(mesh: Mesh, extras: Mapping[str, Any] | None = None) -> bytes:
    """The file's bytes.

    Colours are stored linear, as glTF has them, in 16 bits; the material is plain and rough, so that light
    from the viewer still shapes the face.

    Args:
        mesh: what to write.
        extras: anything that JSON can hold, put into `asset.extras` (the recipe of the run).
    """
    alpha = torch.ones_like(mesh.colors[:, :1])
    linear = (torch.cat((srgb_to_linear(mesh.colors), alpha), 1) * 65535.0).round().to(torch.int32)
    parts = [
        (mesh.vertices.float(), "<f4", FLOAT, "VEC3", ARRAY, False),
        (mesh.normals.float(), "<f4", FLOAT, "VEC3", ARRAY, False),
        (linear, "<u2", UINT16, "VEC4", ARRAY, True),
        (mesh.faces.reshape(-1), "<u4", UINT32, "SCALAR", ELEMENTS, False),
    ]
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    binary = b""
    for values, dtype, component, kind, target, normalized in parts:
        data = values.cpu().numpy().astype(dtype).tobytes()
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(data), "target": target})
        accessor = {
            "bufferView": len(accessors),
            "componentType": component,
            "count": len(values),
            "type": kind,
        }
        accessors.append(accessor | ({"normalized": True} if normalized else {}))
        binary += data + b"\0" * (-len(data) % 4)
    accessors[0] |= {"min": _floats(mesh.vertices.amin(0)), "max": _floats(mesh.vertices.amax(0))}
    return _container(_document(accessors, views, len(binary), extras), binary)


def srgb_to_linear(colors: Tensor) -> Tensor:
    """sRGB in 0..1 to linear light in 0..1."""
    return torch.where(colors <= 0.04045, colors / 12.92, ((colors.clamp(min=0.0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Linear light in 0..1 to sRGB in 0..1."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0) ** (1 / 2.4) - 0.055)


def _document(
    accessors: list[dict[str, Any]], views: list[dict[str, Any]], size: int, extras: Mapping[str, Any] | None
) -> dict[str, Any]:
    attributes = {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}
    surface = {"baseColorFactor": [1.0, 1.0, 1.0, 1.0], "metallicFactor": 0.0, "roughnessFactor": 1.0}
    return {
        "asset": {"version": "2.0", "generator": "ITportrait"} | ({"extras": dict(extras)} if extras else {}),
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "portrait"}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 3, "material": 0, "mode": 4}]}],
        "materials": [{"name": "portrait", "pbrMetallicRoughness": surface}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": size}],
    }


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, length),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        )
    )


def _floats(values: Tensor) -> list[float]:
    """Numbers that read back as the very float32 values: validators compare them with the data."""
    return [float(v) for v in values.float().cpu()]

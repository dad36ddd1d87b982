"""A recipe card: the weights, the person, the cameras and the settings that draw one file again."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checkpoints import hashes, plain_json
from ..checkpoints.format import content_hash, read_header
from ..checkpoints.tensor_file import check_finite
from ..errors import DamagedFile, ITPortraitError
from ..methods.shared.lineage import CODE_VERSION
from ..plain_types import describe
from .layout import FORMAT, LARGEST

CHUNK = 4
"""Views rendered at once. A view is drawn again among the neighbours that it had: other company may change
the last bits of a float."""


@dataclass(frozen=True, eq=False)
class Card:
    """What one file says about how it was made; everything but the tensors is JSON.

    Attributes:
        kind: one of `KINDS`.
        weights: the generator, from `describe_weights`; for a style's difference also its `base`.
        person: seed and truncation, or the report of the inversion.
        settings: how it was drawn: the fields of `MeshConfig` or `SplatConfig`.
        versions: program -> version.
        ws: `[1, num_ws, w_dim]`, or None where the file itself holds it.
        cameras: labels `[N, 25]`, or None.
        view: which of the cameras this file shows.
        proof: SHA-256 of the pixels or the geometry at the time of saving.
        thumbnail: `[h, w, 3]` uint8 of what a generator drew when it was saved, or None.
    """

    kind: str
    weights: Mapping[str, Any]
    person: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    ws: Tensor | None = None
    cameras: Tensor | None = None
    view: int = 0
    proof: str = ""
    thumbnail: Tensor | None = None

    def tensor(self, name: str) -> Tensor:
        """The latent `ws`, the `cameras` or the `thumbnail`.

        Raises:
            ITPortraitError: where the card has none.
        """
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise ITPortraitError(f"The recipe card of this {self.kind} holds no {name}; save the file anew.")
        return value

    def for_view(self, view: int) -> Card:
        """The card of one picture of a batch: its camera and those that were rendered with it."""
        start = view - view % CHUNK
        cameras = self.tensor("cameras")[start : start + CHUNK]
        return replace(self, cameras=cameras, view=view - start)

    def to_json(self) -> str:
        """The card as text."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        packed = {name: _pack(getattr(self, name)) for name in _PACKED}
        return json.dumps({"format": FORMAT, **plain, **packed}, sort_keys=True)


_PLAIN = {"kind": str, "weights": dict, "person": dict, "settings": dict, "versions": dict, "view": int,
          "proof": str}  # fmt: skip
_PACKED = {"ws": 3, "cameras": 2, "thumbnail": 3}
_TEXT = "base64"
_DTYPES: dict[str, np.dtype[Any]] = {"|u1": np.dtype("u1"), "<f4": np.dtype("<f4")}
_NEEDED = {
    "picture": ("ws", "cameras"),
    "mesh": ("ws",),
    "splats": ("ws",),
    "generator": ("ws", "cameras", "thumbnail"),
    "difference": ("ws", "cameras", "thumbnail"),
    "portrait": (),
    "job": (),
}
KINDS = tuple(_NEEDED)


def versions(**more: str) -> dict[str, str]:
    """Versions that may change a result; `more` names further programs."""
    return {"itportrait": CODE_VERSION, "torch": str(torch.__version__), **more}


def describe_weights(path: Path) -> dict[str, Any]:
    """A generator file on a card: hash of its weights, kind, licence, lineage without the run's steps.

    Raises:
        ITPortraitError: for a file that is gone, damaged or no generator's.
    """
    header = read_header(path)
    try:
        state = path.stat()
    except OSError as error:
        raise ITPortraitError(f"{path} cannot be read ({error.strerror}); is it still there?") from error
    lineage = {name: value for name, value in header.lineage.items() if name != "history"}
    return {
        "content": _content(path, state.st_mtime_ns, state.st_size),
        "family": header.family,
        "license": header.license,
        "lineage": lineage,
        "file": path.name,
    }


@lru_cache(maxsize=256)
def _content(path: Path, time: int, size: int) -> str:
    return content_hash(path)


def parse(text: str) -> Card:
    """The card of a text; nothing in it is trusted.

    Raises:
        ITPortraitError: for what is no card, a newer one, or one whose parts do not fit together.
    """
    if len(text) > LARGEST:
        raise ITPortraitError(f"The recipe card is {len(text)} characters long; real ones stay far below.")
    fields = plain_json.parse_object(text, "The recipe card")
    if fields.get("format") != FORMAT:
        raise ITPortraitError(
            f"The recipe card has layout {describe(fields.get('format'))}; this version reads {FORMAT}."
        )
    for name, kind in _PLAIN.items():
        if type(fields.get(name)) is not kind:
            raise DamagedFile(f"The recipe card is damaged: {name!r} is not a {kind.__name__}.")
    if fields["kind"] not in KINDS:
        raise ITPortraitError(f"The recipe card is of unknown kind {fields['kind'][:40]!r}.")
    packed: dict[str, Any] = {name: _unpack(name, fields.get(name), axes) for name, axes in _PACKED.items()}
    lacking = [name for name in _NEEDED[fields["kind"]] if packed[name] is None]
    if lacking:
        raise ITPortraitError(f"The recipe card is damaged: a {fields['kind']} needs {lacking[0]!r}.")
    cameras = packed["cameras"]
    if cameras is not None and not (len(cameras) <= CHUNK and 0 <= fields["view"] < len(cameras)):
        raise ITPortraitError(f"The recipe card is damaged: there is no view {fields['view']} in it.")
    plain: dict[str, Any] = {name: fields[name] for name in _PLAIN}
    return Card(**plain, **packed)


def bytes_hash(*parts: Tensor) -> str:
    """SHA-256 over shapes and bytes of tensors, whatever device they are on."""
    return hashes.of_pixels(*parts)


def to_pixels(image: Tensor) -> Tensor:
    """uint8 `[H, W, 3]` of a picture `[H, W, 3]` in [0, 1]: the bytes that a PNG holds."""
    check_finite(image, "The picture")
    return (image.detach().float().cpu().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)


def _pack(tensor: Tensor | None) -> dict[str, Any] | None:
    if tensor is None:
        return None
    dtype = "|u1" if tensor.dtype == torch.uint8 else "<f4"
    data = tensor.detach().cpu().contiguous().numpy().astype(dtype).tobytes()
    text = binascii.b2a_base64(data, newline=False).decode()
    return {"shape": list(tensor.shape), "type": dtype, _TEXT: text}


def _unpack(name: str, packed: dict[str, Any] | None, axes: int) -> Tensor | None:
    if packed is None:
        return None
    try:
        shape = [int(side) for side in packed["shape"]]
        dtype = _DTYPES[packed["type"]]
        text = packed[_TEXT]
        data = binascii.a2b_base64(text)
        if binascii.b2a_base64(data, newline=False).decode() != text:
            raise ValueError("its text holds other signs")
        values = np.frombuffer(data, dtype).reshape(shape)
        if len(shape) != axes or min(shape) < 1 or values.size > LARGEST:
            raise ValueError(f"its shape is {shape}")
    except (TypeError, KeyError, ValueError, OverflowError, binascii.Error) as error:
        raise DamagedFile(f"The recipe card is damaged: {name!r} is no tensor ({error}).") from error
    if not np.isfinite(values).all():
        raise ITPortraitError(f"The recipe card is damaged: {name!r} holds numbers that are not finite.")
    return torch.from_numpy(values.copy())

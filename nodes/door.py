"""The door of every node: inputs are checked once, by the node's own schema, before its code sees them.

ComfyUI checks the widgets of a prompt, but "nan" passes its ranges, anything may come through a link, and a
value may stand where a link belongs. An error names the node, the input, what came and what is wanted.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from comfy_api.latest import io

from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.plain_types import describe, is_finite
from . import compat

FILES = {"file", "photo", "encoder", "pose", "identity", "picture"}
"""Lists of files: a new file may be missing in the list that was made at the start, so the node itself
looks."""
PACKAGES = {"lpips": "lpips", "open_clip": "open_clip_torch", "kornia": "kornia"}
"""Packages that only some nodes need, by the module that they bring; without them the pack loads all the
same."""
LONGEST_TEXT = 100_000
"""Characters of a text."""
MOST_PIXELS = 1 << 28
"""Pixels of a batch of pictures."""


VERTEX_PARTS = ("vertex_colors", *compat.NORMALS)
"""What a mesh may have for each vertex beside its place."""


def guard(node: type[io.ComfyNode]) -> None:
    """Put the check before a node's `execute`. Called once for each node."""
    inner: Callable[..., Any] = node.execute.__func__
    signature = inspect.signature(inner)
    rest = [name for name, one in signature.parameters.items() if one.kind is inspect.Parameter.VAR_KEYWORD]

    @functools.wraps(inner)
    def execute(cls: type[io.ComfyNode], *given: object, **named: object) -> object:
        bound = signature.bind_partial(cls, *given, **named).arguments
        for name in rest:
            bound |= bound.pop(name, {})
        check(node, bound)
        try:
            return inner(cls, *given, **named)
        except ModuleNotFoundError as error:
            package = PACKAGES.get((error.name or "").split(".")[0])
            if package is None:
                raise
            raise ITPortraitError(
                f"{_inputs(node)[0]} needs the Python package {package}. Close ComfyUI, run"  # type: ignore[arg-type]
                f' "{sys.executable}" -s -m pip install {package} and start it again.'
            ) from error

    node.execute = classmethod(execute)


def check(node: type[io.ComfyNode], given: Mapping[str, Any]) -> None:
    """Refuse an input that is not what the node's schema says.

    Raises:
        ITPortraitError: naming the node, the input, its value and what is wanted.
    """
    title, inputs = _inputs(node)  # type: ignore[arg-type]
    for item in inputs:
        if item.id not in given or (item.optional and given[item.id] is None):
            continue
        wanted = unfit(item, given[item.id])
        if wanted:
            raise ITPortraitError(
                f"{title}, input {item.id!r}: {_shown(given[item.id])} came, but {wanted} is wanted."
            )


@functools.cache
def _inputs(node: type[io.ComfyNode]) -> tuple[str, list[io.Input]]:
    """Title and inputs of a node; made once, for lists of files need a look at every file."""
    schema = node.define_schema()
    return schema.display_name or schema.node_id, list(schema.inputs)


def unfit(item: io.Input, value: object) -> str:
    """What an input wants instead of a value, in words; empty when the value fits."""
    if isinstance(item, io.Int.Input):
        if isinstance(value, int) and not isinstance(value, bool) and _within(item, value):
            return ""
        return f"a whole number{_range(item)}"
    if isinstance(item, io.Float.Input):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return "" if is_finite(value) and _within(item, value) else f"a finite number{_range(item)}"
        return f"a finite number{_range(item)}"
    if isinstance(item, io.Boolean.Input):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(item, io.String.Input):
        return "" if _is_text(value) else f"a text of at most {LONGEST_TEXT} characters"
    if isinstance(item, io.Combo.Input):
        if not _is_text(value):
            return "a name of the list"
        options = [str(option) for option in item.options or []]
        return "" if item.id in FILES or value in options else f"one of {', '.join(options)[:300]}"
    return _unfit_object(item.get_io_type(), value)


def _unfit_object(kind: str, value: object) -> str:
    from . import sockets
    from .alignments import AlignmentHandle

    own: dict[str, tuple[type, str]] = {
        "ITP_GENERATOR": (sockets.GeneratorHandle, "a generator of EG3D Loader or of a training node"),
        "ITP_PORTRAIT": (sockets.PortraitHandle, "a portrait"),
        "ITP_PHOTO_PRIOR": (sockets.PriorHandle, "the output of Load Photo Networks"),
        "ITP_CLIP": (sockets.ClipHandle, "the output of Load Text Reader"),
        "ITP_CAMERAS": (sockets.CamerasHandle, "the output of Camera Orbit"),
        "ITP_SETTINGS": (sockets.SettingsHandle, "the output of Method Settings"),
        "ITP_REGION": (sockets.RegionHandle, "the output of Lift Region"),
        "ITP_ALIGNMENT": (AlignmentHandle, "the output of Align Portrait"),
    }
    if kind in own:
        wanted, words = own[kind]
        return "" if isinstance(value, wanted) else words
    if kind == "ITP_RECIPE":
        from ..itportrait_core.recipes.card import Card

        return "" if isinstance(value, Card) else "the recipe of the node that made it"
    if kind == "IMAGE":
        return "" if _is_image(value) else "pictures [B, H, W, 1 to 4 channels] of finite numbers"
    if kind == "MASK":
        return "" if _is_mask(value) else "a mask [B, H, W] of finite numbers"
    if kind == "MESH":
        return (
            ""
            if _is_mesh(value)
            else "a mesh with vertices [B, N, 3], faces [B, M, 3] and a colour for each vertex or none"
        )
    if kind in ("LOAD3D_CAMERA", "FACE_LANDMARKS"):
        return "" if isinstance(value, Mapping) else f"a {kind} of another node"
    return ""


def _is_image(value: object) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.ndim == 4
        and 1 <= value.shape[-1] <= 4
        and 0 < math.prod(value.shape[:3]) <= MOST_PIXELS
        and value.is_floating_point()
        and bool(torch.isfinite(value).all())
    )


def _is_mask(value: object) -> bool:
    return isinstance(value, torch.Tensor) and 2 <= value.ndim <= 4 and _is_image(value.reshape(1, 1, -1, 1))


def _is_mesh(value: object) -> bool:
    vertices, faces = getattr(value, "vertices", None), getattr(value, "faces", None)
    return (
        isinstance(vertices, torch.Tensor)
        and isinstance(faces, torch.Tensor)
        and vertices.ndim == faces.ndim == 3
        and vertices.shape[-1] == faces.shape[-1] == 3
        and not faces.is_floating_point()
        and bool(torch.isfinite(vertices).all())
        and (faces.numel() == 0 or 0 <= int(faces.min()) <= int(faces.max()) < vertices.shape[1])
        and all(_of_vertices(getattr(value, name, None), vertices) for name in VERTEX_PARTS)
    )


def _of_vertices(part: object, vertices: torch.Tensor) -> bool:
    """Whether a part of a mesh is missing, or has three finite numbers at least for each vertex."""
    return part is None or (
        isinstance(part, torch.Tensor)
        and part.ndim == 3
        and part.shape[:2] == vertices.shape[:2]
        and part.shape[-1] >= 3
        and bool(torch.isfinite(part).all())
    )


def _is_text(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= LONGEST_TEXT
        and not any("\ud800" <= letter <= "\udfff" for letter in value)
    )


def _within(item: io.Int.Input | io.Float.Input, value: float) -> bool:
    return (item.min is None or value >= item.min) and (item.max is None or value <= item.max)


def _range(item: io.Int.Input | io.Float.Input) -> str:
    return "" if item.min is None or item.max is None else f" from {item.min} to {item.max}"


def _shown(value: object) -> str:
    if isinstance(value, torch.Tensor):
        finite = not value.is_floating_point() or bool(torch.isfinite(value).all())
        return f"a tensor {tuple(value.shape)}{'' if finite else ' with numbers that are not finite'}"
    return describe(value)

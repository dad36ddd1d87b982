"""Writes checkpoints in the official formats, so that imports can be tested without official files.

Pickles carry the structure of NVIDIA's persistent objects, with a line as source code that raises when it is
executed. The modules that such pickles mention exist only while one is written.
"""

from __future__ import annotations

import collections
import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CANARY = "raise RuntimeError('source code of a checkpoint was executed')\n"
PLANE_AXES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((1, 0, 0), (0, 0, 1), (0, 1, 0)),
    ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
)
HOOKS = (
    "_backward_hooks",
    "_forward_hooks",
    "_forward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)


class EasyDict(dict):
    """Stands for dnnlib.util.EasyDict."""


class OSGDecoder:
    """Stands for training.triplane.OSGDecoder."""


class ImportanceRenderer:
    """Stands for training.volumetric_rendering.renderer.ImportanceRenderer."""


def _reconstruct_persistent_obj(meta: dict) -> None:
    """Stands for torch_utils.persistence._reconstruct_persistent_obj."""


class Persistent:
    """An object that is pickled as NVIDIA's persistence does it."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": CANARY,
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> tuple:
        return _reconstruct_persistent_obj, (self.meta,)


_HOMES = {
    "dnnlib.util": EasyDict,
    "training.triplane": OSGDecoder,
    "training.volumetric_rendering.renderer": ImportanceRenderer,
    "torch_utils.persistence": _reconstruct_persistent_obj,
}


@contextmanager
def official_modules() -> Iterator[None]:
    """The official modules as far as pickling looks at them."""
    names = {".".join(home.split(".")[:depth]) for home in _HOMES for depth in (1, 2, 3)}
    before = {thing: thing.__module__ for thing in _HOMES.values()}
    sys.modules.update({name: types.ModuleType(name) for name in names})
    try:
        for home, thing in _HOMES.items():
            thing.__module__ = home
            setattr(sys.modules[home], thing.__name__, thing)
        yield
    finally:
        for thing, module in before.items():
            thing.__module__ = module
        for name in names:
            del sys.modules[name]


def module_state(module: nn.Module, children: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """The `__dict__` of a stored module, with its own tensors and the given children."""
    return {
        "training": False,
        "_parameters": collections.OrderedDict(module._parameters),
        "_buffers": collections.OrderedDict(module._buffers),
        "_non_persistent_buffers_set": set(),
        **{name: collections.OrderedDict() for name in HOOKS},
        "_modules": collections.OrderedDict(children),
        **attributes,
    }


def persistent(module: nn.Module, class_name: str = "", **attributes: Any) -> Persistent:
    """A whole module tree as persistent objects."""
    children = {name: persistent(child) for name, child in module.named_children()}
    attributes.setdefault("weight_gain", np.float64(0.5))  # layers of the original hold such numpy numbers
    return Persistent(class_name or type(module).__name__, module_state(module, children, **attributes))


def plain(kind: type, state: dict[str, Any]) -> Any:
    """An ordinary object that is pickled by reference to its class."""
    value = kind.__new__(kind)
    value.__dict__.update(state)
    return value


def eg3d_generator(
    generator: nn.Module, init_kwargs: dict[str, Any], axes: Any = PLANE_AXES, resolution: int | None = None
) -> Persistent:
    """An EG3D generator as a snapshot stores it. Its super-resolution class comes from the settings."""
    rendering = EasyDict(init_kwargs["rendering_kwargs"])
    name = rendering["superresolution_module"].rpartition(".")[2]
    renderer = module_state(nn.Module(), {}, plane_axes=torch.tensor(axes, dtype=torch.float32))
    children = {
        "renderer": plain(ImportanceRenderer, renderer),
        "backbone": persistent(generator.backbone, "Generator"),
        "superresolution": persistent(generator.superresolution, name, sr_antialias=True),
        "decoder": plain(
            OSGDecoder,
            module_state(generator.decoder, {"net": persistent(generator.decoder.net, "Sequential")}),
        ),
    }
    state = module_state(
        generator,
        children,
        neural_rendering_resolution=resolution or generator.neural_rendering_resolution,
        rendering_kwargs=rendering,
        _init_args=(),
        _init_kwargs=EasyDict(init_kwargs),
    )
    state["_buffers"]["dataset_label_std"] = torch.ones(25)
    return Persistent("TriPlaneGenerator", state)


def write_snapshot(path: Path, **networks: Any) -> Path:
    """A pickle with the given networks: G, D, G_ema, augment_pipe."""
    content = {
        "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "use_labels": True}
    }
    with official_modules(), open(path, "wb") as file:
        pickle.dump(content | {"G": None, "D": None, "augment_pipe": None} | networks, file, protocol=4)
    return path


def rosinality_state(
    resolution: int, w_dim: int, width: int, layers: int = 8, seed: int = 0
) -> dict[str, Tensor]:
    """Random weights of a small generator under rosinality's names."""
    rng = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def put(name: str, *shape: int) -> None:
        state[name] = torch.randn(shape, generator=rng)

    def convolution(name: str, size: int, outputs: int) -> None:
        put(f"{name}.conv.weight", 1, outputs, width, size, size)
        put(f"{name}.conv.modulation.weight", width, w_dim)
        put(f"{name}.conv.modulation.bias", width)

    def styled(name: str) -> None:
        convolution(name, 3, width)
        put(f"{name}.noise.weight", 1)
        put(f"{name}.activate.bias", width)

    def to_rgb(name: str) -> None:
        convolution(name, 1, 3)
        put(f"{name}.bias", 1, 3, 1, 1)

    for number in range(1, layers + 1):
        put(f"style.{number}.weight", w_dim, w_dim)
        put(f"style.{number}.bias", w_dim)
    put("input.input", 1, width, 4, 4)
    styled("conv1")
    to_rgb("to_rgb1")
    put("noises.noise_0", 1, 1, 4, 4)
    for number in range(resolution.bit_length() - 3):
        styled(f"convs.{2 * number}")
        styled(f"convs.{2 * number + 1}")
        to_rgb(f"to_rgbs.{number}")
        state[f"convs.{2 * number}.conv.blur.kernel"] = torch.ones(4, 4)
        state[f"to_rgbs.{number}.upsample.kernel"] = torch.ones(4, 4)
        for half in (1, 2):
            put(f"noises.noise_{2 * number + half}", 1, 1, 8 << number, 8 << number)
    return state

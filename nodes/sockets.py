"""What travels between the nodes. Every object is immutable by convention and is freed when ComfyUI drops it.

`get_ram_usage` (0.3.75) and `_comfy_cache_tensors` (newer) tell ComfyUI's cache how heavy an object is.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

import comfy.model_management as mm
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.checkpoints import hashes
from ..itportrait_core.checkpoints.hashes import file_hash
from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.methods.configs import RESTATED, Config
from . import runtime

if TYPE_CHECKING:
    from ..itportrait_core.guidance.clip import ClipModel
    from ..itportrait_core.methods.inversion.photo_prior import PhotoPrior
    from ..itportrait_core.methods.shared.portrait import Portrait
    from ..itportrait_core.methods.shared.region import Region
    from ..itportrait_core.networks.generator3d import Generator3D

Generator = io.Custom("ITP_GENERATOR")
PortraitSocket = io.Custom("ITP_PORTRAIT")
Prior = io.Custom("ITP_PHOTO_PRIOR")
Clip = io.Custom("ITP_CLIP")
Cameras = io.Custom("ITP_CAMERAS")
Settings = io.Custom("ITP_SETTINGS")
Alignment = io.Custom("ITP_ALIGNMENT")
Recipe = io.Custom("ITP_RECIPE")
RegionSocket = io.Custom("ITP_REGION")

AnyConfig = TypeVar("AnyConfig", bound=Config)


_opened: WeakValueDictionary[tuple[str, bool], ModelPatcher] = WeakValueDictionary()


class Held:
    """Models that ComfyUI's memory manager moves for us."""

    @property
    def patchers(self) -> list[ModelPatcher]:
        """One for each network."""
        raise NotImplementedError

    def get_ram_usage(self) -> int:
        """Bytes of weights in memory."""
        return sum(mm.module_size(patcher.model) for patcher in self.patchers)

    def _comfy_cache_tensors(self) -> list[Tensor]:
        return [tensor for patcher in self.patchers for tensor in patcher.model.parameters()]


@dataclass(frozen=True, eq=False)
class GeneratorHandle(Held):
    """One generator file, read when a node needs it; equal files of one precision share their weights."""

    path: Path
    sha256: str
    config: Mapping[str, Any]
    lineage: Mapping[str, Any]
    license: str
    half: bool = False
    """Super-resolution in half precision, where the device can."""

    @classmethod
    def read(cls, path: Path, half: bool = False) -> GeneratorHandle:
        """The handle of a file; reads its header only.

        Raises:
            ITPortraitError: if it holds no 3D generator, or is damaged.
        """
        from ..itportrait_core.checkpoints.format import read_header
        from ..itportrait_core.networks import families

        header = read_header(path)
        if header.family not in families.NAMES:
            raise ITPortraitError(
                f"{path.name} holds a {header.family!r} network, not a 3D generator (eg3d)."
            )
        return cls(path, file_hash(path), header.config, header.lineage, header.license, half)

    @cached_property
    def patcher(self) -> ModelPatcher:
        """The frozen generator under ComfyUI's memory manager."""
        key = (self.sha256, self.half)
        held_patcher = _opened.get(key)
        if held_patcher is None:
            if not self.unchanged:
                raise ITPortraitError(f"{self.path} is gone or has changed; queue again to make it anew.")
            with runtime.plain_tensors():
                model = itp.load_generator(self.path, half=self.half)
            held_patcher = runtime.patcher(model)
            _opened[key] = held_patcher
        return held_patcher

    @property
    def unchanged(self) -> bool:
        """Whether the file is still what it was."""
        try:
            return os.path.isfile(self.path) and file_hash(self.path) == self.sha256
        except ITPortraitError:
            return False

    @cached_property
    def description(self) -> dict[str, Any]:
        """The file on a recipe card, from `describe_weights`.

        Raises:
            ITPortraitError: when the file is gone.
        """
        from ..itportrait_core.recipes.card import describe_weights

        if not os.path.isfile(self.path):
            raise ITPortraitError(f"{self.path} is gone; queue again to make it anew.")
        return describe_weights(self.path)

    def weights(self) -> Generator3D:
        """A generator of one's own on the CPU: from the file, or from memory where the file is gone.

        Raises:
            ITPortraitError: when it is in neither.
        """
        if self.unchanged:
            return itp.load_generator(self.path)
        return copy.deepcopy(self.patcher.model).cpu()

    @property
    def patchers(self) -> list[ModelPatcher]:
        """Empty until a node has opened the file."""
        return [self.patcher] if "patcher" in self.__dict__ else []

    def open(self, *, trained: bool = False) -> Generator3D:
        """The generator on the compute device; `trained` makes room for a copy with gradients."""
        runtime.to_device(self.patcher, trained=int(trained))
        return self.patcher.model


@dataclass(frozen=True, eq=False)
class PortraitHandle:
    """A person in a generator: latent, camera, picture, report; perhaps joined with more."""

    portrait: Portrait
    more: tuple[Portrait, ...] = ()
    """Joined with it; nodes that want one person take the first alone."""

    @property
    def joined(self) -> list[Portrait]:
        """All of them."""
        return [self.portrait, *self.more]

    @cached_property
    def sha256(self) -> str:
        """Hash of latent, cameras and pictures: the same person, the same hash."""
        return hashes.of_floats(*self._comfy_cache_tensors())

    def get_ram_usage(self) -> int:
        """Bytes of its tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._comfy_cache_tensors())

    def _comfy_cache_tensors(self) -> list[Tensor]:
        return [tensor for one in self.joined for tensor in one.hashed]


@dataclass(frozen=True, eq=False)
class PriorHandle(Held):
    """The photo prior: 2D generator, encoder, pose and identity networks."""

    prior: PhotoPrior
    held: tuple[ModelPatcher, ...]

    @property
    def patchers(self) -> list[ModelPatcher]:
        return list(self.held)

    def open(self) -> PhotoPrior:
        """The prior on the compute device."""
        runtime.to_device(*self.held)
        return self.prior


@dataclass(frozen=True, eq=False)
class ClipHandle(Held):
    """One or more CLIP models whose judgements are summed."""

    models: tuple[ClipModel, ...]
    names: tuple[str, ...]
    held: tuple[ModelPatcher, ...]

    @property
    def patchers(self) -> list[ModelPatcher]:
        return list(self.held)

    def open(self) -> list[ClipModel]:
        """The models on the compute device."""
        runtime.to_device(*self.held)
        return list(self.models)


@dataclass(frozen=True, eq=False)
class CamerasHandle:
    """Cameras as EG3D labels `[N, 25]`."""

    labels: Tensor

    def get_ram_usage(self) -> int:
        """Bytes of the labels."""
        return self.labels.numel() * self.labels.element_size()

    def _comfy_cache_tensors(self) -> list[Tensor]:
        return [self.labels]


@dataclass(frozen=True, eq=False)
class RegionHandle:
    """A part of the box to which edits are restricted."""

    region: Region

    @property
    def sha256(self) -> str:
        """Hash of its weights."""
        return self.region.sha256

    def get_ram_usage(self) -> int:
        """Bytes of the weights."""
        return self.region.weights.numel() * self.region.weights.element_size()

    def _comfy_cache_tensors(self) -> list[Tensor]:
        return [self.region.weights]


@dataclass(frozen=True, eq=False)
class SettingsHandle:
    """Settings by method ("inversion", "apt", "ite", "tuning", "blend"), each a frozen config of the core."""

    configs: Mapping[str, Any]
    preset: str = ""
    """What they began as."""

    def of(self, kind: type[AnyConfig], mode: str = "") -> AnyConfig:
        """The settings of class `kind`, for a mode of the method.

        Raises:
            ITPortraitError: where the preset restates another method that has no such step.
        """
        if kind.method not in self.configs:
            raise ITPortraitError(
                f"The preset {self.preset} is no setting of this node; it holds {', '.join(self.configs)}"
                " (apt: Style from a Picture, ite: Style and Text, blend: Mix Styles)."
            )
        config: AnyConfig = self.configs[kind.method]
        if mode == "coupled" and self.preset in RESTATED:
            raise ITPortraitError(
                f"The preset {self.preset} is driven by the text alone; set mode to text_only."
            )
        return config

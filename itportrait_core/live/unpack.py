"""Reads what `pack` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import ITPortraitError
from ..networks.eg3d_config import RenderingConfig
from .container import from_bytes
from .pack import VERSION


@dataclass(frozen=True)
class LiveHead:
    """A live head that was read: what `pack` wrote, as tensors."""

    header: dict[str, Any]
    planes: list[list[Tensor]]
    """For each generator and person `[3, C, H, W]` float32."""
    decoders: list[dict[str, Tensor]]

    @property
    def rendering(self) -> RenderingConfig:
        """How its rays are marched."""
        return RenderingConfig(**self.header["rendering"])


def unpack(data: bytes) -> LiveHead:
    """Read a live head.

    Raises:
        ITPortraitError: for a damaged file, another version, or arrays of other shapes than the header says.
    """
    header, arrays = from_bytes(data)
    if header.get("version") != VERSION:
        raise ITPortraitError(f"The live head has version {header.get('version')!r}; this reads {VERSION}.")
    try:
        channels, side = int(header["channels"]), int(header["side"])
        planes, decoders = [], []
        if sum(len(entry["planes"]) for entry in header["generators"]) > len(arrays):
            raise ValueError("it shows the same planes again and again")
        for entry in header["generators"]:
            planes.append([_restore(arrays, one, channels, side) for one in entry["planes"]])
            decoders.append({name: arrays[entry["decoder"][name]] for name in ("w0", "b0", "w1", "b1")})
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise ITPortraitError(f"The live head is damaged ({error}); make it again.") from error
    return LiveHead(header, planes, decoders)


def _restore(arrays: list[Tensor], entry: dict[str, int], channels: int, side: int) -> Tensor:
    texels = arrays[entry["texels"]].float()
    if tuple(texels.shape) != (3, channels // 4, side, side, 4):
        raise ValueError(f"planes of shape {tuple(texels.shape)}")
    planes = texels.permute(0, 1, 4, 2, 3).reshape(3, channels, side, side)
    if "step" in entry:
        step, low = (arrays[entry[name]].reshape(3, channels, 1, 1) for name in ("step", "low"))
        planes = planes * step + low
    return planes

"""Pinhole cameras, as the 25 numbers of EG3D's labels hold them (docs/eg3d.md#cameras)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ITPortraitError

NUMBERS = 25
"""Numbers of a label: 16 of the camera-to-world matrix row by row, then 9 of the intrinsics."""
MATRIX = 16


@dataclass(frozen=True)
class Camera:
    """N cameras over their labels `[N, 25]`, which this holds and does not copy.

    The camera-to-world matrix has OpenCV axes (x right, y down, z forward); intrinsics are divided by the
    picture's size.
    """

    label: Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.label.shape)
        if len(shape) != 2 or shape[1] != NUMBERS:
            raise ITPortraitError(f"Cameras must be [N, 25], got shape {shape}; build them with orbit().")

    @classmethod
    def from_matrices(cls, rotation: Tensor, position: Tensor, focal: float | Tensor) -> Camera:
        """Of axes [N, 3, 3], positions [N, 3] and focal length in picture widths (a number or [N]).

        The principal point is the picture's centre. Differentiable.
        """
        n = rotation.shape[0]
        length = torch.as_tensor(focal, dtype=rotation.dtype, device=rotation.device).expand(n)
        cam2world = torch.cat((rotation, position[:, :, None]), dim=2)  # [N, 3, 4]
        last = rotation.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(n, 4)
        zero, half, one = rotation.new_zeros(n), rotation.new_full((n,), 0.5), rotation.new_ones(n)
        lens = torch.stack((length, zero, half, zero, length, half, zero, zero, one), dim=1)
        return cls(torch.cat((cam2world.flatten(1), last, lens), dim=1))

    @property
    def cam2world(self) -> Tensor:
        """[N, 4, 4]."""
        return self.label[:, :MATRIX].reshape(-1, 4, 4)

    @property
    def intrinsics(self) -> Tensor:
        """[N, 3, 3]."""
        return self.label[:, MATRIX:].reshape(-1, 3, 3)

    @property
    def rotation(self) -> Tensor:
        """Axes [N, 3, 3]: right, down and forward as columns."""
        return self.cam2world[:, :3, :3]

    @property
    def position(self) -> Tensor:
        """[N, 3], world units."""
        return self.cam2world[:, :3, 3]

    @property
    def focal(self) -> Tensor:
        """Horizontal focal length [N], picture widths."""
        return self.intrinsics[:, 0, 0]

    def with_focal(self, focal: float | Tensor) -> Camera:
        """The same cameras with another focal length (a number or [N]), in picture widths."""
        lens = self.intrinsics.clone()
        lens[:, 0, 0] = lens[:, 1, 1] = torch.as_tensor(focal, dtype=lens.dtype, device=lens.device)
        return Camera(torch.cat((self.label[:, :MATRIX], lens.flatten(1)), dim=1))

"""The pose of Eq. 4 as a small turn and shift away from its start (docs/method.md#inversion)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.camera import Camera
from ...rendering.rotations import skew


class PoseResidual:
    """R = exp(omega) R_init and t = r unit(exp(omega) t_init + tau): the camera stays on its sphere.

    `omega` [N, 3] (so(3), radians) and `tau` [N, 3] (units of the scene) start at 0 and ask for gradients.
    """

    def __init__(self, start: Tensor, max_rotation_deg: float, trained: bool = True) -> None:
        """`start`: labels [N, 25]."""
        camera = Camera(start)
        self.rotation, self.place, self.focal = camera.rotation, camera.position, camera.focal
        self.radius = self.place.norm(dim=1, keepdim=True)
        self.limit = math.radians(max_rotation_deg)
        self.omega = torch.zeros_like(self.place).requires_grad_(trained)
        self.tau = torch.zeros_like(self.place).requires_grad_(trained)

    def labels(self) -> Tensor:
        """Labels [N, 25], differentiable in `omega` and `tau`."""
        # On the CPU, because Metal knows no matrix exponential.
        turn = torch.linalg.matrix_exp(skew(self.omega).cpu()).to(self.omega.device)
        place = (turn @ self.place[:, :, None])[:, :, 0] + self.tau
        place = self.radius * F.normalize(place, dim=1)
        return Camera.from_matrices(turn @ self.rotation, place, self.focal).label

    @torch.no_grad()
    def clamp(self) -> None:
        """Bring every turn back to the largest one allowed."""
        angle = self.omega.norm(dim=1, keepdim=True)
        self.omega.mul_((self.limit / angle.clamp_min(1e-12)).clamp(max=1.0))

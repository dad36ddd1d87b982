"""The interface of every family of 3D generators, which methods, renderers and nodes are written against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

if TYPE_CHECKING:  # every node knows this interface, and opens fast without the networks
    from .eg3d_config import EG3DConfig
    from .superresolution import SuperResolution


@dataclass(frozen=True)
class RenderOutput:
    """One rendered batch."""

    image: Tensor
    """[B, 3, H, W] after super-resolution, about [-1, 1] and not clamped."""
    image_raw: Tensor
    """[B, 3, R, R] before super-resolution; always clean (the published code may overwrite it)."""
    image_depth: Tensor
    """[B, 1, R, R], distance along the unit ray in world units."""
    image_weights: Tensor
    """[B, 1, R, R], opacity in 0..1."""


@dataclass(frozen=True)
class VolumeOutput:
    """What the rays of one batch see, before super-resolution."""

    features: Tensor
    """[B, C, R, R], about [-1, 1]; C is 0 where no colours were asked for."""
    image_depth: Tensor
    """As in `RenderOutput`."""
    image_weights: Tensor
    """As in `RenderOutput`."""


class Generator3D(Protocol):
    """Latents to a scene, a scene and cameras to pictures.

    Shapes: z [B, z_dim], ws [B, num_ws, w_dim], cameras c [N, 25]; planes are the family's own, batch first.
    Below the generator's methods stand those of `torch.nn.Module` that its callers use.
    """

    family: str
    config: EG3DConfig
    z_dim: int
    w_dim: int
    num_ws: int
    resolution: int
    """Side of the pictures, pixels."""
    neural_rendering_resolution: int
    """Side of the raw pictures, pixels."""
    superresolution: SuperResolution
    """Behind the neural renderer; `half` computes its features in half precision, where the device can."""
    lineage: dict[str, Any]
    """Where the weights come from: facts of their file, or of the run that trained them; {} if unknown."""
    history: Any
    """`History` of the run that trained the weights, or None."""

    def mapping(self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0) -> Tensor:
        """Latents to style vectors ws."""

    def planes(self, ws: Tensor) -> Tensor:
        """Style vectors to a scene that serves any number of views."""

    def field(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, N, C] (the first three are RGB) and raw density [B, N, 1] at points [B, N, 3]."""

    def colors(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """RGB [B, N, 3] and raw density [B, N, 1] of `field` alone, which cost less."""

    def density(self, planes: Tensor, points: Tensor) -> Tensor:
        """The raw density of `field` alone, which costs less."""

    def render(
        self,
        planes: Tensor,
        ws: Tensor,
        c: Tensor,
        *,
        neural_rendering_resolution: int | None = None,
        ray_chunk: int | None = None,
        checkpoint: bool = False,
    ) -> RenderOutput:
        """A scene from cameras."""

    def render_volume(
        self,
        planes: Tensor,
        c: Tensor,
        *,
        neural_rendering_resolution: int | None = None,
        ray_chunk: int | None = None,
        checkpoint: bool = False,
        colors: bool = True,
    ) -> VolumeOutput:
        """What the rays of `render` see; `colors` False for depth and opacity alone."""

    def synthesis(self, ws: Tensor, c: Tensor) -> RenderOutput:
        """`planes` and `render` in one."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As in `torch.nn.Module`, like all that follows."""

    def buffers(self) -> Iterator[Tensor]: ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...

    def state_dict(self) -> dict[str, Tensor]: ...

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> object: ...

    def zero_grad(self, set_to_none: bool = True) -> None: ...

    def eval(self: G) -> G: ...

    def requires_grad_(self: G, requires_grad: bool = True) -> G: ...

    def to(self: G, device: torch.device | str) -> G: ...


G = TypeVar("G", bound=Generator3D)

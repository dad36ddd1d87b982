"""What the 3D generator learns from: latents, cameras, true pictures, true depth and true fields."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ...networks.rays import make_rays, split_label
from ...rendering import cameras
from ..attributes import APPEARANCE, GEOMETRY, Z_DIM, attributes
from ..latents import normalise, partners
from ..looks import WideStyle
from ..render import field, render
from .detail import mouth
from .growing import Growing, Job
from .pictures import unit

SIZE = 128
"""Side of the true pictures, pixels."""
DEPTH_RANGE = (1.9, 3.5)
"""Depths that the 15-bit store can hold, world units."""
YAW, PITCH = (-56.0, 56.0), (-36.0, 36.0)
"""Camera angles in degrees: a little more than what is promised, so that the edge is good too."""
CHUNK = 4
"""Heads rendered at once."""
Packed = tuple[Tensor, ...]
"""What `Batch.pack` makes of heads, or of one."""


@dataclass(frozen=True)
class Batch:
    """Some heads, each seen by one camera."""

    latents: Tensor  # [B, Z_DIM], normalised
    cameras: Tensor  # [B, 25]
    image: Tensor  # [B, 3, 128, 128] in [-1, 1]
    depth: Tensor  # [B, 1, 128, 128] along the unit ray; meaningless where the mask is 0
    mask: Tensor  # [B, 1, 128, 128] coverage in [0, 1]
    face_box: Tensor  # [B, 4] left, top, right, bottom, pixels

    def __getitem__(self, rows: slice) -> Batch:
        """Some of the heads."""
        return Batch(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def pack(self) -> Packed:
        """The tensors in few bytes: depth in 15 bits over `DEPTH_RANGE`, picture and mask in 8."""
        near, far = DEPTH_RANGE
        depth = ((self.depth - near) / (far - near) * 32767).clamp(0, 32767).round().short()
        image = ((self.image + 1) * 127.5).clamp(0, 255).round().byte()
        mask = (self.mask * 255).round().byte()
        return self.latents, self.cameras, image, depth, mask, self.face_box

    @staticmethod
    def unpack(
        latents: Tensor, labels: Tensor, image: Tensor, depth: Tensor, mask: Tensor, face_box: Tensor
    ) -> Batch:
        """The inverse of `pack`."""
        near, far = DEPTH_RANGE
        depth = depth.float() / 32767 * (far - near) + near
        return Batch(latents, labels, unit(image), depth, mask.float() / 255, face_box)


def see(latents: Tensor, labels: Tensor, supersample: int = 2, style: str | WideStyle = "photo") -> Batch:
    """Render the truth of normalised latents [B, Z_DIM] from cameras [B, 25]."""
    truth = render(attributes(latents), labels, style, SIZE, supersample=supersample)
    return Batch(latents, labels, truth.image, truth.depth, truth.mask, truth.face_box)


class SeenHeads(Growing[Packed]):
    """A store of rendered heads."""

    def __init__(self, seed: int, capacity: int = 3000, ahead: int = 2, threads: int = 1) -> None:
        """See `Growing`."""
        super().__init__(_draw_heads, seed, capacity, ahead, threads)

    def batch(self, size: int, fresh: int) -> Batch:
        """`fresh` new heads, and `size - fresh` drawn from those seen before."""
        return Batch.unpack(*(torch.stack(c) for c in zip(*self.rows(size, fresh), strict=True)))


def _draw_heads(rng: torch.Generator) -> Job[Packed]:
    latents = normalise(torch.randn(CHUNK, Z_DIM, generator=rng))
    labels = cameras.sample_views(CHUNK, yaw=YAW, pitch=PITCH, rng=rng)
    return lambda supersample: list(zip(*see(latents, labels, supersample).pack(), strict=True))


def mix_latents(latents: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Latents for the coarse and the fine layers that must show the heads of normalised latents [B, Z_DIM].

    The first shares their geometry and has someone else's appearance, the second the other way round.
    """
    return partners(latents, GEOMETRY, rng), partners(latents, APPEARANCE, rng)


@dataclass(frozen=True)
class FieldSamples:
    """True signed distance and colour at points of each head."""

    points: Tensor  # [B, N, 3]
    distance: Tensor  # [B, N], negative inside
    colour: Tensor  # [B, N, 3] in [0, 1]
    coloured: Tensor  # [B, N] 1 where the colour is known: close to a surface that the camera saw

    def to(self, device: torch.device) -> FieldSamples:
        """The same on a device."""
        return FieldSamples(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def sample_field(
    heads: Batch, near: int, free: int, rng: torch.Generator, style: str | WideStyle = "photo"
) -> FieldSamples:
    """Draw points: `near` about the visible surface, more on the face, `free` in and around the box.

    `style`: in which the heads were drawn. Heads and samples are on the CPU, where the renderer is.
    """
    index = _visible_pixels(heads, near, rng)
    origins, directions = make_rays(*split_label(heads.cameras), SIZE)
    pick = index[..., None].expand(-1, -1, 3)
    depth = heads.depth.flatten(1).gather(1, index)[..., None]
    colour = (heads.image.flatten(2).transpose(1, 2).gather(1, pick) + 1) / 2
    shift = torch.randn(depth.shape, generator=rng)
    width = torch.tensor([0.004, 0.008, 0.03])[torch.randint(3, depth.shape, generator=rng)]
    shift = shift * width
    points = origins.gather(1, pick) + (depth + shift) * directions.gather(1, pick)
    reach = torch.tensor([0.5, 0.7])[torch.randint(2, (len(points), free, 1), generator=rng)]
    box = (torch.rand(len(points), free, 3, generator=rng) * 2 - 1) * reach
    points = torch.cat([points, box], dim=1)
    distance, _ = field(attributes(heads.latents), points, style, within=-1.0)
    coloured = torch.cat(
        [(shift.abs() < 0.01)[..., 0], torch.zeros(len(points), free, dtype=torch.bool)], dim=1
    )
    colour = torch.cat([colour, torch.zeros(len(points), free, 3)], dim=1)
    return FieldSamples(points, distance, colour, coloured.float())


def _visible_pixels(heads: Batch, count: int, rng: torch.Generator) -> Tensor:
    """Pixels [B, count] fully on the head, those in the face box more often, those of the mouth most."""
    middle = (torch.arange(SIZE) + 0.5).expand(len(heads.latents), SIZE)
    left, top, right, bottom = (side[:, None] for side in heads.face_box.unbind(1))
    inside = ((middle > top) & (middle < bottom))[:, :, None] & ((middle > left) & (middle < right))[:, None]
    weight = (heads.mask[:, 0] > 0.99) * (1.0 + 3.0 * inside) * mouth(heads.cameras, SIZE)[:, 0]
    return torch.multinomial(weight.flatten(1), count, replacement=True, generator=rng)

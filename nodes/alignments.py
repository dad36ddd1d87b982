"""What Align Portrait hands on: a picture and its face, to be cut as any of the networks wants it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..itportrait_core.alignment.frame import Square
    from ..itportrait_core.alignment.landmarks import Face
    from ..itportrait_core.methods.inversion.photo_twin import Aligned


@dataclass(frozen=True, eq=False)
class AlignmentHandle:
    """A picture and its face: enough to cut it as any of the networks wants it.

    Attributes:
        picture: the whole picture `[1, 3, H, W]` in [-1, 1].
        points: the face's five points `[5, 2]` in its pixels; None for a square picture that stays whole.
        level: whether cuts turn with the head.
        size: side of the cuts, pixels.
        more: other pictures of the same person.
    """

    picture: Tensor
    points: Tensor | None
    level: bool
    size: int
    more: tuple[AlignmentHandle, ...] = ()

    @property
    def joined(self) -> tuple[AlignmentHandle, ...]:
        """This picture, then the others."""
        return (self, *self.more)

    def aligned(self) -> Aligned:
        """The cuts of the 3D generator and of FFHQ networks, and how to cut anew by points in the latter."""
        from ..itportrait_core.alignment import detector
        from ..itportrait_core.alignment.frame import Square, portrait_frame
        from ..itportrait_core.alignment.warp import cut
        from ..itportrait_core.methods.inversion.photo_twin import Aligned

        seek = (find_points, find_pose) if detector.installed() else (None, None)
        if self.points is None:
            ends = -0.5, self.picture.shape[-1] - 0.5  # whole numbers are pixel centres
            whole = Square.from_box(ends[0], ends[0], ends[1], ends[1])
            return Aligned(cut(self.picture, whole, self.size), None, None, *seek)
        frame = portrait_frame(self.points, level=self.level)

        def again(points: Tensor) -> Aligned:
            return replace(self, points=frame.ffhq.to_picture(points)).aligned()

        def cut_out(square: Square) -> Tensor:
            return cut(self.picture, square, self.size, face_side=frame.ffhq.side)

        return Aligned(cut_out(frame.eg3d), cut_out(frame.ffhq), again, *seek)

    def get_ram_usage(self) -> int:
        """Bytes of the pictures."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._comfy_cache_tensors())

    def _comfy_cache_tensors(self) -> list[Tensor]:
        return [one.picture for one in self.joined]


def find_points(picture: Tensor) -> Tensor | None:
    """The five points `[5, 2]` of the largest face in unit coordinates; None where there is no face."""
    face = _largest_face(picture)
    side = torch.tensor(picture.shape[:1:-1])  # width, height
    return None if face is None else (face.points + 0.5) / side


def find_pose(picture: Tensor) -> Tensor | None:
    """The camera `[1, 25]` that sees the largest face, from all its points; None where there is no face."""
    from ..itportrait_core.alignment.pose_fit import estimate_pose
    from ..itportrait_core.rendering import cameras

    face = _largest_face(picture)
    return None if face is None else cameras.from_axes(estimate_pose(face).rotation[None])


def _largest_face(picture: Tensor) -> Face | None:
    from ..itportrait_core.alignment.landmarks import detect_faces

    faces = detect_faces(picture)
    return faces[0] if faces else None

"""Squares that frame a face: FFHQ quad, portrait frame, Deep3D and EG3D crops (docs/alignment.md).

A face is given by five points `[5, 2]`: left eye, right eye, nose tip, left and right mouth corner, as seen
in the picture, in pixels with y down; whole numbers are pixel centres. Every crop is a `Square` in the raw
picture, so each is cut from it in one resampling, however many frames lie between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ITPortraitError

PORTRAIT_SCALE = 1.8
"""Portrait frame side over FFHQ side: the canvas of EG3D's training data (docs/alignment.md)."""
DEEP3D_POINTS = (
    (-0.31148657, 0.29036078, 0.13377953),
    (0.30979887, 0.28972037, 0.13179526),
    (0.0032535, -0.04617932, 0.55244243),
    (-0.25216928, -0.38133916, 0.22405732),
    (0.24846619, -0.38128236, 0.22235769),
)
"""The five-point standard face: x right, y up, z to the viewer, Deep3D units (docs/alignment.md)."""
DEEP3D_SIDE = 224.0 / 102.0
"""Side of Deep3DFaceRecon's input square over the fitted scale s."""
EG3D_SIDE = 700.0 / 300.0
"""Side of EG3D's in-the-wild crop over the fitted scale s."""
IDENTITY_BOX = (0.0945, 0.0094, 0.8878, 0.8027)
"""ArcFace's square in an EG3D crop, unit left, top, right, bottom (docs/checkpoints.md#arcface)."""


@dataclass(frozen=True)
class Square:
    """A square region of a picture, possibly turned.

    `center` and `half` are (x, y) in pixels, y down; `half` runs from the centre to the middle of the right
    side, so the side is `2 |half|`. Unit coordinates inside it run from (0, 0) upper left to (1, 1) lower
    right.
    """

    center: tuple[float, float]
    half: tuple[float, float]

    @staticmethod
    def from_box(left: float, top: float, right: float, bottom: float) -> Square:
        """An upright square from its edges; a box that is not square keeps its centre and width."""
        return Square(((left + right) / 2.0, (top + bottom) / 2.0), ((right - left) / 2.0, 0.0))

    @property
    def side(self) -> float:
        """Length of a side, pixels."""
        return 2.0 * math.hypot(*self.half)

    @property
    def roll(self) -> float:
        """Turn of the x axis in degrees; above 0 it dips to the right (clockwise)."""
        return math.degrees(math.atan2(self.half[1], self.half[0]))

    @property
    def corners(self) -> Tensor:
        """Upper left, lower left, lower right, upper right, `[4, 2]` float64."""
        (cx, cy), (hx, hy) = self.center, self.half
        signs = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
        axes = torch.tensor([[hx, hy], [-hy, hx]], dtype=torch.float64)
        return signs @ axes + torch.tensor([cx, cy], dtype=torch.float64)

    def scaled(self, factor: float) -> Square:
        """The same square, `factor` times as large about its centre."""
        return Square(self.center, (self.half[0] * factor, self.half[1] * factor))

    def upright(self) -> Square:
        """The same centre and side without the turn."""
        return Square(self.center, (self.side / 2.0, 0.0))

    def matrix(self) -> Tensor:
        """`[3, 3]` float64 from picture pixels to unit coordinates."""
        (cx, cy), (hx, hy) = self.center, self.half
        to_picture = torch.tensor(
            [[2 * hx, -2 * hy, cx - hx + hy], [2 * hy, 2 * hx, cy - hy - hx], [0.0, 0.0, 1.0]],
            dtype=torch.float64,
        )
        return torch.linalg.inv(to_picture)

    def to_unit(self, points: Tensor) -> Tensor:
        """Picture points `[K, 2]` in unit coordinates, float64."""
        return apply(self.matrix(), points)

    def to_picture(self, points: Tensor) -> Tensor:
        """Unit points `[K, 2]` in picture pixels, float64."""
        return apply(torch.linalg.inv(self.matrix()), points)

    def inner(self, left: float, top: float, right: float, bottom: float) -> Square:
        """The square with these edges in this square's unit coordinates, in the picture."""
        middle = torch.tensor([[(left + right) / 2.0, (top + bottom) / 2.0]], dtype=torch.float64)
        x, y = self.to_picture(middle)[0].tolist()
        return Square((x, y), (self.half[0] * (right - left), self.half[1] * (right - left)))


@dataclass(frozen=True)
class PortraitFrame:
    """Every square of one face, all in the pixels of the raw picture, all turned with the face's roll."""

    portrait: Square
    """FFHQ quad x 1.8: the canvas F."""
    ffhq: Square
    """What StyleGAN2 encoders see."""
    deep3d: Square
    """What Deep3DFaceRecon sees."""
    eg3d: Square
    """What the generator draws: pose and picture share this frame."""
    points: Tensor
    """The five points `[5, 2]`, raw pixels, float64."""

    @property
    def identity(self) -> Square:
        """What the identity network sees: its square inside the EG3D crop."""
        return self.eg3d.inner(*IDENTITY_BOX)

    @property
    def roll(self) -> float:
        """Roll of the face in the raw picture, degrees, clockwise positive."""
        return self.portrait.roll


def portrait_frame(points: Tensor, *, level: bool = True) -> PortraitFrame:
    """All squares of one face.

    Args:
        points: five points `[5, 2]`, picture pixels.
        level: turn the frame with the face, so that the head stands upright in every crop (EG3D has hardly
            seen roll); False keeps the picture's own orientation.
    """
    points = five_points(points)
    ffhq = ffhq_quad(points)
    ffhq = ffhq if level else ffhq.upright()
    portrait = ffhq.scaled(PORTRAIT_SCALE)
    center, scale = deep3d_fit(portrait.to_unit(points))
    return PortraitFrame(
        portrait=portrait,
        ffhq=ffhq,
        deep3d=portrait.inner(*_box(center, DEEP3D_SIDE * scale)),
        eg3d=portrait.inner(*_box(center, EG3D_SIDE * scale)),
        points=points,
    )


FRAMED = (0.65, 1.1)
"""Sides of the generator's square over the picture's, between which the picture counts as cut already; the
embedded family's own people lie from 0.76 to 0.84."""
OFF_CENTRE = 0.08
"""Largest distance between both centres, in sides of the picture."""


def is_framed(points: Tensor, side: int) -> bool:
    """Whether a square picture of `side` pixels already lies about this face as a generator draws people."""
    square = portrait_frame(points, level=False).eg3d
    off = max(abs(value - side / 2) for value in square.center) / side
    return FRAMED[0] <= square.side / side <= FRAMED[1] and off <= OFF_CENTRE


def ffhq_quad(points: Tensor) -> Square:
    """FFHQ's square by eyes and mouth corners, without the nose (docs/alignment.md#ffhq-square)."""
    left_eye, right_eye, _, left_mouth, right_mouth = five_points(points)
    eyes, mouth = (left_eye + right_eye) / 2.0, (left_mouth + right_mouth) / 2.0
    across, down = right_eye - left_eye, mouth - eyes
    x = across - torch.stack((-down[1], down[0]))
    x = x * (max(2.0 * float(across.norm()), 1.8 * float(down.norm())) / x.norm())
    return Square(tuple((eyes + 0.1 * down).tolist()), tuple(x.tolist()))


def deep3d_fit(points: Tensor) -> tuple[tuple[float, float], float]:
    """Least-squares affine camera of the standard face (docs/alignment.md#deep3d-and-eg3d-squares).

    Args:
        points: five points `[5, 2]`, y down, any unit.

    Returns:
        Where the standard face's origin falls (x, y), y down, and the scale s, both in the unit of the
        points.
    """
    face = torch.cat((torch.tensor(DEEP3D_POINTS, dtype=torch.float64), torch.ones(5, 1).double()), 1)
    solution = torch.linalg.lstsq(face, five_points(points) * torch.tensor([1.0, -1.0]).double()).solution
    scale = float((solution[:3, 0].norm() + solution[:3, 1].norm()) / 2.0)
    return (float(solution[3, 0]), -float(solution[3, 1])), scale


def deep3d_square(points: Tensor) -> Square:
    """Deep3DFaceRecon's square, upright in the picture that the points come from."""
    center, scale = deep3d_fit(points)
    return Square.from_box(*_box(center, DEEP3D_SIDE * scale))


def five_points(points: Tensor) -> Tensor:
    """Five points as float64 on the CPU.

    Raises:
        ITPortraitError: for another count, numbers that are not finite, or points that lie on one another.
    """
    points = torch.as_tensor(points).detach().cpu().double()
    if points.shape != (5, 2):
        raise ITPortraitError(
            f"A face needs five points [5, 2] (eyes, nose, mouth corners), got shape {tuple(points.shape)}."
        )
    if not bool(torch.isfinite(points).all()):
        raise ITPortraitError("A face point is not a finite number; place the five points again.")
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    gap = min(float((points[1] - points[0]).norm()), float((mouth - eyes).norm()))
    if gap <= 1e-3 * float((points - points.mean(0)).norm()):
        raise ITPortraitError("The eyes, or eyes and mouth, lie on one spot; place the five points again.")
    return points


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Points `[K, 2]` through an affine `[3, 3]`, float64."""
    return points.double() @ matrix[:2, :2].T + matrix[:2, 2]


def _box(center: tuple[float, float], side: float) -> tuple[float, float, float, float]:
    (x, y), half = center, side / 2.0
    return x - half, y - half, x + half, y + half

"""Bring any picture into the frame that the generator draws: find the face, cut around it, show both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..itportrait_core.errors import ITPortraitError
from . import compat, sockets
from .images import one_picture, own_background, to_comfy

if TYPE_CHECKING:
    from ..itportrait_core.alignment.frame import Square
    from ..itportrait_core.alignment.landmarks import Face
    from ..itportrait_core.methods.inversion.photo_twin import Aligned
    from .graph_facts import Graph


@dataclass(frozen=True, eq=False)
class AlignmentHandle:
    """A picture and its face: enough to cut it as any of the networks wants it.

    Attributes:
        picture: the whole picture `[1, 3, H, W]` in [-1, 1].
        points: the face's five points `[5, 2]` in its pixels; None for a square picture that stays whole.
        level: whether cuts turn with the head.
        size: side of the cuts, pixels.
    """

    picture: Tensor
    points: Tensor | None
    level: bool
    size: int

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
        """Bytes of the picture."""
        return self.picture.numel() * self.picture.element_size()

    def _comfy_cache_tensors(self) -> list[Tensor]:
        return [self.picture]


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


class Align(io.ComfyNode):
    """Align Portrait."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "Align",
            "Align Portrait",
            description=(
                "Finds the face in any picture and cuts it as the generator draws people: upright, centred,"
                " at the right distance. Where no face is found, place the five points by hand."
            ),
            has_intermediate_output=True,
            search_aliases=["face crop", "ffhq align", "landmarks"],
            advanced=("points", "level", "size", "keep_framed"),
            inputs=[
                io.Image.Input("image", tooltip="One picture with a face, of any size."),
                io.String.Input(
                    "points",
                    default="",
                    tooltip=(
                        "Eyes, nose tip, mouth corners as 'x,y x,y x,y x,y x,y', each a fraction of width and"
                        " height, the picture's left before its right. Empty: find the face."
                    ),
                ),
                io.Int.Input(
                    "face",
                    default=0,
                    min=0,
                    max=63,
                    tooltip="Which face when there are several; 0 is the largest.",
                ),
                io.Boolean.Input(
                    "level", default=True, tooltip="Turn the picture so that the eyes are level. Keep it on."
                ),
                io.Int.Input(
                    "size",
                    default=512,
                    min=64,
                    max=2048,
                    step=64,
                    tooltip="Side of the cut picture, pixels. 512 is plenty.",
                ),
                io.Custom("FACE_LANDMARKS").Input(
                    "face_landmarks",
                    optional=True,
                    tooltip="Landmarks of another node, in place of our own search.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip=(
                        "What is cut away of the picture, white being gone, as Load Image gives it. The"
                        " generator's own background shows there."
                    ),
                ),
                sockets.Generator.Input(
                    "generator",
                    optional=True,
                    tooltip="Whose background lies behind a cut-out picture; white when left out.",
                ),
                io.Boolean.Input(
                    "keep_framed",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Leaves a square picture whole where its face already lies as the generator draws"
                        " people, or where no face is found."
                    ),
                ),
                compat.view("ITP_FIVE_POINTS_VIEW"),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The cut picture, for Find the Person."),
                sockets.Alignment.Output(
                    display_name="alignment",
                    tooltip="The cuts that other photo networks want; for the inversion.",
                ),
                io.String.Output(
                    display_name="used_points", tooltip="The five points, as the input takes them."
                ),
            ],
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        points = inputs.get("points")
        try:
            if isinstance(points, str) and points.strip():
                to_pixels(points, 1, 1)
        except ITPortraitError as error:
            return str(error)
        return ""

    @classmethod
    def execute(
        cls,
        image: Tensor,
        points: str,
        face: int,
        level: bool,
        size: int,
        face_landmarks: dict[str, Any] | None = None,
        mask: Tensor | None = None,
        generator: sockets.GeneratorHandle | None = None,
        keep_framed: bool = False,
        view: object = None,
    ) -> io.NodeOutput:
        from ..itportrait_core.alignment import landmarks

        background = own_background(generator.open() if generator else None)
        picture = one_picture(image, "The picture", mask, background=background)
        height, width = picture.shape[-2:]
        if points.strip():
            face_points = landmarks.face_by_hand(to_pixels(points, width, height)).points
        elif face_landmarks is not None:
            face_points = landmarks.choose(landmarks.faces_from_core(face_landmarks), face).points
        elif keep_framed and height == width:
            face_points = points_to_cut(picture, face)
        else:
            face_points = landmarks.choose(landmarks.detect_faces(picture), face).points
        handle = AlignmentHandle(picture, face_points, level, size)
        placed = () if face_points is None else face_points
        fractions = [[(float(x) + 0.5) / width, (float(y) + 0.5) / height] for x, y in placed]
        cut = to_comfy(handle.aligned().image)
        panel = {
            **ui.PreviewImage(cut, cls=cls).as_dict(),
            "itp_source": ui.PreviewImage(to_comfy(picture), cls=cls).as_dict()["images"],
        }
        if face_points is None:
            panel["itp_note"] = [{"kind": "whole"}]
        else:
            panel["itp_points"] = [fractions]
        return io.NodeOutput(cut, handle, " ".join(f"{x:.5f},{y:.5f}" for x, y in fractions), ui=panel)


def points_to_cut(picture: Tensor, rank: int) -> Tensor | None:
    """Five points by which to cut a square picture; None where it is framed already or shows no face."""
    from ..itportrait_core.alignment import detector, landmarks
    from ..itportrait_core.alignment.frame import is_framed

    faces = landmarks.detect_faces(picture) if detector.installed() else []
    if not faces:
        return None
    points = landmarks.choose(faces, rank).points
    return None if is_framed(points, picture.shape[-1]) else points


def to_pixels(points: str, width: int, height: int) -> list[list[float]]:
    """Five points in pixels, whole numbers being pixel centres, from the text of the node.

    Raises:
        ITPortraitError: unless there are five pairs of numbers between -1 and 2.
    """
    try:
        pairs = [[float(number) for number in pair.split(",")] for pair in points.split()]
    except ValueError:
        pairs = []
    if len(pairs) != 5 or any(
        len(pair) != 2 or not all(-1 <= value <= 2 for value in pair) for pair in pairs
    ):
        raise ITPortraitError(
            f"{points[:60]!r} are no five points. Write 'x,y x,y x,y x,y x,y' as fractions of the picture, or"
            " clear the field to find the face."
        )
    return [[x * width - 0.5, y * height - 0.5] for x, y in pairs]

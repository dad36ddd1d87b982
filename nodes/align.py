"""Bring any picture into the frame that the generator draws: find the face, cut around it, show both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui
from torch import Tensor

from ..itportrait_core.errors import ITPortraitError
from . import compat, sockets
from .alignments import AlignmentHandle
from .images import one_picture, own_background, to_comfy

if TYPE_CHECKING:
    from .graph_facts import Graph


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
                sockets.Alignment.Input(
                    "others",
                    optional=True,
                    tooltip=(
                        "The alignment of another picture of the same person, which may have others too: all"
                        " of them go on together to Find the Person, this one first. Up to eight."
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
        others: AlignmentHandle | None = None,
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
        handle = AlignmentHandle(picture, face_points, level, size, others.joined if others else ())
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

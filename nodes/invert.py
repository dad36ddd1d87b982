"""Find a person in a generator: inversion of a picture, a made-up person, and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.methods.configs import InversionConfig, suited
from . import compat, fields, graph_facts, recipes, runtime, sockets
from .images import one_picture, own_background, to_comfy

if TYPE_CHECKING:
    from ..itportrait_core.methods.inversion.photo_twin import Aligned
    from .alignments import AlignmentHandle
    from .graph_facts import Graph

USER, LANDMARKS = "user", "landmarks"
POSE_OF_EACH = (
    "The yaw, pitch and roll of pose_init 'user' are of one picture, and here are several of a person; choose"
    " 'twin' or 'image', or find the person on one picture."
)
IN_WORDS = ("yaw", "pitch", "lpips", "id", "warnings")
"""What of the report stands on the node in words (web/node_notes.mjs)."""


class Inversion(io.ComfyNode):
    """Find the Person (paper Eq. 3-4)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def angle(name: str, limit: float, tooltip: str) -> io.Input:
            return io.Float.Input(
                name, default=0.0, min=-limit, max=limit, step=1.0, round=False, tooltip=tooltip
            )

        return compat.schema(
            "Inversion",
            "Find the Person (GAN inversion)",
            description=(
                "Finds the person and the pose of a style picture in the 3D generator. A photographic twin of"
                " the picture gives the first pose; then latent and pose are optimised together. Everything"
                " after it stands on this step: look at the reconstruction before you go on."
            ),
            search_aliases=["artistic gan inversion", "inversion", "projector", "gan inversion", "pose"],
            advanced=("yaw", "pitch", "roll", "space", "lpips", "identity", "depth"),
            inputs=[
                sockets.Generator.Input("generator", tooltip="The generator that is to hold the person."),
                sockets.Prior.Input("photo_prior", tooltip="Networks of the photographic twin."),
                io.Image.Input("image", tooltip="One portrait, aligned (see Align Portrait)."),
                fields.choice(
                    InversionConfig,
                    "pose_init",
                    "Where the first pose comes from. twin: read from the photographic twin (best for art)."
                    " image: read from the picture itself (photos). user: the yaw, pitch and roll below."
                    " frontal and random are for comparison.",
                    label="first pose from",
                ),
                angle(
                    "yaw",
                    90,
                    "First pose when pose_init is user, degrees; above 0 shows the head's left side.",
                ),
                angle("pitch", 60, "First pose when pose_init is user, degrees; above 0 is seen from above."),
                angle("roll", 90, "First pose when pose_init is user, degrees."),
                fields.steps("More steps follow the picture more closely."),
                fields.choice(
                    InversionConfig,
                    "space",
                    "W+ follows the picture more closely; W stays closer to people that the generator knows"
                    " and edits better.",
                    label="freedom of the person",
                ),
                fields.number(
                    InversionConfig,
                    "lpips",
                    "Weight of perceptual likeness, LPIPS. 0.5 to 2; higher keeps texture.",
                    label="likeness",
                    step=0.1,
                ),
                fields.number(
                    InversionConfig, "identity", "Weight of keeping the face's identity. 0 to 1.", step=0.05
                ),
                fields.number(
                    InversionConfig,
                    "depth",
                    "Weight of a smooth, sound head shape. 0 to 3; too high flattens.",
                    label="sound head shape",
                    step=0.1,
                ),
                fields.seed("Draws the twins and the starts."),
                sockets.Alignment.Input(
                    "alignment",
                    optional=True,
                    tooltip=(
                        "From Align Portrait, where the image is its cut. Imported photo networks need it."
                    ),
                ),
                sockets.Settings.Input(
                    "settings", optional=True, tooltip="Replaces all settings above but seed and pose."
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip=(
                        "What is cut away of the picture, white being gone, as Load Image gives it. The"
                        " generator's own background shows there."
                    ),
                ),
                io.Image.Input(
                    "others",
                    optional=True,
                    tooltip=(
                        "More pictures of the same person from other sides, a batch of up to seven, cut like"
                        " the first: one person is found on all of them, with a pose for each. Or join their"
                        " alignments at Align Portrait."
                    ),
                ),
                compat.view("ITP_CAMERA_VIEW"),
            ],
            outputs=[
                sockets.PortraitSocket.Output(display_name="portrait", tooltip="Latent, pose and picture."),
                io.Image.Output(
                    display_name="reconstruction", tooltip="What the generator makes of the picture."
                ),
                io.Image.Output(display_name="twin", tooltip="The photographic twins of Eq. 3."),
                io.String.Output(display_name="report", tooltip="Pose, errors and warnings as JSON."),
            ],
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        from ..itportrait_core.methods.shared.portrait import MOST_PICTURES

        if inputs.get("others") is None:
            return ""
        if inputs.get("pose_init") == USER:
            return POSE_OF_EACH
        count = 1 + (graph_facts.pictures(graph, inputs["others"]) or 1)
        return "" if count <= MOST_PICTURES else f"{count} pictures of one person; give 1 to {MOST_PICTURES}."

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        photo_prior: sockets.PriorHandle,
        image: Tensor,
        pose_init: str,
        yaw: float,
        pitch: float,
        roll: float,
        steps: int,
        seed: int,
        alignment: AlignmentHandle | None = None,
        settings: sockets.SettingsHandle | None = None,
        mask: Tensor | None = None,
        others: Tensor | None = None,
        view: None = None,
        **chosen: object,
    ) -> io.NodeOutput:
        model, prior = generator.open(), photo_prior.open()
        background = own_background(model)
        picture = one_picture(image, "The style picture", mask, background=background)
        more = [one_picture(one, "A picture", background=background) for one in _single(others)]
        if settings is not None:
            config = settings.of(InversionConfig).replace(seed=seed, pose_init=pose_init)
        else:
            config = suited(InversionConfig, model).replace(seed=seed, pose_init=pose_init)
            config = config.replace(**fields.changed(InversionConfig, **chosen))
            config = config.replace(steps=steps) if steps else config
        given = config.pose_init == USER or yaw or pitch or roll
        pose = itp.cameras.orbit(yaw, pitch, roll).float() if given else None
        with runtime.training():
            pictures = _pictures(picture, more, alignment, prior.frame, config.pose_init)
            if len(pictures) > 1 and config.pose_init == USER:
                raise ITPortraitError(POSE_OF_EACH)
            portrait = itp.invert(
                model,
                pictures,
                prior=prior,
                config=config,
                camera=pose,
                on_step=runtime.Progress().step,
                on_start=runtime.say,
            )
        portrait = recipes.signed(portrait, generator)
        made = itp.reconstruction(model, portrait)
        report, pictures = json.dumps(portrait.report, indent=1), to_comfy(made)
        twin = portrait.image if portrait.twin is None else portrait.twin
        panel = {
            **ui.PreviewText(report).as_dict(),
            "itp_note": [{"kind": "found"} | {name: portrait.report[name] for name in IN_WORDS}],
            "itp_render": ui.PreviewImage(pictures, cls=cls).as_dict()["images"],
            "itp_pose": [[round(float(angle), 1) for angle in itp.cameras.angles(portrait.camera)]],
        }
        return io.NodeOutput(sockets.PortraitHandle(portrait), pictures, to_comfy(twin), report, ui=panel)


def _single(batch: Tensor | None) -> Sequence[Tensor]:
    return () if batch is None else batch.split(1)


def _pictures(
    picture: Tensor, more: list[Tensor], alignment: AlignmentHandle | None, frame: str, pose_init: str
) -> list[Aligned]:
    """All pictures of the person in the frames of the networks; the others come as a batch or as alignments.

    Raises:
        ITPortraitError: where they come as both.
    """
    joined = alignment.more if alignment else ()
    if joined and more:
        raise ITPortraitError(
            f"{len(more)} more pictures come at 'others' and {len(joined)} with the alignment; leave one out."
        )
    first = _aligned(picture, alignment if frame == "ffhq" else None, pose_init)
    if frame == "ffhq":
        return [first, *(_aligned(one, None, pose_init) for one in more), *(one.aligned() for one in joined)]
    cuts = [*more, *(one.aligned().image for one in joined)]
    return [first, *(_aligned(one, None, pose_init) for one in cuts)]


def _aligned(picture: Tensor, alignment: AlignmentHandle | None, pose_init: str) -> Aligned:
    """The picture in the frames of the networks; the face's own pose is read where it is used or compared."""
    from ..itportrait_core.alignment import detector
    from ..itportrait_core.methods.inversion.photo_twin import Aligned
    from .alignments import find_points, find_pose

    if alignment is not None:
        return alignment.aligned()
    if pose_init == LANDMARKS:
        return Aligned(picture.clone(), find_points=find_points, find_pose=find_pose)
    return Aligned(picture.clone(), find_pose=find_pose if detector.installed() else None)

"""From a painted mask to a region of space, to which edits are restricted."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.methods.style.config import LiftConfig
from . import compat, fields, results, runtime, sockets

ADD, REMOVE, COMMON = "add", "remove", "keep common"


class LiftRegion(io.ComfyNode):
    """Lift Region."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "LiftRegion",
            "Lift Region",
            description=(
                "Lifts a mask that was painted on a render of a person into space: hair, hat, beard, glasses,"
                " mouth. Edit Portrait, Mix Styles and Style and Text then change that part alone, from every"
                " side. Paint in several views for a closer fit."
            ),
            search_aliases=["mask", "inpaint", "region", "local edit", "part"],
            advanced=("agree", "feather"),
            inputs=[
                sockets.Generator.Input("generator", tooltip="What drew the picture that was painted on."),
                sockets.PortraitSocket.Input("portrait", tooltip="The person in that picture."),
                io.Mask.Input(
                    "mask",
                    tooltip=(
                        "White on the part, on a picture as Multi-View Render gives it; one mask for each"
                        " camera. It may reach beyond the head, for a hat that is not there yet."
                    ),
                ),
                fields.number(
                    LiftConfig,
                    "front",
                    "How far the region stands out before the surface, world units. 0.02 paint, 0.08 a beard"
                    " or a hat, 0.2 a wide brim. A head is about 0.5 tall.",
                ),
                fields.number(
                    LiftConfig,
                    "behind",
                    "How deep it goes behind the surface. 0.1 a skin of it; 2 through the whole head, such as"
                    " hair painted from the front and meant all around.",
                ),
                fields.number(
                    LiftConfig,
                    "agree",
                    "With several masks: the share of the views that see a point which must have painted it."
                    " 0.05 any of them, 0.5 most, 0.95 all.",
                    step=0.05,
                ),
                fields.number(
                    LiftConfig, "feather", "How soft the edge is, world units. 0 hard, 0.02 soft.", step=0.002
                ),
                sockets.Cameras.Input(
                    "cameras",
                    optional=True,
                    tooltip="Where the picture was drawn from. Not connected: the portrait's own picture.",
                ),
                sockets.RegionSocket.Input(
                    "region", optional=True, tooltip="An earlier region, to be changed by this one."
                ),
                io.Combo.Input(
                    "combine",
                    options=[ADD, REMOVE, COMMON],
                    default=ADD,
                    optional=True,
                    tooltip="What this mask does to the earlier region.",
                ),
            ],
            outputs=[
                sockets.RegionSocket.Output(
                    display_name="region", tooltip="For Edit Portrait, Mix Styles, Style and Text."
                ),
                io.Mask.Output(
                    display_name="masks", tooltip="The region as the cameras see it on the head, to check it."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        mask: Tensor,
        front: float,
        behind: float,
        agree: float,
        feather: float,
        cameras: sockets.CamerasHandle | None = None,
        region: sockets.RegionHandle | None = None,
        combine: str = ADD,
    ) -> io.NodeOutput:
        import comfy.model_management as mm

        model, person = generator.open(), portrait.portrait
        config = LiftConfig(front=front, behind=behind, agree=agree, feather=feather)
        labels = person.camera if cameras is None else cameras.labels
        with runtime.plain_tensors():
            made = itp.lift_region(model, person, mask.clone(), labels, config, runtime.Progress().count)
            if region is not None:
                earlier = region.region
                made = {ADD: earlier.joined, REMOVE: earlier.without, COMMON: earlier.common}[combine](made)
            masks = itp.region_masks(model, person.ws, made, labels)
        return io.NodeOutput(sockets.RegionHandle(made), masks[:, 0].float().to(mm.intermediate_device()))


def region_input() -> io.Input:
    """To what a change is restricted; the last socket of the nodes that have it."""
    return sockets.RegionSocket.Input(
        "region",
        optional=True,
        tooltip=(
            "From Lift Region: the change stays inside, everything else is drawn as before. The generator"
            " then holds both, takes twice the memory and time, and is no live head."
        ),
    )


def facts_of(region: sockets.RegionHandle | None) -> dict[str, str]:
    """What a recipe says of a region: nothing where there is none."""
    return {} if region is None else {"region": region.sha256}


def inside(
    region: sockets.RegionHandle, base: sockets.GeneratorHandle, edited: sockets.GeneratorHandle
) -> sockets.GeneratorHandle:
    """What a finished training has changed, inside the region alone: another mask trains nothing anew."""
    facts = results.recipe("region", base, edited=edited.sha256, **facts_of(region))

    def make() -> results.Made:
        with runtime.plain_tensors():
            return results.Made((itp.restricted(base.open(), edited.open(), region.region),))

    return results.produce(facts, ("",), base, make)[0]

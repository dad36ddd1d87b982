"""The nodes as ComfyUI sees them. Each file holds one stage; this one only lists them."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from . import door, folders, live_training, queued, stopping
from .align import Align
from .blend import Blend
from .cameras import CameraOrbit
from .couple import Couple
from .edit_portrait import EditPortrait
from .export_live_head import ExportLiveHead
from .importing import ImportCheckpoint
from .instant import InstantStyle
from .invert import Inversion
from .job_sheet import SaveJobSheet
from .live_head import LiveHead
from .load import ClipLoader, GeneratorLoader, PhotoPriorLoader
from .mesh import ExtractMesh, SaveMesh, SaveSplats
from .pictures import ExamplePicture
from .portraits import JoinPortraits, LoadPortrait, SamplePortrait, SavePortrait
from .region import LiftRegion
from .render import MultiViewRender
from .save import SaveGenerator, SavePictures
from .settings import MethodSettings
from .stylize import Stylize
from .tune import PivotalTuning

NODES: list[type[io.ComfyNode]] = [
    GeneratorLoader,
    ImportCheckpoint,
    PhotoPriorLoader,
    ClipLoader,
    MethodSettings,
    ExamplePicture,
    Align,
    Inversion,
    SamplePortrait,
    SavePortrait,
    LoadPortrait,
    JoinPortraits,
    PivotalTuning,
    InstantStyle,
    Stylize,
    Couple,
    Blend,
    EditPortrait,
    LiftRegion,
    SaveGenerator,
    CameraOrbit,
    MultiViewRender,
    LiveHead,
    ExportLiveHead,
    SavePictures,
    SaveJobSheet,
    ExtractMesh,
    SaveMesh,
    SaveSplats,
]

for _node in NODES:
    door.guard(_node)
    queued.guard(_node)


class Extension(ComfyExtension):
    """Lists every node of the pack."""

    def __init__(self) -> None:
        folders.register()
        stopping.register()
        queued.register()
        live_training.register()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES

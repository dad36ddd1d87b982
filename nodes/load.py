"""Open models: a 3D generator, the networks behind the photo twin, and CLIP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from comfy_api.latest import io, ui

from .. import itportrait_core as itp
from ..itportrait_core.checkpoints import embedded
from ..itportrait_core.networks.families import NAMES as GENERATORS
from . import compat, folders, results, runtime, sockets
from .model_files import EMBEDDED, FOREIGN, STYLE, choices, files_of, kind, locate, located

GUIDE, JUDGE = "pocket guide (embedded)", "pocket judge (embedded)"
GUESS = "auto"
QUICK, PLAIN = "QuickGELU", "GELU"
AUTO, FULL, HALF = "auto", "float32", "half"


class GeneratorLoader(io.ComfyNode):
    """EG3D Loader."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "GeneratorLoader",
            "EG3D Loader",
            description=(
                "Opens a 3D portrait generator: the small embedded one, or a .safetensors file in "
                "models/itportrait (made by Import Official Checkpoint or Save Generator)."
            ),
            search_aliases=["load generator", "eg3d", "3d gan", "load style"],
            advanced=("superresolution",),
            inputs=[
                io.Combo.Input(
                    "file",
                    options=choices(*GENERATORS, STYLE),
                    default=EMBEDDED,
                    tooltip=(
                        "Who can be drawn, and how finely. The embedded generator makes 128 pixel pictures"
                        " and needs no download; imported EG3D weights make 512 pixel pictures; saved styles"
                        " stand here too."
                    ),
                ),
                sockets.Generator.Input(
                    "base",
                    optional=True,
                    tooltip=(
                        "For a style that was saved as a difference: the generator it was trained from. Left"
                        " out, it is the embedded one."
                    ),
                ),
                io.Combo.Input(
                    "superresolution",
                    options=[AUTO, FULL, HALF],
                    default=AUTO,
                    optional=True,
                    tooltip=(
                        "How exactly the last step to the large picture is computed. half saves memory and"
                        " time on graphics cards; pictures change by about a grey level. auto: half on cards"
                        " that have bfloat16, else float32."
                    ),
                ),
            ],
            outputs=[
                sockets.Generator.Output(
                    display_name="generator", tooltip="The generator, as a file's handle."
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, base: object = None, superresolution: str = AUTO) -> str:
        half = _is_half(superresolution)
        return f"{sockets.file_hash(locate(file, 'generator'))} {half} {results.generation()}"

    @classmethod
    def execute(
        cls, file: str, base: sockets.GeneratorHandle | None = None, superresolution: str = AUTO
    ) -> io.NodeOutput:
        path, half = locate(file, "generator"), _is_half(superresolution)
        if kind(path) != STYLE:
            return io.NodeOutput(sockets.GeneratorHandle.read(path, half))
        origin = base or sockets.GeneratorHandle.read(locate(EMBEDDED, "generator"))
        origin = replace(origin, half=half)
        facts = results.recipe("style", origin, style=sockets.file_hash(path))

        def add_to_base() -> results.Made:
            with runtime.plain_tensors():
                return results.Made((itp.load_style(path, origin.weights()),))

        (handle,) = results.produce(facts, ("",), origin, add_to_base)
        return io.NodeOutput(handle)


def _is_half(superresolution: str) -> bool:
    """Whether the choice means half precision here."""
    return superresolution == HALF or (superresolution == AUTO and runtime.half_is_best())


class PhotoPriorLoader(io.ComfyNode):
    """Load Photo Networks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def part(name: str, family: tuple[str, ...], tooltip: str) -> io.Input:
            return io.Combo.Input(name, options=choices(*family), default=EMBEDDED, tooltip=tooltip)

        return compat.schema(
            "PhotoPriorLoader",
            "Load Photo Networks (photo prior)",
            description=(
                "Opens the networks that turn a style picture into its photographic twin, from which the "
                "head's pose is read: a 2D face generator, its encoder, a pose estimator and a face embedder."
            ),
            search_aliases=["load photo prior", "stylegan2", "e4e", "restyle", "pose estimator", "arcface"],
            advanced=("pose", "identity"),
            inputs=[
                part(
                    "photo", ("stylegan2",), "2D generator that draws the twin. Must belong to the encoder."
                ),
                part(
                    "encoder",
                    ("style_encoder",),
                    "Finds the twin of a picture. Must belong to the 2D generator.",
                ),
                part("pose", ("pose",), "Reads the head's angles from the twin."),
                part(
                    "identity",
                    ("identity",),
                    "Compares faces, to keep the person during inversion.",
                ),
            ],
            outputs=[sockets.Prior.Output(display_name="photo_prior", tooltip="For Find the Person.")],
        )

    @classmethod
    def fingerprint_inputs(cls, **chosen: str) -> str:
        return " ".join(sockets.file_hash(locate(choice, name)) for name, choice in sorted(chosen.items()))

    @classmethod
    def execute(cls, **chosen: str) -> io.NodeOutput:
        with runtime.plain_tensors():
            paths = {name: locate(choice, name) for name, choice in chosen.items()}
            prior = itp.load_photo_prior({"generator": paths.pop("photo"), **paths})
            held = tuple(
                runtime.patcher(getattr(prior, part)) for part in ("generator", "encoder", "pose", "identity")
            )
        return io.NodeOutput(sockets.PriorHandle(prior, held))


class ClipLoader(io.ComfyNode):
    """Load Text Reader."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "ClipLoader",
            "Load Text Reader (CLIP)",
            description=(
                "Opens a CLIP model that compares pictures with texts: the small embedded one, or an OpenAI,"
                " open_clip or Hugging Face file in models/itportrait. Chain two loaders to let two models"
                " judge together."
            ),
            search_aliases=["load clip", "open_clip", "text guidance"],
            advanced=("architecture", "activation"),
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[GUIDE, JUDGE, *files_of("clip", FOREIGN), *folders.models(*folders.OFFICIAL)],
                    default=GUIDE,
                    tooltip=(
                        "What understands your text. The embedded guide knows portraits: hair, glasses, hats,"
                        " beards, age, smiles and nine styles. OpenAI's ViT-B/32 and ViT-B/16 understand far"
                        " more."
                    ),
                ),
                io.String.Input(
                    "architecture",
                    default=GUESS,
                    tooltip=(
                        "open_clip's name of the architecture, for instance ViT-B-32-quickgelu for OpenAI's "
                        "weights. 'auto' reads it from the file."
                    ),
                ),
                io.Combo.Input(
                    "activation",
                    options=[GUESS, QUICK, PLAIN],
                    default=GUESS,
                    optional=True,
                    tooltip=(
                        "What the network was trained with: OpenAI's weights want QuickGELU, open_clip's own"
                        " mostly GELU. 'auto' tells it from the content of the file and says which."
                    ),
                ),
                sockets.Clip.Input(
                    "also",
                    optional=True,
                    tooltip="Another CLIP that judges together with this one; steadier, slower.",
                ),
            ],
            outputs=[sockets.Clip.Output(display_name="clip", tooltip="For Style and Text.")],
        )

    @classmethod
    def fingerprint_inputs(
        cls, file: str, architecture: str, also: object = None, activation: str = GUESS
    ) -> str:
        return sockets.file_hash(cls._path(file))

    @classmethod
    def execute(
        cls,
        file: str,
        architecture: str,
        also: sockets.ClipHandle | None = None,
        activation: str = GUESS,
    ) -> io.NodeOutput:
        from ..itportrait_core.guidance.clip import load_clip

        path = cls._path(file)
        with runtime.plain_tensors():
            named = architecture.strip()
            model = load_clip(
                path,
                None if named in ("", GUESS) else named,
                quick_gelu=None if activation == GUESS else activation == QUICK,
            )
            held = runtime.patcher(model)
        models, names, patchers = (also.models, also.names, also.held) if also else ((), (), ())
        chosen = "" if activation == GUESS else f" {activation}"
        name = f"{path.stem} {sockets.file_hash(path)[:12]}{chosen}"
        handle = sockets.ClipHandle((*models, model), (*names, name), (*patchers, held))
        return io.NodeOutput(handle, ui=ui.PreviewText(model.about or path.stem))

    @staticmethod
    def _path(file: str) -> Path:
        own = {GUIDE: "clip_guide", JUDGE: "clip_judge"}
        return embedded.path(own[file]) if file in own else located(file, "clip")

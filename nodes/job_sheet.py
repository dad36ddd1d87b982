"""Turn the connected recipe, with lists of styles, texts and people, into a job sheet for a farm."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..itportrait_core.checkpoints import embedded
from ..itportrait_core.errors import ITPortraitError
from . import compat, fields, folders, recipes, sockets

if TYPE_CHECKING:
    from ..itportrait_core.farm.job import Source, Weights
    from ..itportrait_core.farm.places import Places

SHEET = ".jsonl"
METHODS = {"apt": "apt", "couple": "ite"}
"""Method in a generator's recipe -> whose settings a job has."""


class SaveJobSheet(io.ComfyNode):
    """Save Job Sheet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SaveJobSheet",
            "Save Job Sheet",
            description=(
                "Writes a job sheet below output/itportrait: every style picture with every text for every"
                " person, by the settings of the connected style. 'python -m itportrait_core farm run' works"
                " through it, on this machine or on a render farm. Nothing is trained here."
            ),
            search_aliases=["farm", "batch", "queue", "ray", "slurm", "deadline"],
            inputs=[
                sockets.Generator.Input(
                    "generator",
                    tooltip=(
                        "A style that was trained with the settings that all jobs shall have, or the base"
                        " itself for those that suit it."
                    ),
                ),
                fields.file_name("jobs"),
                io.String.Input(
                    "texts",
                    default="",
                    multiline=True,
                    tooltip="A text in each line. Empty: the style's own text, or the pictures alone.",
                ),
                io.String.Input(
                    "seeds",
                    default="1-8",
                    tooltip="People made up from seeds, as 3,7,10-19. Empty: the connected people alone.",
                ),
                io.String.Input(
                    "views",
                    default="0 35 -35",
                    tooltip="Where each person is drawn from, degrees: yaw or yaw:pitch, spaces between.",
                ),
                io.Image.Input(
                    "styles",
                    optional=True,
                    tooltip="Style pictures, a batch, cut by Align Portrait. Not connected: the texts alone.",
                ),
                io.Image.Input(
                    "people",
                    optional=True,
                    tooltip="Pictures of people, a batch, cut in the same way; each is inverted once.",
                ),
                sockets.PortraitSocket.Input(
                    "portrait", optional=True, tooltip="One more person, whose inversion is there already."
                ),
            ],
            outputs=[
                io.String.Output(display_name="sheet", tooltip="The sheet's file."),
                io.String.Output(
                    display_name="report",
                    tooltip="How many jobs and trainings, and how to run them.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        name: str,
        texts: str,
        seeds: str,
        views: str,
        styles: Tensor | None = None,
        people: Tensor | None = None,
        portrait: sockets.PortraitHandle | None = None,
    ) -> io.NodeOutput:
        from ..itportrait_core.farm import making
        from ..itportrait_core.farm.places import Places
        from ..itportrait_core.farm.sheet import write_sheet

        recipe = generator.lineage.get("recipe") or {}
        persons = making.seeds(seeds) if seeds.strip() else []
        if not persons and people is None and portrait is None:
            raise ITPortraitError("There is nobody to draw; give seeds, or connect people or a portrait.")
        lines = [line.strip() for line in texts.splitlines() if line.strip()]
        common = {"changes": changes_of(recipe), "views": making.views(views)}
        base = base_of(generator, recipe)
        lines = lines or [str(recipe.get("text") or "")]
        if styles is None and lines == [""]:
            raise ITPortraitError("There is nothing to do; connect styles, or write texts.")
        if any(lines) and not recipes.typed():
            raise ITPortraitError(
                "A sheet with texts holds what was typed, and ComfyUI's --disable-metadata promises that no"
                " file does. Start ComfyUI without it, or leave the texts empty and connect styles."
            )
        with folders.new(name, SHEET) as place:
            places = Places(place.path.parent, None, place.path.parent)
            home = _home(place.path if recipes.typed() else place.path.with_stem("sheet"))
            try:
                made = _pictures(styles, places, f"{home.name}/styles")
                persons += _pictures(people, places, f"{home.name}/people")
                persons += _portraits(portrait, places, f"{home.name}/people")
                jobs = making.make_jobs(made, lines, persons, base, common)
                write_sheet(place.draft, jobs)
            except BaseException:
                shutil.rmtree(home, ignore_errors=True)
                raise
            with suppress(OSError):
                home.rmdir()  # nothing was put there
        report = _report(place.path, base, len(jobs), max(len(made), 1) * len(lines))
        return io.NodeOutput(str(place.path), report, ui=ui.PreviewText(report))


def changes_of(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of a trained style as a job has them; empty for a base, whose size decides."""
    method = METHODS.get(str(recipe.get("method")))
    settings = recipe.get("settings")
    if method is None or not isinstance(settings, Mapping):
        return {}
    changes = {method: {key: value for key, value in settings.items() if key != "mode"}}
    if method == "ite" and isinstance(settings.get("apt"), Mapping):
        changes["apt"] = dict(settings["apt"])
    return changes


def base_of(generator: sockets.GeneratorHandle, recipe: Mapping[str, Any]) -> Weights:
    """The generator that the jobs start from: the style's own base, or the generator where it is one.

    Raises:
        ITPortraitError: when that file is nowhere to be found any more.
    """
    from ..itportrait_core.farm.job import Weights

    wanted = str(recipe.get("base") or generator.sha256)
    if sockets.file_hash(embedded.path("generator")) == wanted:
        return Weights()
    for name in folders.models(folders.OURS):
        if sockets.file_hash(folders.model(name)) == wanted:
            return Weights(name.replace("\\", "/"), wanted)
    raise ITPortraitError(
        f"The base of this style (hash {wanted[:12]}) is not in models/itportrait; put its file there: "
        "the farm needs it too."
    )


def _home(sheet: Path) -> Path:
    """A new folder for the pictures of a sheet; one that is there is of another sheet and stays as it is.

    The sheet holds the folder's name, so it is not the typed one where no file may hold that.

    Raises:
        ITPortraitError: where it cannot be made.
    """
    for number in itertools.count(1):
        folder = sheet.with_name(f"{sheet.stem} pictures{'' if number == 1 else f' {number}'}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise ITPortraitError(
                f"The folder {folder} cannot be made ({error.strerror}); free some disk space, or choose "
                "another name."
            ) from error
    raise AssertionError("numbers never end")


def _pictures(images: Tensor | None, places: Places, folder: str) -> list[Source]:
    """A batch as files beside the sheet, named by number."""
    from ..itportrait_core.recipes.card import to_pixels
    from ..itportrait_core.recipes.carriers import png_bytes

    sources = []
    for number, image in enumerate([] if images is None else images, 1):
        file = places.input / folder / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        folders.put(file, png_bytes(to_pixels(_rgb(image)), {}))
        sources.append(_source("picture", file, places))
    return sources


def _portraits(portrait: sockets.PortraitHandle | None, places: Places, folder: str) -> list[Source]:
    if portrait is None:
        return []
    file = places.input / folder / f"portrait{folders.OURS}"
    portrait.portrait.save(file)
    return [_source("portrait", file, places)]


def _source(kind: str, file: Path, places: Places) -> Source:
    from ..itportrait_core.farm.job import Source

    return Source(kind, file.relative_to(places.input).as_posix(), sockets.file_hash(file))


def _rgb(image: Tensor) -> Tensor:
    """A picture `[H, W, C]` in [0, 1] with three channels; transparent parts turn white."""
    if image.shape[-1] == 4:
        alpha = image[..., 3:]
        return image[..., :3] * alpha + (1.0 - alpha)
    return image[..., :3].expand(*image.shape[:2], 3) if image.shape[-1] < 3 else torch.as_tensor(image)


def _report(sheet: Path, base: Weights, jobs: int, trainings: int) -> str:
    """What was written, and commands that work as they stand in any folder of this machine."""
    from ..itportrait_core.farm.local import program, typed

    given = [str(sheet), "--output", str(folders.results_folder().parent)]
    if base.sha256:
        file = folders.model(base.file)
        given += ["--models", str(file.parents[len(Path(base.file).parts) - 1])]
    commands = [typed([*program(), "farm", what, *given]) for what in ("plan", "run")]
    return "\n".join([f"{jobs} jobs, {trainings} distinct trainings in {sheet.name}", *commands])

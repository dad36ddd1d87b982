"""Whole sets of settings: published presets, and the controls that the nodes do not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..itportrait_core.checkpoints import plain_json
from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.methods import configs
from . import compat, sockets

if TYPE_CHECKING:
    from .graph_facts import Graph

LONGEST = 100_000
"""Characters of the changes."""


class MethodSettings(io.ComfyNode):
    """Method Settings."""

    JUDGED = "changes"

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "MethodSettings",
            "Method Settings",
            description=(
                "A whole set of settings, to reproduce a published setting or to reach the controls that the"
                " nodes do not show. Connect it to a method's node: it then replaces all settings there but"
                " seed and text."
            ),
            search_aliases=[
                "preset",
                "advanced",
                "paper settings",
                "stylegan-nada",
                "mind the gap",
                "jojogan",
                "clipstyler",
                "3d-adapter",
                "toonify",
            ],
            inputs=[
                io.Combo.Input(
                    "preset",
                    options=list(configs.PRESETS),
                    default="paper",
                    tooltip=(
                        "paper: what the publication says. released: what the authors' public code does. "
                        "recommended: the paper's with repairs that cost nothing. The others restate another"
                        " method. For Style and Text, mode text_only: stylegan_nada (a look in words),"
                        " clipstyler (a material that covers everything). For Style from a Picture:"
                        " mind_the_gap (colours and strokes, people stay different), jojogan (line and shape,"
                        " strongly), 3d_adapter (colour and stroke alone, heads keep their shape). For Mix"
                        " Styles: toonify (a style's shapes, the base's skin)."
                    ),
                ),
                io.String.Input(
                    "changes",
                    default="{}",
                    multiline=True,
                    tooltip=(
                        'Changes to the preset as JSON, by method and field, for instance {"ite": {"tau":'
                        ' 0.6, "views": 2}, "apt": {"beta": 0.1}}. Methods: inversion, apt, ite, tuning,'
                        " blend."
                    ),
                ),
            ],
            outputs=[
                sockets.Settings.Output(display_name="settings", tooltip="For the nodes of the methods.")
            ],
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        preset, changes = inputs.get("preset"), inputs.get("changes")
        try:
            if isinstance(changes, str) and preset in configs.PRESETS:
                settings_of(str(preset), changes)
        except ITPortraitError as error:
            return str(error)
        return ""

    @classmethod
    def execute(cls, preset: str, changes: str) -> io.NodeOutput:
        return io.NodeOutput(sockets.SettingsHandle(settings_of(preset, changes), preset))


def settings_of(preset: str, changes: str) -> dict[str, Any]:
    """Settings by method: a preset, with changes by method and field as JSON.

    Raises:
        ITPortraitError: for what is no JSON, an unknown method or field, or a value out of its range.
    """
    try:
        wanted = plain_json.parse(changes.strip() or "{}", "The text of the changes", longest=LONGEST)
    except ITPortraitError as error:
        raise ITPortraitError(f"The changes are no JSON ({error}). Write for instance {{}}.") from error
    if not isinstance(wanted, dict) or not all(isinstance(value, dict) for value in wanted.values()):
        raise ITPortraitError(
            'The changes must be JSON like {"ite": {"tau": 0.6}}: method, then field and value.'
        )
    methods = configs.methods_of(preset)
    for name in wanted:
        if name not in methods:
            raise ITPortraitError(
                f"There is no method {name!r:.80} to change in {preset}; methods are {', '.join(methods)}."
            )
    made: dict[str, Any] = {}
    for name in methods:
        chosen = configs.preset(name, preset)
        if name == "ite" and "apt" in made:
            chosen = chosen.replace(apt=made["apt"])  # the picture's steps of a coupled run
        made[name] = chosen.replace(**wanted.get(name, {}))
    return made

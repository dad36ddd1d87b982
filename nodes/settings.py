"""Whole sets of settings: published presets, and the controls that the nodes do not show."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..itportrait_core.checkpoints import plain_json
from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.methods import configs
from . import compat, sockets

LONGEST = 100_000
"""Characters of the changes."""


class MethodSettings(io.ComfyNode):
    """Method Settings."""

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
            search_aliases=["preset", "advanced", "paper settings"],
            inputs=[
                io.Combo.Input(
                    "preset",
                    options=list(configs.PRESETS),
                    default="paper",
                    tooltip=(
                        "paper: what the publication says. released: what the authors' public code does. "
                        "recommended: the paper's with repairs that cost nothing."
                    ),
                ),
                io.String.Input(
                    "changes",
                    default="{}",
                    multiline=True,
                    tooltip=(
                        'Changes to the preset as JSON, by method and field, for instance {"ite": {"tau":'
                        ' 0.6, "views": 2}, "apt": {"beta": 0.1}}. Methods: inversion, apt, ite, tuning.'
                    ),
                ),
            ],
            outputs=[
                sockets.Settings.Output(display_name="settings", tooltip="For the nodes of the methods.")
            ],
        )

    @classmethod
    def execute(cls, preset: str, changes: str) -> io.NodeOutput:
        try:
            wanted = plain_json.parse(changes.strip() or "{}", "The text of the changes", longest=LONGEST)
        except ITPortraitError as error:
            raise ITPortraitError(f"The changes are no JSON ({error}). Write for instance {{}}.") from error
        if not isinstance(wanted, dict) or not all(isinstance(value, dict) for value in wanted.values()):
            raise ITPortraitError(
                'The changes must be JSON like {"ite": {"tau": 0.6}}: method, then field and value.'
            )
        methods = ("inversion", "apt", "ite", "tuning")
        for name in wanted:
            if name not in methods:
                raise ITPortraitError(
                    f"There is no method {name!r:.80} to change; methods are {', '.join(methods)}."
                )
        made: dict[str, Any] = {}
        for name in methods:
            chosen = configs.preset(name, preset)
            if name == "ite":
                chosen = chosen.replace(apt=made["apt"])  # the picture's steps of a coupled run
            made[name] = chosen.replace(**wanted.get(name, {}))
        return io.NodeOutput(sockets.SettingsHandle(made))

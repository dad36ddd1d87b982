"""ITportrait for ComfyUI: one style picture and a text become a 3D portrait style.

Only the door is here. ComfyUI calls `comfy_entrypoint`; the nodes are imported then, and the heavy parts of
the core when a node runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy_api.latest import ComfyExtension

WEB_DIRECTORY = "./web"


def comfy_entrypoint() -> ComfyExtension:
    """The extension that lists the nodes."""
    from .nodes import Extension

    return Extension()

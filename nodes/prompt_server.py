"""ComfyUI's server, where one runs: a script that imports the nodes has none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server import PromptServer


def running() -> PromptServer | None:
    """The server; None where there is none. Importing its module would start half of ComfyUI."""
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)

"""The nodes as ComfyUI sees them."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io


class Extension(ComfyExtension):
    """Lists every node of the pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return []

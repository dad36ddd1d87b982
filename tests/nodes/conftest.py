"""The pack, loaded the way ComfyUI loads it, in this process."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness import environment

PACK = "itportrait_pack"


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The pack's module, with ComfyUI's folders in a temporary directory.

    ComfyUI comes first on the path, because both it and the pack have a `nodes`.
    """
    sys.path.insert(0, str(environment.comfyui()))
    from comfy.cli_args import args

    args.cpu = True
    import folder_paths

    base = tmp_path_factory.mktemp("comfyui")
    folder_paths.models_dir = str(base / "models")
    folder_paths.set_output_directory(str(base / "output"))
    folder_paths.set_temp_directory(str(base / "temp"))
    root = environment.ROOT
    spec = importlib.util.spec_from_file_location(
        PACK, root / "__init__.py", submodule_search_locations=[str(root)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACK] = module
    spec.loader.exec_module(module)
    module.extension = module.comfy_entrypoint()
    return module


@pytest.fixture(scope="session")
def output(pack: ModuleType) -> Path:
    """ComfyUI's output folder."""
    import folder_paths

    return Path(folder_paths.get_output_directory())


@pytest.fixture(scope="session")
def nodes(pack: ModuleType) -> dict[str, Any]:
    """Every node's definition by id, as the server sends it to the editor."""
    found = asyncio.run(pack.extension.get_node_list())
    return {node.GET_SCHEMA().node_id: node.GET_NODE_INFO_V1() for node in found}


@pytest.fixture(scope="session")
def update() -> bool:
    """Whether to renew what the contract tests compare with."""
    return os.environ.get("UPDATE_CONTRACT") == "1"

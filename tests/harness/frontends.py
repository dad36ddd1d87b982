"""The frontends that the pack is tested with: the one of ComfyUI 0.3.75, and a current one."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from .environment import ROOT

PACKAGE = "comfyui-frontend-package"
OLDEST, NEWEST = "1.32.9", "1.58.1"
VERSIONS = (OLDEST, NEWEST)
SHA256 = {
    OLDEST: "737ea322fcef803635d2c8db7dd93122b381a371a8ef66e42762d355e9913c17",
    NEWEST: "37912597537a731a8f421179618a736c24184c5bdbfa327f38b2fb7c291852d9",
}
"""Of their wheels; another one is not unpacked. Other versions are chosen by who names them to a program."""


def static(version: str) -> Path:
    """The folder of a frontend's files: from the environment where it has that version, else unpacked once.

    Skips the test when the package index cannot be reached.
    """
    if importlib.metadata.version(PACKAGE) == version:
        return Path(
            str(importlib.metadata.distribution(PACKAGE).locate_file("comfyui_frontend_package/static"))
        )
    folder = ROOT / ".cache" / f"frontend-{version}"
    if not folder.is_dir():
        _unpack(version, folder)
    return folder / "comfyui_frontend_package" / "static"


def _unpack(version: str, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        wanted = ["--quiet", "--no-deps", "--dest", scratch, f"{PACKAGE}=={version}"]
        if subprocess.call([sys.executable, "-m", "pip", "download", *wanted]) != 0:
            pytest.skip(f"frontend {version} could not be fetched from the package index")
        wheel = next(Path(scratch).glob("*.whl"))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != SHA256.get(version, found):
            raise RuntimeError(f"{wheel.name} has the hash {found}, not the known one; it is not unpacked.")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(scratch, "unpacked"))
        Path(scratch, "unpacked").rename(folder)

"""Khronos' glTF validator, run in Node.js. Fetched once from the package index; only tests use it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from .environment import ROOT

PACKAGE = "gltf-validator@2.0.0-dev.3.10"
SCRIPT = """
const { readFileSync } = require("fs");
const validator = require(process.argv[1]);
validator.validateBytes(new Uint8Array(readFileSync(process.argv[2])), { maxIssues: 100 })
  .then((report) => console.log(JSON.stringify(report)));
"""


def report(file: Path) -> dict[str, Any]:
    """What the validator says of a GLB file: `issues` with counts and messages, and `info`.

    Skips the test where Node.js is missing or the package index cannot be reached.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js found")
    done = subprocess.run(
        [node, "-e", SCRIPT, str(_package()), str(file)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _package() -> Path:
    folder = ROOT / ".cache" / "gltf-validator"
    if not folder.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm found to fetch the glTF validator")
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            wanted = [npm, "pack", "--silent", "--pack-destination", scratch, PACKAGE]
            if subprocess.run(wanted, capture_output=True, timeout=120).returncode != 0:
                pytest.skip("the glTF validator could not be fetched from the package index")
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
                archive.extractall(Path(scratch, "unpacked"), filter="data")
            Path(scratch, "unpacked").rename(folder)
    return folder / "package"

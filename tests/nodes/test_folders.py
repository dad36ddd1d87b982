"""Names that users type stay inside the output folder."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BAD = [
    "",
    ".",
    "..",
    "../x",
    "a/../../x",
    "/etc/x",
    "C:\\x",
    "C:/x",
    "a//b",
    "a/",
    "x\0y",
    "a\nb",
    "con|pipe",
    "*",
    "x" * 201,
]


@pytest.fixture(scope="session")
def folders(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.folders")


@pytest.mark.parametrize("name", BAD)
def test_names_that_lead_out_or_break_are_refused(folders: ModuleType, output: Path, name: str) -> None:
    """Nothing is made on the way to the refusal."""
    with pytest.raises(ValueError, match="no file name"):
        folders.result(name, ".safetensors")
    assert not output.exists() or not list(output.rglob("*x*"))


def test_results_never_replace_one_another(folders: ModuleType, output: Path) -> None:
    """Each call gives the next free number, in sub-folders too."""
    first = folders.result("styles/oil", ".safetensors")
    first.write_bytes(b"")
    second = folders.result("styles/oil", ".safetensors")
    assert [first.name, second.name] == ["oil_00001.safetensors", "oil_00002.safetensors"]
    assert first.parent == (output / "itportrait" / "styles").resolve()


def test_models_outside_the_model_folders_are_not_found(folders: ModuleType, tmp_path: Path) -> None:
    """A path that climbs out is answered as a missing file, with the folders that were searched."""
    secret = tmp_path / "secret.safetensors"
    secret.write_bytes(b"")
    for name in (str(secret), "../" * 12 + str(secret)[1:]):
        with pytest.raises(ValueError, match="No model file"):
            folders.model(name)


def test_a_full_disk_is_named_and_leaves_nothing(
    folders: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says that the disk is full; neither a result nor a half one stays."""

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ValueError, match=r"head.ply.*No space left on device.*free some disk space"):
        folders.write(tmp_path / "head.ply", b"ply")
    assert list(tmp_path.iterdir()) == []

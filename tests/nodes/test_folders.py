"""Names that users type stay inside the output folder."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import struct
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file

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
    "\u00e4" * 100,
    "\U0001f600" * 60,
    "a/" + "x" * 181,
    "\ud800",
    "x\udfff/y",
    "con",
    "a/NUL.x",
    "x.",
    " x",
    "/".join(["x" * 100] * 11),
]


@pytest.fixture(scope="session")
def folders(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.folders")


@pytest.mark.parametrize("name", BAD)
def test_names_that_lead_out_or_break_are_refused(folders: ModuleType, output: Path, name: str) -> None:
    """Nothing is made on the way to the refusal."""
    with pytest.raises(ValueError, match="no file name"), folders.new(name, ".safetensors"):
        pass
    assert not output.exists() or not list(output.rglob("*x*"))


def test_results_never_replace_one_another(folders: ModuleType, output: Path) -> None:
    """Each save gets a number that nobody had, in sub-folders too."""
    made = []
    for content in (b"1", b"2"):
        with folders.new("styles/oil", ".safetensors") as place:
            place.draft.write_bytes(content)
        made.append(place.path)
    assert [path.name for path in made] == ["oil_00001.safetensors", "oil_00002.safetensors"]
    assert [path.read_bytes() for path in made] == [b"1", b"2"]
    assert made[0].parent == (output / "itportrait" / "styles")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_folders_that_are_links_are_the_owners_will(
    folders: ModuleType, output: Path, tmp_path: Path
) -> None:
    """A sub-folder on another drive is written to, and shown below the output folder; names still lead
    nowhere."""
    (output / "itportrait").mkdir(parents=True, exist_ok=True)
    (output / "itportrait" / "drive").symlink_to(tmp_path, target_is_directory=True)
    with folders.new("drive/oil", ".ply") as place:
        place.draft.write_bytes(b"x")
    assert (tmp_path / "oil_00001.ply").read_bytes() == b"x"
    assert folders.preview_of(place.path)["subfolder"] == "itportrait/drive"
    with pytest.raises(ValueError, match="no file name"), folders.new("drive/../../x", ".ply"):
        pass
    (output / "itportrait" / "drive").unlink()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_the_results_folder_may_be_a_link(
    folders: ModuleType, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """output/itportrait on another drive: files are written there, shown below output, and listed once."""
    import folder_paths

    (tmp_path / "output").mkdir()
    (tmp_path / "drive").mkdir()
    (tmp_path / "output" / "itportrait").symlink_to(tmp_path / "drive", target_is_directory=True)
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    with folders.new("a/head", ".png") as place:
        place.draft.write_bytes(b"x")
    assert (tmp_path / "drive" / "a" / "head_00001.png").read_bytes() == b"x"
    assert folders.preview_of(place.path) == {
        "filename": "head_00001.png", "subfolder": "itportrait/a", "type": "output"
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_one_odd_neighbour_takes_nothing_away(
    pack: ModuleType, folders: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Dangling links, loops, pipes, drafts and deep notes are passed over, each with one line in the log."""
    import folder_paths

    model_files = importlib.import_module(f"{pack.__name__}.nodes.model_files")
    folder = Path(folder_paths.models_dir) / "itportrait"
    folder.mkdir(parents=True, exist_ok=True)
    odd = folder / "odd"
    odd.mkdir()
    (odd / "dangling.safetensors").symlink_to(tmp_path / "nowhere")
    (odd / "self.safetensors").symlink_to(odd / "self.safetensors")
    (odd / "loop").symlink_to(odd, target_is_directory=True)
    (odd / "second_loop").symlink_to(odd, target_is_directory=True)
    os.mkfifo(odd / "pipe.safetensors")
    (odd / ".x_00001.safetensors.itp-draft").touch()
    text = json.dumps({"__metadata__": {"itportrait": "[" * 10_000 + "]" * 10_000}}).encode()
    (odd / "deep.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    save_file({"weight": torch.zeros(2)}, odd / "foreign.safetensors")
    for _ in range(2):
        assert [name for name in folders.models(".safetensors") if name.startswith("odd")] == [
            os.path.join("odd", name) for name in ("deep.safetensors", "foreign.safetensors")
        ]
        assert os.path.join("odd", "foreign.safetensors") in model_files.files_of(model_files.FOREIGN)
        assert model_files.kind(odd / "dangling.safetensors") == model_files.UNREADABLE
    lines = [record.message for record in caplog.records if "left out of the lists" in record.message]
    assert len(lines) == len(set(lines)) >= 4
    shutil.rmtree(odd)


def test_models_outside_the_model_folders_are_not_found(folders: ModuleType, tmp_path: Path) -> None:
    """A path that climbs out is answered as a missing file, with the folders that were searched."""
    secret = tmp_path / "secret.safetensors"
    secret.write_bytes(b"")
    for name in (str(secret), "../" * 12 + str(secret)[1:]):
        with pytest.raises(ValueError, match="No model file"):
            folders.model(name)


def test_a_full_disk_is_named_and_leaves_nothing(folders: ModuleType, output: Path) -> None:
    """The message says that the disk is full; neither a result nor a half one stays."""
    said = r"head_00001\.ply.*No space left on device.*free some disk space"
    with pytest.raises(ValueError, match=said), folders.new("full/head", ".ply") as place:
        place.draft.write_bytes(b"half")
        raise OSError(28, "No space left on device")
    assert list((output / "itportrait" / "full").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="files of Unix")
def test_a_file_in_the_way_is_explained(folders: ModuleType, output: Path) -> None:
    (output / "itportrait").mkdir(parents=True, exist_ok=True)
    (output / "itportrait" / "taken").touch()
    with pytest.raises(ValueError, match="cannot be written"), folders.new("taken/head", ".ply"):
        pass
    (output / "itportrait" / "taken").unlink()

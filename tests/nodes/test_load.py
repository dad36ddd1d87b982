"""The loaders list what they can load, and say what to get when a file is missing."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
from harness import stand_ins
from safetensors.torch import save_file

from itportrait_core.checkpoints.format import save_generator, save_model


@pytest.fixture(scope="module")
def load(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.load")


@pytest.fixture(scope="module")
def model_files(pack: ModuleType) -> ModuleType:
    """The module that finds files."""
    return importlib.import_module(f"{pack.__name__}.nodes.model_files")


@pytest.fixture
def models(pack: ModuleType) -> Path:
    """ComfyUI's models/itportrait with one file of each kind."""
    import folder_paths

    folder = Path(folder_paths.models_dir) / "itportrait"
    folder.mkdir(parents=True, exist_ok=True)
    generator = stand_ins.generator()
    save_generator(generator, folder / "good.safetensors")
    save_model(stand_ins._photo(), folder / "photo.safetensors", family="stylegan2")
    data = (folder / "good.safetensors").read_bytes()
    future = data.replace(b'"format_version":"1"', b'"format_version":"9"')
    assert future != data
    (folder / "future.safetensors").write_bytes(future)
    (folder / "cut.safetensors").write_bytes(data[:-100])
    (folder / "noise.safetensors").write_bytes(b"no safetensors at all")
    save_file({"weight": torch.zeros(2)}, folder / "foreign.safetensors")
    (folder / "official.pkl").write_bytes(b"")
    folder_paths.filename_list_cache.clear()
    return folder


def test_each_loader_lists_only_what_it_can_load(model_files: ModuleType, models: Path) -> None:
    """Neither other networks, nor files of a later version, nor damaged ones, nor pickles."""
    listed = [name for name in model_files.choices("eg3d", "panohead") if not name.startswith("runs/")]
    assert listed == [model_files.EMBEDDED, "good.safetensors"]  # other tests have left results in `runs`
    assert model_files.choices("stylegan2") == [model_files.EMBEDDED, "photo.safetensors"]
    assert model_files.files_of("clip", model_files.FOREIGN) == ["foreign.safetensors"]


def test_what_is_listed_opens_once_for_equal_files(load: ModuleType, models: Path) -> None:
    """Two files of one content share their weights in memory; another content does not."""
    (models / "copy.safetensors").write_bytes((models / "good.safetensors").read_bytes())
    save_generator(stand_ins.generator(seed=3), models / "other.safetensors")
    names = ("good.safetensors", "copy.safetensors", "other.safetensors")
    first, same, other = (load.GeneratorLoader.execute(name).args[0] for name in names)
    assert first.open() is same.open()
    assert first.open() is not other.open()


def test_half_precision_is_a_matter_of_the_handle(load: ModuleType, models: Path) -> None:
    """Both precisions of one file can stand in one workflow; results of the two have different names."""
    full, half = (
        load.GeneratorLoader.execute("good.safetensors", superresolution=choice).args[0]
        for choice in (load.FULL, load.HALF)
    )
    auto = load.GeneratorLoader.execute("good.safetensors").args[0]
    assert auto.half == importlib.import_module(f"{load.__package__}.runtime").half_is_best()
    assert half.open().superresolution.half and not full.open().superresolution.half
    results = importlib.import_module(f"{load.__package__}.results")
    assert results.run_file(results.recipe("apt", full)) != results.run_file(results.recipe("apt", half))


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("generator", ("ffhqrebalanced512-128.pkl", "NGC", "non-commercial")),
        ("pose", ("epoch_20.pth", "Basel Face Model")),
        ("identity", ("model_ir_se50.pth", "research")),
    ],
)
def test_a_missing_file_says_what_to_get(model_files: ModuleType, role: str, words: tuple[str, ...]) -> None:
    """In one line: the name, the source, the folder, the terms."""
    with pytest.raises(ValueError, match="No model file") as caught:
        model_files.locate("gone.safetensors", role)
    said = str(caught.value)
    assert "\n" not in said and "models/itportrait" in said
    assert all(word in said for word in words)

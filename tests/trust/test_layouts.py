"""Installations as people have them: the pack loads and runs in each. The long part only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import pack, stand_ins
from harness.client import ComfyClient, Rejected, Run
from harness.environment import ROOT
from harness.graph import Graph
from harness.official_files import rosinality_state
from harness.server import ComfyServer

from itportrait_core.checkpoints.format import save_generator
from itportrait_core.methods.shared.portrait import sample_portrait
from tests.trust.counts import long
from tests.trust.prompts import NAME, RAW, TEXT, bypassed, everything, instant, muted

pytestmark = pytest.mark.skipif(not long(), reason="the long part: python tests/run.py --trust")
NODES = json.loads((ROOT / "tests" / "nodes" / "node_ids.json").read_text(encoding="utf-8"))
OPTIONS = [
    ("--cache-none",),
    ("--cache-lru", "2"),
    ("--deterministic",),
    ("--fp16-unet", "--fp16-vae", "--fp16-text-enc"),
    ("--force-fp16",),
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins.write(tmp_path_factory.mktemp("weights"))


def main_job(server: ComfyServer) -> None:
    """Train, render and save, twice; nothing of it may fail."""
    client = ComfyClient(server.url)
    definitions = client.nodes()
    assert {name for name in definitions if name.startswith("ITportrait_")} == set(NODES)
    for _ in range(2):
        graph = Graph(definitions)
        base = graph.add("GeneratorLoader")
        person = graph.add("SamplePortrait", generator=base, seed=5)
        style = graph.add("Stylize", generator=base, portrait=person, steps=2)
        views = graph.add("MultiViewRender", generator=style, portrait=person)
        graph.add("SavePictures", images=views, recipe=views[7], name="layout")
        graph.add("SaveGenerator", generator=style, name="layout")
        run = client.run(graph.prompt)
        assert (run.end, run.error) == ("execution_success", "")
    client.close()


@pytest.mark.parametrize("arguments", OPTIONS, ids=" ".join)
def test_an_option_of_comfyui(weights: Path, arguments: tuple[str, ...]) -> None:
    with ComfyServer(weights=weights, arguments=arguments) as server:
        main_job(server)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that nobody can write into: mounted so where this process may, else by its rights."""

    def mount(*words: str) -> bool:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0

    mounted = shutil.which("mount") is not None and mount("--bind", str(folder), str(folder))
    if mounted:
        mount("-o", "remount,ro,bind", str(folder))
    else:
        for path in folder.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            for path in folder.rglob("*"):
                path.chmod(0o755)


def test_a_read_only_source_outside_of_comfyui(weights: Path, tmp_path: Path) -> None:
    """As a desktop build lays it: `--base-directory` elsewhere, the pack copied there, not to be written."""
    placed = pack.place(tmp_path / "made", weights)
    source = tmp_path / "base" / "custom_nodes" / pack.NAME
    shutil.copytree(placed, source, symlinks=False, ignore=shutil.ignore_patterns("__pycache__"))
    with read_only(source):
        if os.access(source, os.W_OK):
            with pytest.raises(OSError):
                (source / "x").touch()
        with ComfyServer(base=tmp_path / "base") as server:
            main_job(server)


def test_a_user_folder_elsewhere(weights: Path, tmp_path: Path) -> None:
    arguments = ("--user-directory", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    with ComfyServer(weights=weights, arguments=arguments) as server:
        main_job(server)


def test_output_and_temp_folders_elsewhere(weights: Path, tmp_path: Path) -> None:
    words = ("output", "temp", "input")
    arguments = tuple(part for word in words for part in (f"--{word}-directory", str(tmp_path / word)))
    for word in words:
        (tmp_path / word).mkdir()
    with ComfyServer(weights=weights, arguments=arguments) as server:
        main_job(server)
        assert list((tmp_path / "output" / "itportrait").glob("layout_*.png"))
        assert not list((server.base / "output").rglob("*itportrait*/*"))


def test_models_that_extra_model_paths_adds(weights: Path, tmp_path: Path) -> None:
    models = tmp_path / "drive" / "heads"
    models.mkdir(parents=True)
    save_generator(stand_ins.generator(seed=4), models / "elsewhere.safetensors")
    paths = tmp_path / "extra_model_paths.yaml"
    paths.write_text(f"drive:\n  base_path: {tmp_path / 'drive'}\n  itportrait: heads\n", encoding="utf-8")
    with ComfyServer(weights=weights, arguments=("--extra-model-paths-config", str(paths))) as server:
        main_job(server)
        client = ComfyClient(server.url)
        graph = Graph(client.nodes())
        base = graph.add("GeneratorLoader", file="elsewhere.safetensors")
        graph.show(graph.add("SamplePortrait", generator=base)[1])
        assert client.run(graph.prompt).end == "execution_success"
        client.close()


@pytest.fixture(scope="module")
def server(weights: Path) -> Iterator[ComfyServer]:
    with ComfyServer(weights=weights) as running:
        yield running


def whole(server: ComfyServer, definitions: dict[str, Any]) -> dict[str, Any]:
    """The prompt with every node; its files are laid into the server's model folder."""
    folder = server.base / "models" / "itportrait"
    folder.mkdir(parents=True, exist_ok=True)
    source, portrait = folder / "foreign.pth", folder / "somebody.safetensors"
    if not portrait.is_file():
        torch.save({"g_ema": rosinality_state(8, w_dim=8, width=4)}, source)
        sample_portrait(stand_ins.generator().eval(), 4).save(portrait)
    return everything(definitions, source, portrait)


def ran(client: ComfyClient, prompt: dict[str, Any]) -> Run | None:
    """What a prompt did; None where the server says what is missing. Messages are in words."""
    try:
        run = client.run(prompt)
    except Rejected:
        return None
    assert run.end in ("execution_success", "execution_error")
    assert not any(word in run.error for word in RAW), run.error
    return run


def test_every_node_works(server: ComfyServer) -> None:
    client = ComfyClient(server.url)
    definitions = client.nodes()
    prompt = whole(server, definitions)
    kinds = {entry["class_type"] for entry in [*prompt.values(), *instant(definitions).values()]}
    assert {kind for kind in kinds if kind.startswith("ITportrait_")} == set(NODES)
    run = client.run(prompt)
    assert (run.end, run.error) == ("execution_success", "")
    client.close()


@pytest.mark.parametrize("kind", NODES)
def test_a_node_muted_and_bypassed(server: ComfyServer, kind: str) -> None:
    """The rest of the graph runs, or what is missing is said; then everything runs again."""
    client = ComfyClient(server.url)
    definitions = client.nodes()
    prompt = instant(definitions) if kind == "ITportrait_InstantStyle" else whole(server, definitions)
    mute, bypass = muted(prompt, kind), bypassed(prompt, kind, definitions)
    assert len(mute) == len(bypass) == len(prompt) - sum(e["class_type"] == kind for e in prompt.values())
    ran(client, mute)
    passed = ran(client, bypass)
    if kind in ("ITportrait_InstantStyle", "ITportrait_PivotalTuning", "ITportrait_Blend"):
        assert passed is not None and passed.end == "execution_success"  # the generator goes through
    client.close()


def test_with_metadata_disabled_no_file_holds_what_was_typed(weights: Path) -> None:
    """Neither texts nor names, in results, previews and moments; a job sheet with texts is refused."""
    with ComfyServer(weights=weights, arguments=("--disable-metadata",)) as server:
        client = ComfyClient(server.url)
        prompt, typed = whole(server, client.nodes()), {"nodes": [{"title": TEXT}]}
        run = client.run(prompt, workflow=typed)
        assert run.end == "execution_error" and "--disable-metadata promises" in run.error
        (sheet,) = (entry for entry in prompt.values() if entry["class_type"] == "ITportrait_SaveJobSheet")
        sheet["inputs"]["texts"] = ""
        run = client.run(prompt, workflow=typed)
        assert (run.end, run.error) == ("execution_success", "")
        client.close()
        files = [path for part in ("output", "temp") for path in (server.base / part).rglob("*")]
        written = [path for path in files if path.is_file()]
        assert len(written) > 8 and any(path.suffix == ".jsonl" for path in written)
        for path in written:
            content = path.read_bytes()
            assert TEXT.encode() not in content and NAME.encode() not in content, path

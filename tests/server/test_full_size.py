"""The official networks at full size, with random weights, through the whole coupled workflow on a server.

Import of the four files, alignment by hand, inversion by the photo twin, coupled fine-tune, render, save.
What the pictures show means nothing; shapes, licences, hashes and memory do.

Measured for the two steps on a CPU: about four minutes of one core, and a peak of about 8 GiB in the server,
the mapped files of the networks included (`VmHWM`, Linux). For 20 steps on an NVIDIA H100: half a minute, and
3.9 GiB of the computer's own memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from harness import full_size
from harness.client import ComfyClient
from harness.graph import Graph, Node
from harness.server import ComfyServer
from PIL import Image
from safetensors.torch import load_file

from itportrait_core.checkpoints.format import read_header

PEAK = 12 * 2**30
"""Most memory that two steps on a CPU may take, bytes: the measured 8 GiB and room for other processors."""
FEWEST = {
    "inversion": {"twin_samples": 1, "start_samples": 8, "realign_rounds": 0, "pose_preheat": 1},
    "ite": {"batch": 1, "views": 1},
}
"""Settings that leave every network and every loss in, and repeat nothing."""
FIVE_POINTS = "0.39,0.47 0.61,0.47 0.5,0.6 0.42,0.71 0.58,0.71"


@pytest.fixture(scope="module", params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def full_server(request: pytest.FixtureRequest) -> Iterator[tuple[ComfyServer, int]]:
    """A ComfyUI of its own with the official files, and the steps that its device is asked for."""
    cpu = request.param == "cpu"
    if not cpu and not torch.cuda.is_available():
        pytest.skip("no CUDA device: 20 steps of full size are for a graphics card")
    with ComfyServer(cpu=cpu) as running:
        full_size.write(running.base / "models" / "itportrait")
        yield running, 2 if cpu else 20


@pytest.mark.slow
def test_official_files_go_through_the_coupled_workflow(
    full_server: tuple[ComfyServer, int], tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    """Everything ends well; what is made is of full size, finite, and says where it comes from."""
    server, steps = full_server
    client = ComfyClient(server.url)
    imported(client, server)
    graph = Graph(client.nodes())
    shown = coupled(graph, steps)
    run = client.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", ""), server.said()

    facts = json.loads(run.outputs[shown["report"].id]["text"][0])
    assert all(np.isfinite(facts[name]) for name in ("yaw", "pitch", "mse", "lpips", "id"))
    sides = {"aligned": 512, "reconstruction": 512, "twin": 1024, "views": 512}
    for name, side in sides.items():
        (item,) = run.outputs[shown[name].id]["images"]
        with Image.open(client.fetch(item, tmp_path)) as picture:
            assert picture.size == (side, side), name
    client.close()

    base = next(server.base.rglob("ffhq512-128.safetensors"))
    person = load_file(next(server.base.rglob("somebody_00001.safetensors")))
    assert person["ws"].shape == (1, 14, 512) and person["camera"].shape == (1, 25)
    for part in ("target", "style"):
        check_style(next(server.base.rglob(f"couple-*-{part}.safetensors")), base, steps)
    peak = server.peak_memory()
    record_property("peak_memory_bytes", peak)
    print(f"peak memory of the server: {(peak or 0) / 2**30:.1f} GiB")
    if server.cpu:
        assert peak is None or peak < PEAK


def imported(client: ComfyClient, server: ComfyServer) -> None:
    """Import every file by the node; there is one file for each network afterwards, and nothing half-made."""
    graph = Graph(client.nodes())
    for name in full_size.FILES:
        graph.add("ImportCheckpoint", file=name)
    run = client.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", ""), server.said()
    made = {path.name: read_header(path) for path in (server.base / "output" / "itportrait").iterdir()}
    assert {name.removesuffix(".safetensors"): header.family for name, header in made.items()} == {
        "ffhq512-128": "eg3d",
        "e4e_ffhq_encode": "style_encoder",
        "e4e_ffhq_encode-generator": "stylegan2",
        "epoch_20": "pose",
        "model_ir_se50": "identity",
    }
    assert all(header.license and header.lineage["source_sha256"] for header in made.values())


def coupled(graph: Graph, steps: int) -> dict[str, Node]:
    """The coupled workflow over the imported files; the nodes that show something, by name."""
    changes = {name: {**values, "steps": steps} for name, values in FEWEST.items()}
    settings = graph.add("MethodSettings", changes=json.dumps(changes))
    base = graph.add("GeneratorLoader", file="ffhq512-128.safetensors")
    prior = graph.add(
        "PhotoPriorLoader",
        photo="e4e_ffhq_encode-generator.safetensors",
        encoder="e4e_ffhq_encode.safetensors",
        pose="epoch_20.safetensors",
        identity="model_ir_se50.safetensors",
    )
    picture = graph.add("Align", image=graph.add("ExamplePicture"), points=FIVE_POINTS)
    found = graph.add(
        "Inversion", generator=base, photo_prior=prior, image=picture, alignment=picture[1], settings=settings
    )
    clip = graph.add("ClipLoader")
    text = "a person wearing glasses"
    fused = graph.add("Fuse", generator=base, portrait=found, clip=clip, text=text, settings=settings)
    cameras = graph.add("CameraOrbit", path="grid", columns=1, rows=1)
    views = graph.add("MultiViewRender", generator=fused, cameras=cameras, portrait=found)
    graph.add("SavePortrait", portrait=found, name="somebody")
    return {
        "aligned": graph.show(picture),
        "reconstruction": graph.show(found[1]),
        "twin": graph.show(found[2]),
        "report": graph.add("PreviewAny", source=found[3]),
        "views": graph.show(views),
    }


def check_style(file: Path, base: Path, steps: int) -> None:
    """A style has the base's tensors, changed and finite, its settings, its licence and its hash."""
    header, old = read_header(file), read_header(base)
    assert (header.family, header.config, header.license) == ("eg3d", old.config, old.license)
    assert "NVIDIA" in header.license
    assert header.lineage["recipe"]["base"] == hashlib.sha256(base.read_bytes()).hexdigest()
    assert header.lineage["parent"]["source_sha256"] == old.lineage["source_sha256"]
    assert len(header.lineage["history"]) == steps
    made, start = load_file(file), load_file(base)
    assert {key: value.shape for key, value in made.items()} == {k: v.shape for k, v in start.items()}
    assert all(torch.isfinite(value).all() for value in made.values() if value.is_floating_point())
    assert any(not torch.equal(made[key], start[key]) for key in made)

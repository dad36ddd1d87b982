"""Live Head and Export Live Head on a real server: the picture is the numbers', the page is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from harness.client import ComfyClient
from harness.graph import Graph
from harness.server import ComfyServer
from PIL import Image

from itportrait_core.live.unpack import unpack

ANGLES = {"yaw": 31.0, "pitch": -12.5, "roll": 4.0, "fov": 15.5}


def pixels(quick: ComfyClient, item: dict[str, str], folder: Path) -> np.ndarray:
    return np.asarray(Image.open(quick.fetch(item, folder)).convert("RGB"))


@pytest.mark.parametrize("fade", [0, 1])
def test_its_image_is_the_servers_from_the_camera_of_its_numbers(
    quick: ComfyClient, graph: Graph, tmp_path: Path, fade: int
) -> None:
    """At both ends of a fade bit for bit what Multi-View Render gives of that generator, with no browser at
    hand; and its file for one comes below ComfyUI's temp folder, by the view route."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=5)
    style = graph.add("Stylize", generator=base, portrait=person, steps=2, seed=5)
    live = graph.add(
        "LiveHead", generator=base, generator_2=style, portrait=person, fade=fade, strip=True, **ANGLES
    )
    views = graph.add(
        "MultiViewRender", generator=(base, style)[fade], portrait=person, cameras=live[1], live=True
    )
    shown, wanted = graph.show(live), graph.show(views)
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    frozen, server = (pixels(quick, run.outputs[one.id]["images"][0], tmp_path) for one in (shown, wanted))
    assert (frozen == server).all() and len(np.unique(frozen)) > 20
    told = run.outputs[live.id]
    assert (pixels(quick, told["itp_render"][0], tmp_path) == server).all()
    assert {name: told["itp_live_state"][0][name] for name in ANGLES} == ANGLES
    assert len(told["itp_strip"]) == len(told["itp_strip_views"]) == 7
    (file,) = told["itp_live"]
    assert file["type"] == "temp"
    head = unpack(quick.fetch(file, tmp_path).read_bytes())
    assert (len(head.planes), len(head.planes[0])) == (2, 1)
    (turned,) = run.outputs[views.id]["itp_live_state"]
    assert turned == pytest.approx(ANGLES, abs=0.06)  # the switch of Multi-View Render looks from there too


@pytest.mark.parametrize("private", [False, True])
def test_an_exported_page_names_licence_and_recipe_unless_it_is_private(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph, private: bool
) -> None:
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=8)
    name = f"page {private}"
    graph.add("ExportLiveHead", generator=base, portrait=person, name=name, private=private, **ANGLES)
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    (file,) = quick_server.base.rglob(f"{name}*.html")
    text = file.read_text(encoding="utf-8")
    assert "<footer>Weights: " in text
    assert ("<summary>Recipe</summary>" in text) == (not private)
    assert (name in text) == (not private)

"""What renders and meshes give is taken by the core's own nodes: video, 3D, masks, cameras."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from harness import stand_ins
from harness.client import ComfyClient
from harness.graph import Graph
from harness.server import ComfyServer
from PIL import Image

from itportrait_core.recipes.carriers import read_glb

VIEWS = 8
LEVEL = 0.15
"""A density that stand-in networks reach."""


def pixels(quick: ComfyClient, item: dict[str, str]) -> np.ndarray:
    answer = requests.get(f"{quick.url}/view", params=item, timeout=60)
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), dtype=np.int16)


def test_a_turntable_becomes_a_video(quick_server: ComfyServer, quick: ComfyClient, graph: Graph) -> None:
    """Multi-View Render into CreateVideo and SaveVideo: as many frames as views."""
    import av

    cameras = graph.add("CameraOrbit", path="turntable", views=VIEWS)
    seen = graph.add("MultiViewRender", generator=graph.add("GeneratorLoader"), cameras=cameras)
    video = graph.add("CreateVideo", images=seen, fps=8.0)
    graph.add("SaveVideo", video=video, filename_prefix="turntable")
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    (file,) = quick_server.base.glob("output/turntable*.mp4")
    with av.open(str(file)) as opened:
        frames = list(opened.decode(video=0))
    assert len(frames) == VIEWS and frames[0].width == stand_ins.SIDE


def test_every_map_is_taken_by_core_nodes(quick: ComfyClient, graph: Graph) -> None:
    """Masks composite pictures; depth and normals scale, invert and save like any picture."""
    cameras = graph.add("CameraOrbit", path="grid", columns=2, rows=2)
    seen = graph.add("MultiViewRender", generator=graph.add("GeneratorLoader"), cameras=cameras)
    back = graph.add("EmptyImage", width=stand_ins.SIDE, height=stand_ins.SIDE, batch_size=4, color=255)
    placed = graph.add("ImageCompositeMasked", destination=back, source=seen, mask=seen[1], x=0, y=0)
    larger = graph.add("ImageScaleBy", image=placed, upscale_method="lanczos", scale_by=2.0)
    shown = [
        graph.show(image) for image in (larger, graph.add("ImageInvert", image=seen[2]), seen[3], seen[5])
    ]
    graph.show(graph.add("MaskToImage", mask=seen[1]))
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    assert all(len(run.outputs[node.id]["images"]) == 4 for node in shown)
    assert pixels(quick, run.outputs[shown[0].id]["images"][0]).shape[0] == 2 * stand_ins.SIDE


def test_core_cameras_come_in_and_go_out(quick: ComfyClient, graph: Graph) -> None:
    """A camera that was given to the core draws the same picture when it comes back."""
    base = graph.add("GeneratorLoader")
    there = graph.add("CameraOrbit", yaw=25.0, pitch=-10.0, roll=8.0, fov=16.0)
    direct = graph.add("MultiViewRender", generator=base, cameras=there)
    shown = [direct]
    shown.append(graph.add("MultiViewRender", generator=base, camera_info=there[1]))
    shown.append(graph.add("MultiViewRender", generator=base, camera_info=direct[6]))
    again = graph.add("CameraOrbit", camera_info=direct[6])
    shown.append(graph.add("MultiViewRender", generator=base, cameras=again))
    shown.append(graph.add("MultiViewRender", generator=base))
    nodes = [graph.show(node).id for node in shown]
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    first, *others, front = (pixels(quick, run.outputs[node]["images"][0]) for node in nodes)
    assert all(np.abs(first - other).max() <= 1 for other in others)
    assert np.abs(first - front).max() > 1


@pytest.mark.parametrize("saver", ["SaveGLB", "ITportrait_SaveMesh"])
def test_a_mesh_is_saved_as_a_sound_glb(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph, saver: str
) -> None:
    """The core's Save GLB takes the mesh; ours adds colours and normals. Both files read back closed."""
    import trimesh

    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base)
    head = graph.add(
        "ExtractMesh", generator=base, portrait=person, resolution=40, level=LEVEL, least_piece=1.0
    )
    more: dict[str, Any] = {"recipe": head[1], "name": "sound"} if saver.startswith("ITp") else {}
    node = graph.add(saver, mesh=head, **more)
    preview = graph.add("Preview3D", model_file=node) if more else None
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    item = run.outputs[node.id]["3d"][0]
    if preview is not None:
        assert run.outputs[preview.id]["result"][0] == f"{item['subfolder']}/{item['filename']}"
    file = Path(quick_server.base, "output", item["subfolder"], item["filename"])
    read = trimesh.load(file, force="mesh", process=False)
    assert read.is_watertight and read.is_winding_consistent and read.body_count == 1
    (primitive,) = read_glb(file)[0]["meshes"][0]["primitives"]
    assert ({"COLOR_0", "NORMAL"} <= set(primitive["attributes"])) == saver.startswith("ITp")

"""The embedded generator's heads as meshes and splats look like its pictures, over 24 views."""

from __future__ import annotations

import pytest
import torch

from benchmarks.geometry import PITCHES, YAWS, Scores, measure
from itportrait_core.checkpoints.format import load_generator
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.rendering import cameras
from itportrait_core.rendering.mesh import MeshConfig, extract_mesh
from itportrait_core.rendering.splat import SplatConfig, sample_splats

SEED = 3


@pytest.fixture(scope="module")
def scores() -> Scores:
    """One person of the default truncation, with the defaults of the nodes."""
    generator = load_generator("pocket")
    ws = sample_portrait(generator, SEED, truncation=0.7).ws
    planes = generator.planes(ws)
    mesh = extract_mesh(generator, ws, MeshConfig(), planes=planes)
    splats = sample_splats(generator, ws, SplatConfig(), planes=planes)
    with torch.no_grad():
        return measure(generator, ws, mesh, splats, cameras.grid(YAWS, PITCHES))


def test_there_are_24_views() -> None:
    assert len(YAWS) * len(PITCHES) == 24


def test_the_mesh_has_the_outline_of_the_pictures(scores: Scores) -> None:
    """Silhouette against the mask of the volume render."""
    assert scores.iou >= 0.97


def test_the_mesh_is_closed(scores: Scores) -> None:
    assert scores.closed


def test_vertices_have_the_colours_of_the_pictures(scores: Scores) -> None:
    """Mean difference in grey levels of 255 where a vertex is seen."""
    assert scores.color <= 8.0


def test_splats_look_like_the_pictures(scores: Scores) -> None:
    """Decibels against the volume render."""
    assert scores.psnr >= 25.0

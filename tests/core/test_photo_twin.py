"""Photo twins (Eq. 3): what is perturbed, whose pose counts, and what stands in where nobody has a face."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from itportrait_core.methods.configs import InversionConfig
from itportrait_core.methods.inversion import photo_twin
from itportrait_core.methods.inversion.photo_twin import Aligned, draw_twins, make_twins, median_pose
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_prior


@pytest.fixture(scope="module")
def prior():
    return tiny_prior()


def test_twins_keep_coarse_layers_and_share_one_z_per_twin(prior):
    """Eq. 3: W' = alpha W + (1 - alpha) M(z) in the last six layers (of 18, counted from the end)."""
    seen = []
    prior.generator.synthesis.register_forward_pre_hook(lambda m, args: seen.append(args[0].clone()))
    code = torch.randn(1, 8, 12, generator=torch.Generator().manual_seed(1))
    config = InversionConfig(twin_samples=3)
    twins = draw_twins(prior, code, config.twin_layers, config, torch.Generator().manual_seed(2))
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(2))
    fresh = prior.generator.mapping(z)
    assert twins.shape == (3, 3, 32, 32)
    assert torch.equal(seen[0][:, :2], code[:, :2].expand(3, -1, -1))
    assert torch.allclose(seen[0][:, 2:], 0.2 * code[:, 2:] + 0.8 * fresh[:, 2:], atol=1e-6)


def test_median_pose_ignores_one_wild_twin():
    angles = torch.tensor(
        [[0.0, 0.30, 0.0], [0.0, 0.32, 0.0], [0.0, 0.31, 0.0], [0.5, -0.9, 0.3], [0.0, 0.3, 0]]
    )
    label, spread = median_pose(angles, torch.zeros(5, 3))
    wanted = cameras.from_deep3d(torch.tensor([[0.0, 0.30, 0.0]]), torch.zeros(1, 3))
    assert float(cameras.rotation_difference_deg(label, wanted)) < 1.5 and spread < 2.0


def test_realignment_cuts_the_picture_by_the_twins_points(prior):
    plain, other = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    points = torch.rand(5, 2)
    given = []

    def realign(found):
        given.append(found)
        return Aligned(other)

    twins = make_twins(
        prior, Aligned(plain, None, realign, lambda picture: points), InversionConfig(), torch.Generator()
    )
    assert torch.equal(twins.aligned.image, other) and given == [points]


def test_twins_without_a_face_have_no_say_in_the_pose(prior, monkeypatch):
    """Of four twins the detector finds a face on the first and the third; only these are read."""
    asked, read = [], []

    def find(picture):
        asked.append(picture)
        return torch.full((5, 2), 0.5) if len(asked) in (1, 3) else None

    def poses(_, images, aligned):
        read.append(images)
        return torch.zeros(len(images), 3), torch.zeros(len(images), 3)

    monkeypatch.setattr(photo_twin, "estimate_pose", poses)
    aligned = Aligned(torch.rand(1, 3, 32, 32) * 2 - 1, None, None, find)
    config = InversionConfig(realign_rounds=0)
    twins = make_twins(replace(prior, frame="ffhq"), aligned, config, torch.Generator().manual_seed(3))
    assert twins.note == "usual" and len(twins.images) == 4
    assert len(read) == 1 and torch.equal(read[0], torch.cat([asked[0], asked[2]]))


def test_twins_that_disagree_give_way_to_wider_layers_and_then_to_none(prior, monkeypatch):
    spreads = iter([40.0, 30.0, 0.0])
    label = cameras.front()
    monkeypatch.setattr(photo_twin, "median_pose", lambda *pose: (label, next(spreads)))
    twins = make_twins(prior, Aligned(torch.zeros(1, 3, 32, 32)), InversionConfig(), torch.Generator())
    assert twins.note == "none" and len(twins.images) == 1


def test_photos_are_not_read_by_a_pose_network_of_drawn_heads(prior):
    """With an imported photo generator and no Deep3DFaceRecon, the twins' poses come from face points."""
    photos, wanted = replace(prior, frame="ffhq"), cameras.orbit(30.0, -6.0, 2.0)
    aligned = Aligned(torch.zeros(1, 3, 64, 64), find_pose=lambda image: wanted)
    twins = make_twins(photos, aligned, InversionConfig(), torch.Generator().manual_seed(0))
    assert float(cameras.rotation_difference_deg(twins.camera, wanted)) < 0.1
    blind = make_twins(photos, Aligned(aligned.image), InversionConfig(), torch.Generator().manual_seed(0))
    assert float(cameras.rotation_difference_deg(blind.camera, wanted)) > 1.0

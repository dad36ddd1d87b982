"""The first pose of an inversion, from each of its sources."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.configs import InversionConfig
from itportrait_core.methods.inversion.first_pose import first_pose
from itportrait_core.methods.inversion.photo_twin import Aligned, latent_distance
from itportrait_core.methods.inversion.report import WEAK_DISTANCE, warnings_of
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_prior


@pytest.fixture(scope="module")
def prior():
    return tiny_prior()


@pytest.mark.parametrize("way", ["twin", "image", "frontal", "random", "user"])
def test_every_first_pose_is_a_label(prior, way):
    picture = Aligned(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    rng = torch.Generator().manual_seed(1)
    start = first_pose(prior, picture, InversionConfig(pose_init=way), rng, cameras.orbit(12.0))
    assert start.camera.shape == (1, 25) and start.facts["pose_init"] == way
    assert (start.twins is not None) == (way == "twin")
    if way == "user":
        assert start.facts["first_yaw"] == pytest.approx(12.0, abs=0.01)


@pytest.mark.parametrize(
    ("way", "message"),
    [("twin", "photo prior"), ("image", "photo prior"), ("user", "a pose"), ("landmarks", "face detector")],
)
def test_missing_parts_are_named(way, message):
    config = InversionConfig(pose_init=way)
    with pytest.raises(ITPortraitError, match=message):
        first_pose(None, Aligned(torch.zeros(1, 3, 16, 16)), config, torch.Generator(), None)


def test_without_a_face_anywhere_the_users_pose_or_the_front_stands_in(prior):
    blind = Aligned(torch.rand(1, 3, 32, 32) * 2 - 1, None, None, lambda picture: None)
    ffhq, config, user = replace(prior, frame="ffhq"), InversionConfig(realign_rounds=0), cameras.orbit(20.0)
    for given, wanted in ((None, cameras.front()), (user, user)):
        start = first_pose(ffhq, blind, config, torch.Generator().manual_seed(1), given)
        assert torch.allclose(start.camera, wanted.float()) and start.facts["twin_face"] is False
        assert "twin_spread" not in start.facts


def test_landmarks_give_the_pose_of_the_face_they_were_seen_on():
    from itportrait_core.alignment.frame import DEEP3D_POINTS
    from itportrait_core.alignment.pose_fit import FIVE_PITCH_OFFSET
    from itportrait_core.guidance.depth import project

    camera = cameras.orbit(25.0, 10.0)
    seen = project(torch.tensor(DEEP3D_POINTS)[None] * 0.3, camera)[0]
    picture = Aligned(torch.zeros(1, 3, 32, 32), find_points=lambda image: (seen + 1) / 2)
    start = first_pose(None, picture, InversionConfig(pose_init="landmarks"), torch.Generator(), None)
    measured = cameras.orbit(25.0, 10.0 - FIVE_PITCH_OFFSET)  # drawn faces tilt that much
    assert float(cameras.rotation_difference_deg(start.camera, measured)) < 4.0


def test_the_pose_of_all_points_goes_before_that_of_five():
    wanted = cameras.orbit(-17.0, 4.0)
    picture = Aligned(torch.zeros(1, 3, 32, 32), find_pose=lambda image: wanted)
    start = first_pose(None, picture, InversionConfig(pose_init="landmarks"), torch.Generator(), None)
    assert torch.equal(start.camera, wanted)


@pytest.mark.parametrize(("aside", "told"), [(0.0, False), (40.0, True)])
def test_a_twin_that_looks_elsewhere_than_the_face_points_is_told(prior, aside, told):
    """A picture outside what the networks draw has a twin of another face; the warning names the file."""
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    config = InversionConfig()
    plain = first_pose(prior, Aligned(image), config, torch.Generator().manual_seed(1), None)
    turned = cameras.orbit(float(cameras.angles(plain.camera)[0]) + aside)
    picture = Aligned(image, find_pose=lambda seen: turned)
    start = first_pose(prior, picture, config, torch.Generator().manual_seed(1), None)
    assert torch.equal(start.camera, plain.camera)
    assert start.facts["twin_yaw_from_landmarks"] == pytest.approx(aside, abs=0.1)
    quiet = {"pose_residual": 0.0, "twin_spread": 0.0, "twin_distance": 0.0}
    warnings = warnings_of({**start.facts, **quiet}, config)
    assert any("ffhqrebalanced512-128.pkl" in warning for warning in warnings) is told


def test_a_latent_that_nobody_has_is_far(prior):
    """People of M(z) lie at about 1, whatever the generator; a twin beyond the limit is told."""
    people = prior.generator.mapping(torch.randn(32, prior.generator.z_dim))
    near = [latent_distance(prior, ws[None]) for ws in people]
    assert 0.7 < sum(near) / len(near) < 1.3
    assert latent_distance(prior, people[:1] * 20) > 3 * max(near)
    report = {"pose_residual": 0.0, "twin_distance": WEAK_DISTANCE + 0.1}
    assert any("ffhqrebalanced512-128.pkl" in warning for warning in warnings_of(report, InversionConfig()))

"""The inversion benchmark: its people are stable, judging is right, a cut run goes on where it stopped."""

from __future__ import annotations

import torch

from benchmarks.art_portraits import PITCH, YAW, judge, sitters
from benchmarks.inversion import ARMS, COLUMNS, STAGES, summary
from benchmarks.inversion_causes import CAUSES, PLAIN, people_of
from benchmarks.inversion_causes import summary as summarise_causes
from benchmarks.table import Table
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator, tiny_perceptual


def test_sitters_are_the_same_whatever_their_number_and_stand_in_the_promised_range():
    one, two = sitters("cartoon", 1), sitters("cartoon", 2)
    assert torch.equal(one[0].picture, two[0].picture) and not torch.equal(two[0].camera, two[1].camera)
    for sitter in two:
        yaw, pitch, _ = (float(angle) for angle in cameras.angles(sitter.camera))
        assert YAW[0] <= yaw <= YAW[1] and PITCH[0] <= pitch <= PITCH[1]
        sides = [float(angle) - yaw for angle in cameras.angles(sitter.side_cameras)[0]]
        assert [round(side) for side in sides] == [-30, 30]
        assert sitter.picture.shape == (1, 3, 128, 128) and sitter.sides.shape == (2, 3, 128, 128)


def test_causes_show_the_same_person_from_the_same_side():
    plain, photo = (people_of(cause, ["oil"])[0] for cause in (PLAIN, "as a photo"))
    assert plain.style == photo.style == "oil" and torch.equal(plain.camera, photo.camera)
    assert ((plain.mask > 0.5) == (photo.mask > 0.5)).float().mean() > 0.97
    assert not torch.equal(plain.picture, photo.picture)


def test_causes_are_compared_with_the_plain_run(tmp_path):
    table = Table(tmp_path / "causes.csv", "r1")
    numbers = dict.fromkeys(("lpips", "id", "pose_error", "novel_lpips"), 0.5)
    table.append([{"cause": cause, "mse": 0.01 * (1 + k), **numbers} for k, cause in enumerate(CAUSES)])
    said = summarise_causes(table)
    assert "MSE, true pose / plain: 2.00" in said and "without a pose start is 0.00500" in said


def test_a_portrait_that_is_the_truth_is_judged_faultless():
    sitter = sitters("oil", 1)[0]

    class Truth(torch.nn.Module):
        """A generator that shows the sitter as it is."""

        def planes(self, ws):
            return ws

        def render(self, planes, ws, labels):
            picture = sitter.picture if len(labels) == 1 else sitter.sides
            return type("Seen", (), {"image": picture, "image_depth": sitter.depth})

    identity = IdentityNet(IdentityConfig(16, (4, 4), (1, 1), 8)).eval()
    portrait = Portrait(torch.zeros(1, 2, 3), sitter.camera, sitter.picture)
    found = judge(Truth(), portrait, sitter, tiny_perceptual(), identity)
    assert set(found) == set(COLUMNS)
    assert found["mse"] == found["pose_error"] == found["depth_error"] == 0 and found["novel_psnr"] == 100
    turned = Portrait(portrait.ws, cameras.orbit(60.0).float(), sitter.picture)
    assert judge(Truth(), turned, sitter, tiny_perceptual(), identity)["pose_error"] > 30


def test_real_renders_are_judged(tmp_path):
    generator, sitter = tiny_generator(resolution=128), sitters("oil", 1)[0]
    identity = IdentityNet(IdentityConfig(16, (4, 4), (1, 1), 8)).eval()
    portrait = Portrait(generator.mapping(torch.ones(1, 8), cameras.front()), sitter.camera, sitter.picture)
    found = judge(generator, portrait, sitter, tiny_perceptual(), identity)
    assert all(value == value for value in found.values()) and found["depth_error"] > 0


def test_tables_go_on_where_they_stopped_and_forget_other_runs(tmp_path):
    path = tmp_path / "table.csv"
    Table(path, "r1").append([{"style": "oil", "person": 0, "mse": 0.123456789}])
    again = Table(path, "r1")
    assert again.has(style="oil", person=0) and not again.has(style="oil", person=1)
    again.append([{"style": "oil", "person": 1, "mse": 2.0}])
    assert [row["mse"] for row in Table(path, "r1").rows] == [0.12346, 2.0]
    other = Table(path, "r2")
    assert other.rows == [] and not path.exists() and path.with_suffix(".old.csv").is_file()


def test_summaries_state_the_ratios(tmp_path):
    table = Table(tmp_path / "table.csv", "r1")
    for arm in ARMS:
        for stage in STAGES:
            worse = 10.0 if arm == "random" else 1.0
            numbers = {name: 0.1 * worse for name in COLUMNS} | {"pose_error": 2.0 * worse}
            row = {"style": "oil", "person": 0, "pose_init": arm, "stage": stage, "first_pose_error": 4.0}
            table.append([{**row, **numbers}])
    said = summary(table)
    assert "with: 10.0 inverted, 10.0 tuned" in said and "90% lower" in said and "sound 1 of 1" in said

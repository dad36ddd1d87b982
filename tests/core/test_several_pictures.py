"""Several pictures of one person: one latent, a pose for each, and a portrait that holds them all."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import itportrait_core as itp
from itportrait_core.checkpoints.hashes import of_floats
from itportrait_core.errors import DamagedFile, ITPortraitError
from itportrait_core.farm.results import portrait_hash
from itportrait_core.guidance.identity import IdentityLoss
from itportrait_core.guidance.metrics import compare
from itportrait_core.methods.configs import InversionConfig, TuningConfig
from itportrait_core.methods.inversion.one_person import OnePersonTask
from itportrait_core.methods.inversion.report import warnings_of
from itportrait_core.methods.inversion.start_latents import nearest_samples
from itportrait_core.methods.inversion.task import InversionTask
from itportrait_core.methods.shared.latent_statistics import latent_statistics
from itportrait_core.methods.shared.portrait import MOST_PICTURES, Portrait, sample_portrait
from itportrait_core.methods.shared.run import KeepBest
from itportrait_core.methods.shared.style_priors import load_style_prior
from itportrait_core.networks.eg3d.generator import EG3DGenerator
from itportrait_core.rendering import cameras
from tests.core.tiny import same_weights, tiny_generator, tiny_perceptual, tiny_prior

VIEWS = (0.0, 30.0, -30.0)
QUICK = InversionConfig(
    steps=6, pose_preheat=2, pose_init="frontal", start_samples=16, stop_window=0, max_rotation=60.0
)


@pytest.fixture(scope="module")
def generator():
    return tiny_generator()


@pytest.fixture(scope="module")
def perceptual():
    return tiny_perceptual()


@pytest.fixture(scope="module")
def photos(generator):
    """One person from three sides: pictures [1, 3, H, W] and their labels [3, 25]."""
    labels = cameras.orbit(list(VIEWS)).float()
    ws = sample_portrait(generator, 5).ws.repeat(len(labels), 1, 1)
    return list(generator.synthesis(ws, labels).image.split(1)), labels


@pytest.fixture(scope="module")
def person(generator, perceptual, photos):
    start = cameras.orbit([4.0, 26.0, -26.0]).float()
    config = QUICK.replace(pose_init="user")
    return itp.invert(generator, photos[0], None, config, camera=start, perceptual=perceptual)


class Known:
    """A 3D encoder that knows the person."""

    def __init__(self, ws: torch.Tensor) -> None:
        self.ws = ws

    def __call__(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.ws.repeat(len(pictures), 1, 1)


def test_one_latent_and_a_pose_for_each(person, photos) -> None:
    assert person.ws.shape[0] == 1 and person.camera.shape == (1, 25)
    assert person.cameras.shape == (3, 25) and person.images.shape[0] == 3
    assert torch.equal(person.image, photos[0][0]) and torch.equal(person.other_images[1:], photos[0][2])
    yaws = cameras.angles(person.cameras)[0]
    assert yaws.tolist() == pytest.approx([4.0, 26.0, -26.0], abs=2.0)
    assert all(facts["pose_residual"] > 0.05 for facts in person.report["pictures"])


def test_every_camera_moves_on_its_own(generator, perceptual, photos) -> None:
    """Where the person is known, each picture's camera goes to where it goes alone, towards the truth."""
    config = QUICK.replace(
        steps=60, pose_preheat=60, lr_rotation=0.02, lr_translation=0.0, w_noise=0.0, depth=0.0,
        start="encoder", pose_init="user",
    )  # fmt: skip
    truth = sample_portrait(generator, 5).ws
    options = {"perceptual": perceptual, "encoder": Known(truth)}
    start = cameras.orbit([4.0, 26.0, -26.0]).float()
    made = itp.invert(generator, photos[0], None, config, camera=start, **options)
    assert torch.allclose(made.ws, truth, atol=1e-6)
    for number, picture in enumerate(photos[0]):
        alone = itp.invert(generator, picture, None, config, camera=start[number : number + 1], **options)
        own = made.cameras[number : number + 1]
        assert float(cameras.rotation_difference_deg(own, alone.camera)) < 0.6
    before = cameras.rotation_difference_deg(start, photos[1])
    after = cameras.rotation_difference_deg(made.cameras, photos[1])
    assert bool((after < 0.8 * before).all()), (before, after)


def test_the_latent_serves_all_pictures(generator, perceptual, photos) -> None:
    """Of the latents of one picture each and of all three, the latter shows all three best."""
    config = QUICK.replace(
        steps=60, lr_w=0.05, identity=0.0, depth=0.0, w_noise=0.0, pose_init="user", optimise_pose=False,
        pose_preheat=0,
    )  # fmt: skip
    pictures, labels = photos

    def error(made: Portrait) -> float:
        drawn = generator.synthesis(made.ws.repeat(3, 1, 1), labels).image
        return compare(drawn, torch.cat(pictures))["mse"]

    alone = [
        itp.invert(generator, one, None, config, camera=label[None], perceptual=perceptual)
        for one, label in zip(pictures, labels, strict=True)
    ]
    together = itp.invert(generator, pictures, None, config, camera=labels, perceptual=perceptual)
    assert error(together) < min(error(one) for one in alone)


def test_the_order_of_pictures_does_not_matter(generator, perceptual, photos) -> None:
    """Twins, latent noise and the mean over pictures are the same; sums differ in their last bits."""
    prior = tiny_prior()
    pictures = [torch.nn.functional.interpolate(one, (32, 32)) for one in photos[0]]
    config = QUICK.replace(pose_init="twin", lr_w=0.001, identity=0.1)
    one = itp.invert(generator, pictures, prior, config, perceptual=perceptual)
    other = itp.invert(generator, pictures[::-1], prior, config, perceptual=perceptual)
    assert torch.allclose(one.ws, other.ws, atol=1e-4)
    assert torch.allclose(one.cameras, other.cameras.flip(0), atol=1e-3)
    assert not torch.allclose(one.camera, other.camera, atol=1e-3)
    alone = itp.invert(generator, pictures[1], prior, config, perceptual=perceptual)
    assert one.report["pictures"][1]["first_yaw"] == alone.report["first_yaw"]
    assert one.twin.shape[0] == 3 * alone.twin.shape[0]


def test_a_list_of_one_picture_is_that_picture(generator, perceptual, photos, tmp_path) -> None:
    """Bit for bit, to the bytes of its file, which holds no word of other pictures."""
    config = QUICK.replace(restarts=2)
    files = [
        itp.invert(generator, given, None, config, perceptual=perceptual).save(tmp_path / name)
        for given, name in ((photos[0][0], "one"), (photos[0][:1], "list"))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"other_" not in files[0].read_bytes() and b"pictures" not in files[0].read_bytes()


def test_all_pictures_have_one_style() -> None:
    """The code begins at the mean of what the prior reads in each."""
    generator = itp.load_generator("pocket")
    rng = torch.Generator().manual_seed(3)
    pictures = (torch.rand(2, 3, 128, 128, generator=rng) * 2 - 1).split(1)
    config = QUICK.replace(
        steps=1, pose_preheat=0, start_samples=8, style="prior", lr_style=0.001, w_noise=0.0
    )
    made = itp.invert(generator, pictures, None, config)
    prior = load_style_prior()
    with torch.no_grad():
        mean = torch.stack([prior.code(one) for one in pictures]).mean(dim=0)
    assert made.report["style"] == "prior"
    assert torch.allclose(torch.tensor(made.report["style_code"]), mean, atol=1e-5)


@pytest.mark.parametrize("loss", ["tv", "consistency", "warp"])
@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("ray_chunk", [0, 16])
def test_gradients_are_those_of_the_mean(generator, perceptual, photos, loss, whiten, ray_chunk) -> None:
    """Picture after picture or in one graph: the same loss and the same gradients."""
    pictures, labels = photos
    config = QUICK.replace(restarts=2, whiten=whiten, depth_loss=loss, w_reg=0.1, ray_chunk=ray_chunk)
    network, statistics = tiny_prior().identity, latent_statistics(generator, 16)
    start = statistics.samples[:2]
    task = OnePersonTask(
        generator, torch.cat(pictures), labels, start, statistics, config, perceptual, network,
        torch.Generator(),
    )  # fmt: skip
    total, parts = task.backward(task.ws(), task.pose.labels(), False)
    got = [t.grad.clone() for t in (task.w, task.pose.omega, task.pose.tau)]
    whole = InversionTask(
        generator, torch.cat(pictures).repeat_interleave(2, 0), labels.repeat_interleave(2, 0),
        start.repeat(3, 1, 1), statistics, config, perceptual,
        IdentityLoss(network, torch.cat(pictures).repeat_interleave(2, 0)), torch.Generator(),
    )  # fmt: skip
    each, known = whole.backward(whole.ws(), whole.pose.labels(), False)
    wanted = [whole.w.grad.view(3, 2, *start.shape[1:]).sum(0) / 3]
    wanted += [t.grad / 3 for t in (whole.pose.omega, whole.pose.tau)]
    assert torch.allclose(total, each.view(3, 2).mean(0), atol=1e-5)
    assert {name: float(v) for name, v in parts.items()} == pytest.approx(
        {name: float(v) for name, v in known.items()}, abs=1e-5
    )
    for mine, truth in zip(got, wanted, strict=True):
        assert torch.allclose(mine, truth, atol=1e-5 * max(1.0, float(truth.abs().max())))
    with torch.no_grad():
        assert torch.allclose(task.losses(task.ws(), task.pose.labels())[0], total, atol=1e-5)


def test_one_picture_s_graph_is_alive_at_a_time(generator, perceptual, photos, monkeypatch) -> None:
    """Renders are of one picture with gradients, and the backbone runs once a step."""
    batches, planes = [], []
    render, backbone = EG3DGenerator.render, EG3DGenerator.planes

    def counted(self, volume, ws, labels, **options):
        if torch.is_grad_enabled():
            batches.append(len(labels))
        return render(self, volume, ws, labels, **options)

    def planned(self, ws, *options):
        if torch.is_grad_enabled():
            planes.append(len(ws))
        return backbone(self, ws, *options)

    monkeypatch.setattr(EG3DGenerator, "render", counted)
    monkeypatch.setattr(EG3DGenerator, "planes", planned)
    itp.invert(generator, photos[0], None, QUICK.replace(steps=2), perceptual=perceptual)
    assert batches == [1] * 6 and planes == [1, 1]


def test_nearest_start_looks_at_all_pictures(generator, perceptual) -> None:
    statistics = latent_statistics(generator, 12)
    labels = cameras.orbit([5.0, -25.0]).float()
    drawn = generator.synthesis(statistics.samples[[4, 4]], labels, neural_rendering_resolution=16).image
    best = nearest_samples(generator, statistics, drawn, labels, perceptual, keep=2, together=True)
    assert best.shape == (2, *statistics.samples.shape[1:]) and torch.equal(best[0], statistics.samples[4])


@pytest.mark.parametrize("start", ["mean", "nearest"])
def test_restarts_share_the_pictures(generator, perceptual, photos, start) -> None:
    config = QUICK.replace(restarts=2, start=start)
    made = itp.invert(generator, photos[0], None, config, perceptual=perceptual)
    assert made.cameras.shape == (3, 25) and made.report["restart"] in (0, 1)


def test_the_report_says_what_each_picture_reached(generator, perceptual, person) -> None:
    pictures = person.report["pictures"]
    assert len(pictures) == 3
    for number, facts in enumerate(pictures):
        drawn = generator.synthesis(person.ws, person.cameras[number : number + 1]).image
        numbers = compare(drawn, person.images[number : number + 1], perceptual)
        assert {name: facts[name] for name in numbers} == pytest.approx(numbers, abs=1e-4)
        assert facts["yaw"] == pytest.approx(float(cameras.angles(person.cameras)[0][number]), abs=0.01)
    assert {name: person.report[name] for name in pictures[0]} == pictures[0]


def test_weak_pictures_are_named_by_number() -> None:
    good = {"lpips": 0.1, "pose_residual": 2.0}
    report = {**good, "ended": "kept", "steps": 3, "pictures": [good, {**good, "lpips": 0.9}]}
    stopped, weak = warnings_of(report, InversionConfig())
    assert stopped.startswith("Stopped by hand") and weak.startswith("Picture 2: LPIPS 0.90")


def test_the_preview_shows_all_pictures(generator, perceptual, photos) -> None:
    strips = []
    itp.invert(
        generator, photos[0], None, QUICK.replace(steps=1, pose_init="user"),
        lambda *step: strips.append(step[2].preview()), camera=photos[1], perceptual=perceptual,
    )  # fmt: skip
    assert strips[0].shape[0] == 6
    assert torch.allclose(strips[0][::2], torch.cat(photos[0]).clamp(-1, 1), atol=1e-5)
    made = strips[0][1::2]
    assert not torch.equal(made[0], made[1])


def test_stop_and_keep_returns_all_poses(generator, perceptual, photos) -> None:
    made = itp.invert(generator, photos[0], None, QUICK, lambda s, n, i: KeepBest, perceptual=perceptual)
    assert made.report["steps"] == 1 and bool(torch.isfinite(made.cameras).all())


def test_a_run_goes_on_from_its_resume_point(generator, perceptual, photos, tmp_path) -> None:
    point = tmp_path / "p.resume"

    class Stopped(Exception):
        pass

    def stop(step, total, info):
        if step == 3:
            raise Stopped

    with pytest.raises(Stopped):
        itp.invert(
            generator, photos[0], None, QUICK, stop, perceptual=perceptual, resume=point, every_steps=1
        )
    whole = itp.invert(generator, photos[0], None, QUICK, perceptual=perceptual)
    laid = point.read_bytes()
    resumed = itp.invert(generator, photos[0], None, QUICK, perceptual=perceptual, resume=point)
    assert torch.equal(resumed.ws, whole.ws) and torch.equal(resumed.cameras, whole.cameras)
    point.write_bytes(laid)
    changed = [*photos[0][:2], photos[0][2].flip(3)]
    with pytest.raises(ITPortraitError, match="another run"):
        itp.invert(generator, changed, None, QUICK, perceptual=perceptual, resume=point)
    with pytest.raises(ITPortraitError, match="another run"):
        itp.invert_batch(generator, photos[0], None, QUICK, perceptual=perceptual, resume=point)


def _wrong(photos):
    one = photos[0][0]
    return {
        "none": ([], "0 pictures of one person"),
        "nine": ([one] * (MOST_PICTURES + 1), "9 pictures of one person; give 1 to 8"),
        "sizes": ([one, torch.rand(1, 3, 20, 20)], "2 sizes: 16 x 16, 20 x 20"),
        "batch": ([one, torch.cat([one, one])], r"\(2, 3, 16, 16\)"),
        "tensor": (torch.cat([one, one]), "list those of one person"),
        "blank": ([one, torch.zeros_like(one)], "one plain colour"),
    }


@pytest.mark.parametrize("what", ["none", "nine", "sizes", "batch", "tensor", "blank"])
def test_what_cannot_be_used_is_refused_in_words(generator, perceptual, photos, what) -> None:
    given, words = _wrong(photos)[what]
    with pytest.raises(ITPortraitError, match=words):
        itp.invert(generator, given, None, QUICK, perceptual=perceptual)


def test_the_user_s_pose_is_needed_for_every_picture(generator, perceptual, photos) -> None:
    config = QUICK.replace(pose_init="user", steps=1)
    with pytest.raises(ITPortraitError, match="for every picture"):
        itp.invert(generator, photos[0], None, config, camera=photos[1][:1], perceptual=perceptual)
    with pytest.raises(ITPortraitError, match=r"\[3, 25\]"):
        itp.invert(generator, photos[0], None, config, camera=photos[1][:2], perceptual=perceptual)
    made = itp.invert(generator, photos[0], None, config, camera=photos[1], perceptual=perceptual)
    assert [facts["first_yaw"] for facts in made.report["pictures"]] == pytest.approx(VIEWS, abs=0.01)


def test_the_portrait_survives_a_file(person, tmp_path) -> None:
    path = person.save(tmp_path / "p.safetensors")
    again = Portrait.load(path)
    assert torch.equal(again.cameras, person.cameras) and torch.equal(again.images, person.images)
    assert again.report["pictures"] == person.report["pictures"]
    assert again.save(tmp_path / "q.safetensors").read_bytes() == path.read_bytes()


def test_every_picture_counts_in_the_hash_of_a_file(person, tmp_path) -> None:
    changed = replace(person, other_images=person.other_images.flip(3))
    alone = replace(person, other_images=None, other_cameras=None)
    paths = [one.save(tmp_path / f"{number}") for number, one in enumerate((person, changed, alone))]
    assert len({portrait_hash(path) for path in paths}) == 3
    assert portrait_hash(paths[0]) == of_floats(*person.hashed)


@pytest.mark.parametrize("damage", ["cameras", "images", "size", "many"])
def test_portraits_with_odd_other_pictures_are_refused(person, tmp_path, damage) -> None:
    from safetensors.torch import load_file, save_file

    path = person.save(tmp_path / "p.safetensors")
    tensors = load_file(path)
    notes = {"itportrait": '{"kind": "portrait", "version": "1", "facts": {}}'}
    if damage in ("cameras", "images"):
        del tensors[f"other_{damage}"]
    elif damage == "size":
        tensors["other_images"] = torch.zeros(2, 3, 8, 8)
    else:
        tensors |= {"other_images": torch.zeros(8, 3, 16, 16), "other_cameras": torch.zeros(8, 25)}
    save_file(tensors, path, notes)
    with pytest.raises((ITPortraitError, DamagedFile), match="other pictures"):
        Portrait.load(path)


def test_all_pictures_are_drawn_again(generator, person) -> None:
    made = itp.reconstruction(generator, person)
    assert made.shape == person.images.shape and not torch.equal(made[0], made[1])


FAST = TuningConfig(steps=25, lr=0.01, lpips_stop=0.0)


def strange(generator) -> Portrait:
    """A person with three pictures that no latent shows: on the sides dark and light are exchanged."""
    one, sides = sample_portrait(generator, 3), cameras.orbit([30.0, -30.0]).float()
    others = -0.5 * generator.synthesis(one.ws.repeat(2, 1, 1), sides).image
    return Portrait(one.ws, one.camera, 0.5 * one.image, other_cameras=sides, other_images=others)


def test_pivotal_tuning_fits_all_pictures(generator, perceptual) -> None:
    person = strange(generator)
    alone = replace(person, other_cameras=None, other_images=None)

    def errors(tuned) -> list[float]:
        drawn = tuned.synthesis(person.ws.repeat(3, 1, 1), person.cameras).image
        return [compare(a, b)["mse"] for a, b in zip(drawn.split(1), person.images.split(1), strict=True)]

    one = errors(itp.pivotal_tune(generator, alone, FAST, perceptual=perceptual))
    three = errors(itp.pivotal_tune(generator, person, FAST, perceptual=perceptual))
    assert sum(one) < sum(errors(generator)) and sum(three) < 0.5 * sum(one)
    assert all(after < 0.3 * before for after, before in zip(three[1:], one[1:], strict=True))


def test_tuning_records_the_mean_over_pictures(generator, perceptual) -> None:
    """The LPIPS that stops a run is of all pictures; the first step has not moved any weight yet."""
    person = strange(generator)
    tuned = itp.pivotal_tune(generator, person, FAST.replace(steps=1), perceptual=perceptual)
    drawn = generator.synthesis(person.ws.repeat(3, 1, 1), person.cameras).image
    assert tuned.history[0].losses["lpips"] == pytest.approx(
        float(perceptual(drawn, person.images).mean()), abs=1e-4
    )


def test_a_tuning_of_other_pictures_is_another_run(generator, perceptual, tmp_path) -> None:
    person, point = strange(generator), tmp_path / "p.resume"
    options = {"perceptual": perceptual, "resume": point, "every_steps": 1, "keep_point": True}
    itp.pivotal_tune(generator, person, FAST.replace(steps=2), **options)
    changed = replace(person, other_images=person.other_images.flip(3))
    for other in (changed, replace(person, other_images=None, other_cameras=None)):
        with pytest.raises(ITPortraitError, match="another run"):
            itp.pivotal_tune(generator, other, FAST.replace(steps=2), **options)


def test_the_preview_of_a_tuning_shows_all_pictures(generator, perceptual) -> None:
    person, strips = strange(generator), []
    itp.pivotal_tune(
        generator, person, FAST.replace(steps=1), lambda *step: strips.append(step[2].preview()),
        perceptual=perceptual,
    )  # fmt: skip
    assert strips[0].shape[0] == 6 + 4
    assert torch.allclose(strips[0][:6:2], person.images.clamp(-1, 1))


def test_tuning_the_same_weights_comes_from_the_same_seed(generator, perceptual) -> None:
    person = strange(generator)
    first, second = (
        itp.pivotal_tune(generator, person, FAST.replace(steps=3), perceptual=perceptual) for _ in range(2)
    )
    assert same_weights(first, second) and not same_weights(first, generator)

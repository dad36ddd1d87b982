"""ITE (Eq. 7-9): latents, views, the combined loss and its gradient, the alternation."""

from __future__ import annotations

import copy
import math
import re
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance import background
from itportrait_core.guidance.background import background_difference
from itportrait_core.methods.configs import ITEConfig, preset
from itportrait_core.methods.couple.couple import couple
from itportrait_core.methods.couple.gate import Gate, mean_distances
from itportrait_core.methods.couple.ite import ITE
from itportrait_core.methods.couple.tasks import stage_of
from itportrait_core.methods.shared.passes import backward_by_view, draw_latents, render_each
from itportrait_core.methods.shared.trainable import copy_for_training, trained_parameters
from itportrait_core.networks.eg3d.names import latent_of
from itportrait_core.rendering import cameras
from tests.core.tiny import same_weights, tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual(), [tiny_clip(0, "a"), tiny_clip(1, "b")]


def make(parts, style_seed: int | None = 7, **changes) -> ITE:
    generator, portrait, _, clips = parts
    config = ITEConfig(**changes)
    style = None if style_seed is None else tiny_generator(style_seed)
    target = copy_for_training(tiny_generator(9), config.modules)
    rng = torch.Generator().manual_seed(3)
    return ITE(generator, style, target, portrait.ws, "glasses", clips, config, rng)


def gradients(ite: ITE, gamma: list[float]) -> torch.Tensor:
    """The gradient of one step's loss for a gate forced to `gamma`."""
    ite = copy.copy(ite)
    ite.rng = torch.Generator().manual_seed(3)
    ite.g_t = copy.deepcopy(ite.g_t)
    ite.optimizer = torch.optim.SGD(list(trained_parameters(ite.g_t).values()), lr=0.0)
    ite._gate = lambda style, source: Gate(gamma, [0.0] * len(gamma), [0.0] * len(gamma), [1] * len(gamma))
    ite.step(0)
    trained = trained_parameters(ite.g_t).values()
    return torch.cat([p.grad.flatten() for p in trained if p.grad is not None])


def test_gradient_of_l_it_is_the_weighted_sum(parts):
    """Eq. 8: L_IT = gamma L_I + (1 - gamma) L_T."""
    ite = make(parts)
    text, image, mixed = gradients(ite, [0.0, 0.0]), gradients(ite, [1.0, 1.0]), gradients(ite, [0.3, 0.3])
    assert not torch.allclose(text, image, rtol=0.1)
    assert torch.allclose(mixed, 0.3 * image + 0.7 * text, atol=1e-4 * float(text.abs().max()))


@pytest.mark.parametrize(("gamma", "way"), [(0.0, "text"), (1.0, "image")])
def test_gamma_0_goes_the_text_s_way_and_1_the_picture_s(parts, gamma, way):
    """The sum over CLIP models of one of both losses, and nothing of the other."""
    ite = make(parts)
    count = len(ite.clips)
    ite._gate = lambda style, source: Gate([gamma] * count, [], [], [])
    losses = ite.step(0).losses
    assert losses["ite"] == pytest.approx(count * losses[way], rel=1e-5)
    assert abs(losses["image"] - losses["text"]) > 1e-3


def test_all_pictures_of_a_step_are_augmented_alike(parts):
    """G_t that is still G_o differs from it in nothing, whatever the augmentation; it changes every step."""
    generator, portrait, _, clips = parts
    config = ITEConfig(augment=True, source_view="matched", lr=0.0)
    target = copy_for_training(generator, config.modules)
    rng = torch.Generator().manual_seed(3)
    ite = ITE(generator, None, target, portrait.ws, "glasses", clips, config, rng)
    losses = [ite.step(index).losses["text"] for index in range(2)]
    assert losses == pytest.approx([1.0, 1.0], abs=1e-3)
    draws = [ite.sampler.draw(rng).augmentation for _ in range(2)]
    assert not torch.equal(*draws)
    plain = make(parts)
    assert plain.sampler.draw(plain.rng).augmentation is None


def test_views_one_by_one_give_the_joint_gradient():
    """The accumulation over views is exact: in float64 it equals one backward pass through all views."""
    joint, single = (tiny_generator(2).double().requires_grad_() for _ in range(2))
    rng = torch.Generator().manual_seed(0)
    ws = torch.randn(2, joint.num_ws, joint.w_dim, generator=rng, dtype=torch.float64)
    views = cameras.sample_views(3, rng=rng).double()
    goals = torch.randn(3, 2, 3, 16, 16, generator=rng, dtype=torch.float64)

    def share(seen, views):
        (v,) = views
        return (seen.image - goals[v]).square().mean() + seen.image_depth.mean()

    total = backward_by_view(single, ws, views, share)
    planes = joint.planes(ws)
    loss = sum(share(joint.render(planes, ws, view.expand(2, -1)), [v]) for v, view in enumerate(views))
    loss.backward()
    assert total == pytest.approx(float(loss.detach()), abs=1e-12)
    for one, two in zip(joint.parameters(), single.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        if one.grad is not None:
            assert torch.allclose(one.grad, two.grad, rtol=1e-10, atol=1e-13)


def test_recomputed_ray_chunks_change_nothing():
    plain, chunked = (tiny_generator(2).double().requires_grad_() for _ in range(2))
    ws = torch.randn(1, plain.num_ws, plain.w_dim, generator=torch.Generator().manual_seed(0)).double()
    for generator, chunk in ((plain, 0), (chunked, 17)):
        backward_by_view(
            generator, ws, cameras.front().double(), lambda s, v: s.image.square().mean(), ray_chunk=chunk
        )
    for one, two in zip(plain.parameters(), chunked.parameters(), strict=True):
        assert one.grad is None or torch.allclose(one.grad, two.grad, rtol=1e-9, atol=1e-13)


def test_latents_keep_the_content_persons_share(parts):
    ite = make(parts, batch=3)
    content, rng = parts[1].ws, torch.Generator().manual_seed(1)
    ws = ite.sampler.latents(torch.Generator().manual_seed(1))
    fresh = draw_latents(parts[0], 3, rng)
    assert torch.equal(ws[:, 0], content[:, 0].expand(3, -1))
    assert torch.allclose(ws[:, 1:], 0.2 * content[:, 1:] + 0.8 * fresh[:, 1:], atol=1e-6)
    assert torch.allclose(make(parts, content_mix=1.0).sampler.latents(rng), content.expand(2, -1, -1))


def test_views_fill_the_ranges_of_the_paper(parts):
    ite = make(parts, style_seed=None)
    yaw, pitch, _ = cameras.angles(torch.cat([ite.sampler.views(ite.rng) for _ in range(100)]))
    yaw = yaw.view(100, 3)
    assert yaw[:, 0].max() <= -50 / 3 + 0.1 and yaw[:, 2].min() >= 50 / 3 - 0.1
    assert -50.1 <= yaw.min() < -45 and 45 < yaw.max() <= 50.1
    assert -30.1 <= pitch.min() < -25 and 25 < pitch.max() <= 30.1


def test_released_preset_draws_the_authors_views(parts):
    config = preset("ite", "released")
    ite = make(parts, **{name: getattr(config, name) for name in
                         ("views", "view_yaws", "view_pitches", "pitch_convention", "focal")})  # fmt: skip
    yaw, pitch, _ = cameras.angles(torch.cat([ite.sampler.views(ite.rng) for _ in range(60)]))
    drawn = {round(float(a), 1) for a in yaw.view(60, 2)[:, 0]}
    assert drawn == {-34.4, -28.6, -22.9}
    wanted = torch.tensor([22.46, 18.56, 14.73, 10.98, 7.31, 3.65, 0.0, -3.65, -7.31])
    assert float((pitch[:, None] - wanted).abs().amin(dim=1).max()) < 0.06
    assert float(ite.sampler.views(ite.rng)[0, 16]) == pytest.approx(4.4652)


def test_delta_is_the_mean_length_of_unit_differences(parts):
    ite = make(parts)
    draw = ite.sampler.draw(ite.rng)
    made = ite.untrained(draw)
    clip = ite.clips[0]
    front = render_each(ite.g_o, draw.ws, ite.front)[0].image
    gaps = [
        (clip.encode_image(render.image) - clip.encode_image(front)).norm(dim=-1).mean()
        for render in render_each(ite.g_s, draw.ws, draw.views)
    ]
    deltas = mean_distances("l2_unit", made.style_embedding, made.source_embedding)
    assert deltas[0] == pytest.approx(float(torch.stack(gaps).mean()), rel=1e-4)


def test_matched_source_view_shows_the_same_camera(parts):
    ite = make(parts, source_view="matched")
    draw = ite.sampler.draw(ite.rng)
    source = ite.untrained(draw).source_embedding
    renders = render_each(ite.g_o, draw.ws, draw.views)
    same = [[clip.embed_image(render.image) for clip in ite.clips] for render in renders]
    for one, two in zip(source, same, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert mean_distances("l2_unit", same, source) == pytest.approx([0.0, 0.0], abs=1e-5)


def test_calibrated_tau_lies_between_start_and_style_picture(parts):
    generator, portrait, _, clips = parts
    taus = []
    for rho in (1e-6, 0.5, 1.0):
        target = copy_for_training(generator, ("decoder",))
        rng = torch.Generator().manual_seed(3)
        ite = ITE(generator, generator, target, portrait.ws, "hat", clips, ITEConfig(calibrate=rho), rng,
                  portrait)  # fmt: skip
        taus.append(ite.calibrated)
    for start, half, goal in zip(*taus, strict=True):
        assert half == pytest.approx((start + goal) / 2, rel=1e-3)


def test_schedule_follows_ratio_and_warmup():
    config = ITEConfig(steps=12, warmup=2, apt_per_round=1, ite_per_round=2)
    names = "".join(stage_of(config, index)[0] for index in range(12))
    assert names == "aa" + "aii" * 3 + "a"


def test_coupled_run_trains_both_and_freezes_the_source(parts):
    generator, portrait, perceptual, clips = parts
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    result = couple(generator, portrait, "glasses", clips, ITEConfig(steps=4), perceptual=perceptual)
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
    assert not same_weights(result.style, generator) and not same_weights(result.target, generator)
    assert not same_weights(result.style, result.target)
    ite = [record for record in result.history if record.stage == "ite"]
    assert len(ite) == 2 and all(len(record.views) == 3 for record in ite)
    assert all(record.delta and record.tau and record.draw and record.rng for record in ite)


def test_target_may_begin_as_the_style_of_the_warmup(parts):
    """The hand-over comes after the first APT step past the warm-up; lr 0 keeps what was handed over."""
    generator, portrait, perceptual, clips = parts
    run = {"steps": 4, "warmup": 2, "lr": 0.0, "views": 1, "batch": 1, "templates": False}
    for begin, of_style in (("style", True), ("source", False)):
        config = ITEConfig(target_start=begin, **run)
        made = couple(generator, portrait, "glasses", clips, config, perceptual=perceptual)
        assert same_weights(made.target, made.style) == of_style
        assert same_weights(made.target, generator) != of_style


def test_only_the_beginning_of_style_layers_may_be_trained(parts):
    """The edit is then one shift of the style space, the same for every latent."""
    generator, _, _, clips = parts
    config = ITEConfig(steps=2, mode="text_only", modules=("synthesis",), trained="styles", lr=0.1)
    target = couple(generator, None, "glasses", clips, config).target
    before = generator.state_dict()
    moved = {name for name, value in target.state_dict().items() if not torch.equal(before[name], value)}
    assert moved and all(re.fullmatch(r"backbone\.synthesis\..*\.affine\.bias", name) for name in moved)


def test_an_offset_of_everybodys_latents_may_be_trained(parts):
    """G_t draws a latent as G_o draws it moved; the offset is read off the constants that it moved."""
    generator, portrait, _, clips = parts
    modules = ("synthesis", "superresolution")
    config = ITEConfig(steps=3, mode="text_only", modules=modules, trained="latents", lr=0.2, adaptive_k=4)
    target = couple(generator, None, "glasses", clips, config).target
    maps, shifts = defaultdict(list), defaultdict(list)
    for name, layer in generator.named_modules():
        if name.endswith("affine"):
            at = latent_of(f"{name}.bias", generator.num_ws)
            maps[at].append(layer.weight.detach() / math.sqrt(generator.w_dim))
            shifts[at].append((target.get_submodule(name).bias - layer.bias).detach())
    solved = [torch.linalg.pinv(torch.cat(maps[at])) @ torch.cat(shifts[at]) for at in sorted(maps)]
    offset = torch.stack(solved)
    assert offset.norm() > 0.1
    moved = generator.synthesis(portrait.ws + offset, portrait.camera).image
    assert torch.allclose(target.synthesis(portrait.ws, portrait.camera).image, moved, atol=1e-4)
    assert not torch.allclose(generator.synthesis(portrait.ws, portrait.camera).image, moved, atol=1e-2)


def test_what_has_no_style_layers_has_no_latents(parts):
    generator, _, _, clips = parts
    config = ITEConfig(steps=1, mode="text_only", modules=("decoder",), trained="latents")
    with pytest.raises(ITPortraitError, match=r"latents of decoder alone trains nothing.*add synthesis"):
        couple(generator, None, "glasses", clips, config)


def test_step_size_falls_at_the_end(parts):
    rates = [make(parts, steps=8, rampdown=0.5, views=1).step(index).lr for index in (0, 4, 6, 7)]
    assert rates[0] == rates[1] == ITEConfig().lr and rates[1] > rates[2] > rates[3] > 0


def test_background_counts_where_nothing_is(parts, monkeypatch):
    """White empty space costs nothing, grey one its squared distance; the head itself never counts."""
    image, opacity = torch.ones(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    opacity[..., :4] = 1.0
    image[..., :4] = -1.0
    assert background_difference(SimpleNamespace(image=image, image_weights=opacity)) == 0
    image[..., 6:] = 0.5
    found = background_difference(SimpleNamespace(image=image, image_weights=opacity))
    assert found == pytest.approx(0.25 * 2 / 3)  # two columns of the three that do not touch the head
    monkeypatch.setattr(background, "EMPTY", 2.0)  # the tiny generator's heads fill the picture
    plain = make(parts, views=1).step(0).losses["ite"]
    assert make(parts, views=1, background=10.0).step(0).losses["ite"] > plain
    assert make(parts, views=1, empty=10.0).step(0).losses["ite"] > plain


def test_colours_cost_beside_a_grey_picture(parts):
    """They do where the picture is part of the run; beside a colourful one, or without one, none is asked."""
    generator, portrait, _, clips = parts

    def cost(picture, style=generator, **changes) -> float:
        config = ITEConfig(views=1, **changes)
        target = copy_for_training(tiny_generator(9), config.modules)
        rng = torch.Generator().manual_seed(3)
        person = None if picture is None else replace(portrait, image=picture)
        ite = ITE(generator, style, target, portrait.ws, "glasses", clips, config, rng, person)
        return ite.step(0).losses["ite"]

    grey, bright = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    bright[:, 2] = -1.0
    plain = cost(grey)
    assert cost(grey, colour=10.0) > plain
    assert cost(bright, colour=10.0) == cost(None, colour=10.0) == plain
    assert cost(grey, style=None, colour=10.0) == cost(grey, style=None)


def test_people_may_be_asked_to_stay_as_they_were_before_the_text(parts):
    """As G_s draws them, or G_o without a style: drawn so, they cost nothing, and other people do."""
    generator, portrait, perceptual, clips = parts

    def cost(style, begins, **changes) -> float:
        config = ITEConfig(views=2, batch=1, **changes)
        target, rng = copy_for_training(begins, config.modules), torch.Generator().manual_seed(3)
        ite = ITE(generator, style, target, portrait.ws, "hat", clips, config, rng, perceptual=perceptual)
        return ite.step(0).losses["ite"]

    styled = tiny_generator(7)
    for style, same, other in ((styled, styled, generator), (None, generator, styled)):
        for view in ("matched", "canonical"):
            assert cost(style, same, likeness=5.0, source_view=view) == cost(style, same, source_view=view)
            more = cost(style, other, likeness=5.0, source_view=view) - cost(style, other, source_view=view)
            assert more > 0.01


def test_likeness_holds_back_what_the_text_does(parts):
    """The same run ends nearer to its beginning, repeats exactly, and needs no style."""
    generator, portrait, perceptual, clips = parts

    def moved(**changes) -> torch.Tensor:
        config = ITEConfig(steps=4, mode="text_only", views=1, lr=0.01, **changes)
        target = couple(generator, None, "glasses", clips, config, perceptual=perceptual).target
        before = generator.synthesis(portrait.ws, portrait.camera).image
        return perceptual(target.synthesis(portrait.ws, portrait.camera).image, before)

    held = moved(likeness=10.0)
    assert held < 0.8 * moved() and torch.equal(held, moved(likeness=10.0))


def test_the_texts_way_may_begin_at_the_style(parts):
    """Where G_t still draws what G_s draws, nothing has gone the text's way yet, however strong the style."""
    ite = make(parts, text_origin="style")
    seen, source = torch.randn(2, 1, 3, 16, 16, generator=torch.Generator().manual_seed(5)).clamp(-1, 1)
    style, origin = ([clip.embed_image(x) for clip in ite.clips] for x in (seen, source))
    told: dict[str, float] = {}
    ite.loss(style, origin, style, [0.0, 0.0], told)
    assert told["text"] == pytest.approx(len(ite.clips), abs=1e-3)  # 1 - cosine of no direction at all
    ite.config = ite.config.replace(text_origin="source")
    from_source: dict[str, float] = {}
    ite.loss(style, origin, style, [0.0, 0.0], from_source)
    assert abs(from_source["text"] - len(ite.clips)) > 0.01 and from_source["image"] == told["image"]


@pytest.mark.parametrize("length", [0.0, 0.4])
def test_the_text_may_ask_for_a_length(parts, length):
    """Of a direction alone a hint is as good as the whole way; of a length it is worth its share."""
    ite = make(parts, min_text_distance=length)
    seen, source = torch.rand(2, 1, 3, 16, 16, generator=torch.Generator().manual_seed(5)) * 2 - 1
    told = []
    for picture in (source + 0.01 * (seen - source), seen):
        origin, losses = [clip.embed_image(source) for clip in ite.clips], {}
        ite.loss([clip.embed_image(picture) for clip in ite.clips], origin, None, [0.0, 0.0], losses)
        told.append(abs(losses["text"] - len(ite.clips)))
    hint, whole = told
    assert hint > 0.3 * whole if length == 0 else hint < 0.2 * whole


def test_the_picture_may_look_past_the_text(parts):
    """Only the image loss changes, and only by what lies along the text."""
    plain, past = (make(parts, image_text_orthogonality=share).step(0).losses for share in (0.0, 1.0))
    assert past["text"] == plain["text"] and abs(past["image"] - plain["image"]) > 1e-4


def test_text_only_never_renders_a_style(parts):
    generator, _, _, clips = parts
    result = couple(generator, None, "glasses", clips, ITEConfig(steps=2, mode="text_only"))
    assert result.style is None and not same_weights(result.target, generator)
    assert all("image" not in record.losses for record in result.history)


def test_image_only_returns_the_style(parts):
    generator, portrait, perceptual, _ = parts
    result = couple(generator, portrait, config=ITEConfig(steps=2, mode="image_only"), perceptual=perceptual)
    assert result.target is result.style


@pytest.mark.parametrize("gate", ["soft", "bisector", "joint"])
def test_other_gates_run(parts, gate):
    generator, portrait, perceptual, clips = parts
    config = ITEConfig(steps=2, gate=gate)
    result = couple(generator, portrait, "hat", clips[:1], config, perceptual=perceptual)
    assert torch.isfinite(torch.tensor(result.history[1].losses["ite"]))


@pytest.mark.parametrize(
    ("changes", "text", "message"),
    [({}, "  ", "needs a text"), ({"warmup": 5, "steps": 4}, "hat", "warm-up")],
)
def test_bad_input_is_refused_in_words(parts, changes, text, message):
    generator, portrait, perceptual, clips = parts
    with pytest.raises(ITPortraitError, match=message):
        couple(generator, portrait, text, clips, ITEConfig(**changes), perceptual=perceptual)
    with pytest.raises(ITPortraitError, match="needs a style portrait"):
        couple(generator, None, "hat", clips, ITEConfig(), perceptual=perceptual)

"""Presets that restate other methods run, and their mechanisms do what their papers' equations say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import itportrait_core as itp
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.directions import direction
from itportrait_core.guidance.domain_gap import FLOOR, DomainGap
from itportrait_core.guidance.patches import PatchDirection, draw_patches, rejected, take_patches
from itportrait_core.methods.configs import RESTATED, APTConfig, ITEConfig, methods_of, preset
from itportrait_core.methods.couple.adaptive_layers import TextLayers
from itportrait_core.methods.couple.ite import ITE
from itportrait_core.methods.shared.config import map_layers
from itportrait_core.methods.shared.shared_planes import SharedPlanes
from itportrait_core.methods.shared.terms import TERMS, Reference, View
from itportrait_core.methods.shared.trainable import copy_for_training, trained_parameters
from itportrait_core.methods.stylize.style_mix import mix_style
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.families import family_of
from itportrait_core.networks.generator3d import RenderOutput
from itportrait_core.rendering import cameras
from tests.core.tiny import (
    same_weights,
    tiny_apt,
    tiny_clip,
    tiny_generator,
    tiny_perceptual,
    tiny_portrait,
)


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual(), tiny_clip()


def run(name: str, parts):
    """Two steps of a preset."""
    generator, portrait, perceptual, clip = parts
    (method,) = methods_of(name)
    config = preset(method, name)
    if method == "blend":
        return itp.blend(generator, [tiny_generator(7)], config)
    if method == "apt":
        config = config.replace(steps=2)
        return itp.stylize(generator, portrait, config, clip=clip, perceptual=perceptual)
    config = config.replace(steps=2, patches=3)
    return itp.couple(generator, None, "marble", clip, config, perceptual=perceptual).target


@pytest.mark.parametrize("name", RESTATED)
def test_a_preset_runs_repeats_and_moves_what_its_method_trains(name, parts):
    generator, made = parts[0], run(name, parts)
    assert same_weights(made, run(name, parts)) and not same_weights(made, generator)
    changed = {k for k, v in made.state_dict().items() if not torch.equal(v, generator.state_dict()[k])}
    assert not any("mapping" in key for key in changed)
    if name == "3d_adapter":
        assert {key.split(".")[0] for key in changed} == {"decoder", "superresolution"}
        ws = parts[1].ws
        assert torch.equal(made.planes(ws), generator.planes(ws)), "planes are shared with the base"
    if name == "stylegan_nada":
        assert changed and not any("affine" in key or "torgb" in key for key in changed)
        assert not any(key.startswith("decoder") for key in changed)
    if name == "toonify":
        assert all(key.startswith("backbone.synthesis") and "torgb" not in key for key in changed)


def test_the_preset_of_a_method_records_its_terms(parts):
    generator, portrait, perceptual, clip = parts
    gap = itp.stylize(
        generator, portrait, preset("apt", "mind_the_gap").replace(steps=1), clip=clip, perceptual=perceptual
    )
    assert {"l2", "lpips", "clip_reference", "clip_across", "clip_within"} <= set(gap.history[0].losses)
    patch = itp.couple(
        generator, None, "marble", clip, preset("ite", "clipstyler").replace(steps=1, patches=2),
        perceptual=perceptual,
    )  # fmt: skip
    assert {"text", "patch", "likeness"} <= set(patch.history[0].losses)


@pytest.mark.parametrize("ray_chunk", [0, 7])
@pytest.mark.parametrize("adaptive_k", [0, 2])
def test_planes_that_nobody_trains_are_made_once_and_change_nothing(
    parts, monkeypatch, ray_chunk, adaptive_k
):
    """The same weights but for rounding, in fewer passes; a trained backbone shares none, bit for bit."""
    generator, portrait, perceptual, clip = parts
    passes, inner = [], EG3DGenerator.planes
    monkeypatch.setattr(EG3DGenerator, "planes", lambda self, ws: passes.append(1) or inner(self, ws))

    def trained(*modules, share_planes):
        passes.clear()
        same = {
            "modules": modules, "ray_chunk": ray_chunk, "adaptive_k": adaptive_k, "share_planes": share_planes
        }  # fmt: skip
        config = ITEConfig(steps=2, views=1, batch=1, source_view="matched", depth=0.1, **same)
        config = config.replace(apt={**same, "shape": 1.0, "depth": 1.0})
        made = itp.couple(generator, portrait, "hat", clip, config, perceptual=perceptual)
        return made, len(passes)

    (shared, few), (apart, many) = (
        trained("decoder", "superresolution", share_planes=share) for share in (True, False)
    )
    assert few < many
    for one, other in ((shared.target, apart.target), (shared.style, apart.style)):
        for name, value in one.state_dict().items():
            assert torch.allclose(value, other.state_dict()[name], atol=1e-5), name
    (asked, same), (plain, count) = (trained("synthesis", share_planes=share) for share in (True, False))
    assert same == count and same_weights(asked.target, plain.target)
    assert SharedPlanes(generator, tiny_generator(7)).generator is None, "other backbones"
    assert SharedPlanes(generator).generator is None, "nobody to share with"


def test_patches_lie_in_the_picture_and_show_it():
    """A picture whose colours are its own coordinates tells where each patch was read."""
    rng = torch.Generator().manual_seed(0)
    line = (torch.arange(64) * 2 + 1) / 64 - 1
    image = torch.stack([line.expand(64, 64), line[:, None].expand(64, 64), torch.zeros(64, 64)])[None]
    maps = draw_patches(40, 0.25, rng)
    read = take_patches(image, maps, 8)
    assert read.shape == (40, 3, 8, 8)
    width = read[:, 0].flatten(1).amax(1) - read[:, 0].flatten(1).amin(1)
    assert width.min() > 0.2 and width.max() < 0.5 and width.std() > 0.02, "a quarter, seen aslant"
    centre = read[:, :2, 3:5, 3:5].mean((2, 3))
    assert centre.abs().max() < 0.8 and centre.std(dim=0).min() > 0.3, "everywhere in the picture"
    assert torch.equal(maps, draw_patches(40, 0.25, torch.Generator().manual_seed(0)))
    both = take_patches(torch.cat([image, -image]), maps[:5], 8)
    assert torch.allclose(both[:5], -both[5:]) and torch.allclose(both[:5], read[:5])


def test_terms_compare_the_untrained_picture_with_the_trained_one():
    """Each in its place: of what was drawn before, then of what is drawn now."""
    before, after = (RenderOutput(*[torch.full((1, 1), x)] * 4) for x in (1.0, 2.0))

    class Gap:
        """Stands for the gap of two domains."""

        across = within = staticmethod(lambda first, second: 10 * first + second)
        likeness = staticmethod(lambda image: image)

    reference = Reference(domain_gap=Gap(), patch_direction=Gap.across)
    values = {
        name: float(TERMS[name].fn(View(after, before), reference))
        for name in ("patch", "clip_across", "clip_within", "clip_reference")
    }
    assert values == {"patch": 12.0, "clip_across": 12.0, "clip_within": 12.0, "clip_reference": 2.0}


def test_patches_that_say_the_text_already_are_left():
    assert rejected(torch.tensor([0.2, 0.7, 0.71, 1.5]), 0.7).tolist() == pytest.approx([0, 0, 0.71, 1.5])


def test_the_patch_loss_is_its_equation():
    """The mean over patches of R(1 - cos(E(patch) - E(source), text), tau), by hand."""
    clip, rng = tiny_clip(), torch.Generator().manual_seed(4)
    before, after = torch.rand(2, 2, 3, 16, 16, generator=rng) * 2 - 1
    text = F.normalize(torch.randn(16, generator=rng), dim=0)
    for least in (0.0, 1.0):
        loss = PatchDirection([clip], [text], 5, 0.5, least)
        value = loss.loss(before, after, torch.Generator().manual_seed(8))
        maps, total = draw_patches(5, 0.5, torch.Generator().manual_seed(8)), []
        for person in range(2):
            source = clip.embed_image(before[person : person + 1])
            for one in maps:
                patch = take_patches(after[person : person + 1], one[None], 16)
                moved = direction(clip.embed_image(patch), source)
                distance = 1 - float(F.cosine_similarity(moved, text[None]))
                total.append(distance if distance > least else 0.0)
        assert float(value) == pytest.approx(sum(total) / 10, abs=1e-4)
        assert (0.0 in total) == (least > 0)


def test_the_domain_gap_is_its_equations(parts):
    """Nobody crosses it at first; the picture's own person crosses it wholly, and is then its likeness."""
    clip, rng = parts[3], torch.Generator().manual_seed(4)
    pictures = torch.rand(4, 1, 3, 16, 16, generator=rng) * 2 - 1
    style, twin, before, after = pictures.unbind()
    a, b, c, d = (clip.encode_image(one) for one in pictures)
    gap = DomainGap([clip], [style], [twin])

    def distance(moved: torch.Tensor, wanted: torch.Tensor) -> float:
        length = (moved.square().sum() + FLOOR**2).sqrt()
        return 1 - float((moved * F.normalize(wanted, dim=-1)).sum() / length)

    assert float(gap.likeness(style)) == pytest.approx(0, abs=1e-5)
    assert float(gap.likeness(twin)) == pytest.approx(1 - float((a * b).sum()), abs=1e-5)
    assert float(gap.across(before, before)) == pytest.approx(1, abs=1e-5)
    assert float(gap.across(before, after)) == pytest.approx(distance(d - c, a - b), abs=1e-4)
    assert float(gap.across(twin, style)) == pytest.approx(distance(a - b, a - b), abs=1e-4)
    assert float(gap.within(before, after)) == pytest.approx(distance(d - a, c - b), abs=1e-4)
    twice = DomainGap([clip, clip], [style, twin], [twin, style])
    assert float(twice.likeness(style)) > float(gap.likeness(style)), "a sum over models, of the mean style"


def test_only_convolutions_of_the_layers_that_a_text_speaks_to_are_trained(parts):
    generator, _, _, clip = parts
    config = ITEConfig(
        views=1, batch=1, mode="text_only", adaptive_k=2, adaptive_loss="text", trained="convolutions"
    )
    target = copy_for_training(generator, config.modules, config.trained)
    names = set(trained_parameters(target))
    assert any("conv0.weight" in name for name in names) and any("decoder" in name for name in names)
    assert not any("affine" in name or "torgb" in name for name in names)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    ite = ITE(
        generator, None, target, parts[1].ws, "marble", [clip], config, torch.Generator().manual_seed(2)
    )
    layers = TextLayers([clip], "marble", templates=True)
    rng = torch.Generator().manual_seed(2)
    draw = ite.sampler.draw(rng)
    pull = layers.gradient(target, draw.views[:1], rng).abs().mean(dim=(0, 2))
    assert pull.shape == (8,) and bool((pull > 0).all())
    ite.rng.manual_seed(2)
    ite.step(0)
    latent_of = family_of(generator).names.latent_of
    moved = {name for name, value in target.state_dict().items() if not torch.equal(value, before[name])}
    at = {latent_of(name, 8) for name in moved} - {None}
    assert at and at <= set(pull.topk(2).indices.tolist())


def test_a_mixed_style_is_the_mixed_latent():
    """Pictures of the changed weights at w are those of the old weights at (1 - a) w + a w_ref."""
    generator, rng = tiny_generator(), torch.Generator().manual_seed(1)
    ws, own = torch.randn(2, 1, 8, 12, generator=rng).unbind()
    layers = map_layers(APTConfig().layers, 14, 8)
    mixed = own.clone()
    mixed[:, layers] = 0.7 * own[:, layers] + 0.3 * ws[:, layers]
    made = mix_style(tiny_generator(), ws, layers, 0.3)
    camera = cameras.front()
    after, wanted = made.synthesis(own, camera).image, generator.synthesis(mixed, camera).image
    assert torch.allclose(after, wanted, atol=1e-4)
    assert not torch.allclose(after, generator.synthesis(own, camera).image, atol=1e-2)


def test_a_style_is_mixed_in_after_training_and_never_in_a_coupled_run(parts):
    generator, portrait, perceptual, clip = parts
    plain, mixed = (
        itp.stylize(generator, portrait, APTConfig(steps=1, style_mix=share), perceptual=perceptual)
        for share in (0.0, 0.5)
    )
    layers = map_layers(APTConfig().layers, 14, 8)
    assert not same_weights(plain, mixed) and same_weights(mix_style(plain, portrait.ws, layers, 0.5), mixed)
    with pytest.raises(ITPortraitError, match=r"style_mix is 0\.5"):
        config = ITEConfig(steps=2).replace(apt={"style_mix": 0.5})
        itp.couple(generator, portrait, "hat", clip, config, perceptual=perceptual)


def test_clip_is_asked_only_where_a_term_wants_it(parts):
    assert not APTConfig().asks_clip
    for name in ("clip", "clip_across", "clip_within", "clip_reference"):
        assert APTConfig(**{name: 0.1}).asks_clip
        assert tiny_apt(*parts[:3], [parts[3]], **{name: 0.1}).clips
    assert not tiny_apt(*parts[:3], [parts[3]]).clips

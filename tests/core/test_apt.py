"""APT (Eq. 5-6): which layers are replaced, what is trained, what stays."""

from __future__ import annotations

import pytest
import torch

import itportrait_core as itp
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.configs import APTConfig
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.run import KeepBest
from itportrait_core.methods.stylize.apt import APT, stylize
from itportrait_core.methods.stylize.start import start_of
from itportrait_core.networks.eg3d.names import NAMES, latent_of
from tests.core.tiny import same_weights, tiny_apt, tiny_generator, tiny_perceptual, tiny_portrait


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual()


def make(parts, **changes) -> APT:
    return tiny_apt(*parts, **changes)


def test_several_pictures_take_turns_and_one_is_as_before():
    """What two pictures share; a list of one is bit-equal to that one."""
    generator, perceptual = tiny_generator(), tiny_perceptual()
    one, two = tiny_portrait(generator), sample_portrait(generator, 5)
    config = APTConfig(steps=4)
    alone = stylize(generator, one, config, perceptual=perceptual)
    assert same_weights(stylize(generator, [one], config, perceptual=perceptual), alone)
    both = stylize(generator, [one, two], config, perceptual=perceptual)
    assert not same_weights(both, alone)
    apt = APT(generator, alone.requires_grad_(True), one, config, perceptual, torch.Generator(), (), [two])
    records = [apt.step(index) for index in range(4)]
    assert len(apt.references) == 2 and records[0].losses["lpips"] != records[1].losses["lpips"]


def test_no_picture_and_too_many_are_refused():
    generator = tiny_generator()
    for portraits in ([], [tiny_portrait(generator)] * 17):
        with pytest.raises(ITPortraitError, match="give 1 to 16"):
            stylize(generator, portraits, APTConfig(steps=1), perceptual=tiny_perceptual())


def test_the_start_of_several_pictures_is_the_style_of_their_mean_code():
    generator = itp.load_generator("pocket")
    portraits = [sample_portrait(generator, seed) for seed in (1, 2)]
    start = start_of(generator, portraits, APTConfig(start="prior"))
    prior = itp.load_style_prior("pocket")
    code = torch.stack([prior.code(one.image) for one in portraits]).mean(dim=0)
    for name, weight in prior.weights(dict(generator.named_parameters()), code).items():
        assert torch.allclose(dict(start.named_parameters())[name], weight, atol=1e-5), name


def test_only_the_last_five_layers_are_replaced(parts):
    apt = make(parts)
    moved = (apt.perturbed() - parts[1].ws).abs().amax(dim=(0, 2)) > 0
    assert moved.tolist() == [False] * 3 + [True] * 5  # 8 latents, counted from the end


def test_released_layers_fall_off_the_front_of_a_small_network(parts):
    assert make(parts, layers=(7, 8, 9, 10, 11, 12, 13)).layers == [1, 2, 3, 4, 5, 6, 7]


def test_beta_one_is_no_perturbation(parts):
    ws = make(parts, beta=1.0, batch=2).perturbed()
    assert torch.allclose(ws, parts[1].ws.expand_as(ws), atol=1e-7)


def test_all_perturbed_layers_share_one_fresh_vector(parts):
    ws = make(parts).perturbed()[0, 3:]
    assert torch.equal(ws, ws[:1].expand_as(ws))


def test_only_selected_modules_change_and_the_original_stays(parts):
    generator, portrait, perceptual = parts
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    config = APTConfig(steps=2, modules=("synthesis", "superresolution"))
    style = stylize(generator, portrait, config, perceptual=perceptual)
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
    after = style.state_dict()
    changed = {NAMES.part_of(name) for name, value in after.items() if not torch.equal(before[name], value)}
    assert changed == {"synthesis", "superresolution"}
    assert not any(p.requires_grad for p in style.parameters())


def test_loss_falls_when_the_portrait_is_its_own_target(parts):
    generator, portrait, perceptual = parts
    style = stylize(generator, portrait, APTConfig(steps=25, beta=1.0, lr=0.01), perceptual=perceptual)
    curve = [value for _, value in style.history.column("lpips")]
    assert curve[-1] < 0.9 * curve[0]


def test_same_seed_same_bytes_and_another_seed_another_style(parts):
    generator, portrait, perceptual = parts
    configs = [APTConfig(steps=3, seed=seed) for seed in (4, 4, 5)]
    one, two, other = (stylize(generator, portrait, config, perceptual=perceptual) for config in configs)
    assert same_weights(one, two) and not same_weights(one, other)


def test_the_global_rng_is_left_alone(parts):
    generator, portrait, perceptual = parts
    torch.manual_seed(0)
    before = torch.get_rng_state()
    stylize(generator, portrait, APTConfig(steps=2), perceptual=perceptual)
    assert torch.equal(torch.get_rng_state(), before)


def test_cancel_passes_the_error_on_and_leaves_inputs_untouched(parts):
    generator, portrait, perceptual = parts
    before = {name: value.clone() for name, value in generator.state_dict().items()}

    def cancel(step, total, info):
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize(generator, portrait, APTConfig(steps=9), cancel, perceptual=perceptual)
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


def test_stop_and_keep_equals_a_shorter_run(parts):
    generator, portrait, perceptual = parts

    def stop(step, total, info):
        return KeepBest if step == 2 else None

    kept = stylize(generator, portrait, APTConfig(steps=9), stop, perceptual=perceptual)
    assert same_weights(kept, stylize(generator, portrait, APTConfig(steps=3), perceptual=perceptual))


def test_lineage_names_base_picture_settings_and_history(parts):
    generator, portrait, perceptual = parts
    style = stylize(generator, portrait, APTConfig(steps=2), perceptual=perceptual)
    lineage = style.lineage
    assert len(lineage["base_hash"]) == len(lineage["style_image_hash"]) == 64
    assert lineage["settings"] == APTConfig(steps=2).to_dict()
    assert [entry["stage"] for entry in lineage["history"]] == ["apt", "apt"]


def test_adaptive_choice_trains_only_the_strongest_layers(parts):
    generator = parts[0]
    apt = make(parts, adaptive_k=2)
    apt.step(0)
    layers = {
        latent_of(name, generator.num_ws)
        for (name, old), new in zip(generator.named_parameters(), apt.g_s.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert len(layers - {None}) <= 2


def test_latent_layers_follow_the_map_of_the_spec():
    """The table in docs/method.md#latent-layers."""
    wanted = {
        "backbone.synthesis.b4.const": 0,
        "backbone.synthesis.b4.conv1.weight": 0,
        "backbone.synthesis.b4.torgb.affine.weight": 1,
        "backbone.synthesis.b8.conv0.weight": 1,
        "backbone.synthesis.b8.conv1.bias": 2,
        "backbone.synthesis.b64.conv1.weight": 8,
        "backbone.synthesis.b256.conv0.weight": 11,
        "backbone.synthesis.b256.torgb.weight": 13,
        "superresolution.block0.conv0.weight": 13,
        "decoder.net.0.weight": None,
        "backbone.mapping.fc0.weight": None,
    }
    assert {name: latent_of(name, 14) for name in wanted} == wanted


def test_a_portrait_of_another_generator_is_refused(parts):
    generator, portrait, perceptual = parts
    wrong = Portrait(ws=torch.zeros(1, 14, 12), camera=portrait.camera, image=portrait.image)
    with pytest.raises(ITPortraitError, match="14 latent layers"):
        stylize(generator, wrong, APTConfig(steps=1), perceptual=perceptual)


def test_unknown_modules_are_refused(parts):
    with pytest.raises(ITPortraitError, match="mapping"):
        make(parts, modules=("mapping",))


def test_runs_under_inference_mode(parts):
    """ComfyUI executes nodes in inference mode; generators and portraits may have been made in it."""
    perceptual = parts[2]
    with torch.inference_mode():
        generator = tiny_generator()
        portrait = tiny_portrait(generator)
        style = stylize(generator, portrait, APTConfig(steps=1), perceptual=perceptual)
    assert not any(p.is_inference() for p in style.parameters())
    assert not same_weights(generator, style)

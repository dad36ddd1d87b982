"""Settings: presets say what the paper and the release say, ranges hold, nothing heavy is imported."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from itportrait_core.checkpoints.format import load_generator
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.configs import (
    PRESETS,
    RESTATED,
    APTConfig,
    BlendConfig,
    InversionConfig,
    ITEConfig,
    TuningConfig,
    about,
    map_layers,
    methods_of,
    preset,
    suited,
)

METHODS = {"inversion": InversionConfig, "apt": APTConfig, "ite": ITEConfig, "tuning": TuningConfig}
EVERY = [(method, name) for name in PRESETS for method in methods_of(name)]


def test_defaults_are_the_paper_preset():
    assert all(preset(name) == preset(name, "paper") == kind() for name, kind in METHODS.items())


def test_paper_preset_says_what_the_paper_says():
    """Paper 4.1, 4.2 and 5.1."""
    ite, apt, inversion = preset("ite"), preset("apt"), preset("inversion")
    assert (ite.tau, ite.xi, ite.views, ite.yaw, ite.pitch) == (0.7, 50, 3, (-50.0, 50.0), (-30.0, 30.0))
    assert (ite.steps, ite.batch, ite.lr, ite.gate, ite.source_view) == (400, 2, 0.002, "hard", "canonical")
    assert apt.layers == (9, 10, 11, 12, 13) and 0.0 <= apt.beta <= 0.2 and apt.lr == 0.002
    assert apt.modules == ite.modules == ("synthesis", "superresolution", "decoder")
    assert inversion.alpha == 0.2 and inversion.twin_layers == (12, 13, 14, 15, 16, 17)
    assert (inversion.pose_init, inversion.space) == ("twin", "W+")


def test_released_preset_says_what_the_release_does():
    """What docs/method.md#presets says of the release."""
    ite, apt = preset("ite", "released"), preset("apt", "released")
    assert (ite.tau, ite.xi, ite.xi_strict, ite.gate) == (0.65, 35, True, "bisector")
    assert (ite.gate_scope, ite.views, ite.focal, ite.steps) == ("per_model", 2, 4.4652, 401)
    assert (ite.lr, ite.betas, ite.antialias) == (0.0016, (0.0, 0.9919919), False)
    assert "decoder" not in ite.modules and "decoder" not in apt.modules
    assert apt.layers == tuple(range(7, 14)) and ite.apt == apt


@pytest.mark.parametrize(("method", "name"), EVERY)
def test_every_preset_survives_json(method, name):
    config = preset(method, name)
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("kind", [*METHODS.values(), BlendConfig])
def test_every_field_says_what_it_means(kind):
    for item in dataclasses.fields(kind):
        assert item.metadata.get("about"), item.name


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (ITEConfig, {"xi": 101}),
        (ITEConfig, {"xi": 50.5}),
        (ITEConfig, {"tau": float("nan")}),
        (ITEConfig, {"gate": "open"}),
        (APTConfig, {"steps": 0}),
        (APTConfig, {"beta": -0.1}),
        (InversionConfig, {"restarts": True}),
        (InversionConfig, {"no_such_thing": 1}),
        (BlendConfig, {"shape": 2.1}),
    ],
)
def test_values_out_of_range_are_refused_by_name(kind, changes):
    with pytest.raises(ITPortraitError, match=next(iter(changes))):
        kind().replace(**changes)


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ITEConfig().tau = 0.1


def test_unknown_presets_are_refused():
    with pytest.raises(ITPortraitError, match="paper, released, recommended"):
        preset("apt", "best")


def test_restated_presets_say_what_their_papers_say():
    """Weights relative to each other, what is trained and from where is compared (docs/method.md)."""
    nada, styler = preset("ite", "stylegan_nada"), preset("ite", "clipstyler")
    assert (nada.mode, nada.source_view, nada.batch, nada.views) == ("text_only", "matched", 2, 1)
    assert (nada.trained, nada.adaptive_loss, nada.adaptive_k) == ("convolutions", "text", 9)
    assert nada.lr == 0.002 and nada.templates and nada.weights() == {}
    assert styler.weights() == {"patch": 9000 / 500, "likeness": 150 / 500}
    assert (styler.patches, styler.patch_side, styler.patch_reject) == (64, 128 / 512, 0.7)
    assert (styler.mode, styler.source_view, styler.steps, styler.lr) == ("text_only", "matched", 200, 5e-4)
    assert all(run.keep_weight == 0 and run.pivot_layers == () for run in (nada, styler)), "fresh people"
    gap, jojo, adapter = (preset("apt", name) for name in ("mind_the_gap", "jojogan", "3d_adapter"))
    weights = {"l2": 10, "lpips": 10, "clip_across": 1, "clip_within": 0.5, "clip_reference": 30}
    assert gap.weights() == weights and (gap.beta, gap.steps) == (1.0, 600) and gap.style_mix > 0
    assert (
        jojo.layers == gap.layers == tuple(range(7, 14)) and jojo.beta == 0 and jojo.weights() == {"lpips": 1}
    )
    assert adapter.modules == ("superresolution", "decoder") and adapter.clip_across == 1
    toonify = preset("blend", "toonify")
    assert (toonify.shape, toonify.swap_at) == (1.0, 16)
    assert toonify.texture == toonify.decoder == toonify.superresolution == 0.0


@pytest.mark.parametrize("name", RESTATED)
def test_a_restated_method_says_where_it_is_from_and_what_it_is_not(name):
    """Source, equations, when to use it, differences; what it does not restate is refused by its name."""
    said = about(name)
    assert set(said) == {"name", "source", "equations", "use", "differs", "table1"} and all(said.values())
    assert 1 <= len(methods_of(name)) < len(methods_of("paper"))
    with pytest.raises(ITPortraitError, match=f"{name} says nothing of tuning"):
        preset("tuning", name)
    with pytest.raises(ITPortraitError, match="restates no other method"):
        about("paper")


def test_layers_are_counted_from_the_end():
    """The last five stay the last five, whatever the size (docs/method.md#latent-layers)."""
    assert map_layers((9, 10, 11, 12, 13), 14, 14) == [9, 10, 11, 12, 13]
    assert map_layers((9, 10, 11, 12, 13), 14, 12) == [7, 8, 9, 10, 11]
    assert map_layers((9, 10, 11, 12, 13), 14, 18) == [13, 14, 15, 16, 17]
    assert map_layers((12, 13, 14, 15, 16, 17), 18, 12) == [6, 7, 8, 9, 10, 11]
    assert map_layers((0, 1, 13), 14, 8) == [7]
    with pytest.raises(ITPortraitError, match="Layer 14"):
        map_layers((14,), 14, 14)


@pytest.mark.parametrize("name", METHODS)
def test_only_small_generators_scale_the_settings(name):
    config = preset(name)
    assert suited(type(config), SimpleNamespace(resolution=512)) == config
    small = suited(type(config), SimpleNamespace(resolution=128), prior=False)
    assert small.steps < config.steps
    if name == "ite":
        assert (small.tau, small.xi, small.gate, small.views) == (
            config.tau,
            config.xi,
            config.gate,
            config.views,
        )


def test_small_generators_have_steps_of_each_mode_and_apt_s_own():
    """A text alone takes fewer steps and asks for a smaller distance; APT's settings are the same in all."""
    small = SimpleNamespace(resolution=64)
    runs = {
        mode: suited(ITEConfig, small, mode, prior=False) for mode in ("coupled", "text_only", "image_only")
    }
    assert {mode: run.mode for mode, run in runs.items()} == {mode: mode for mode in runs}
    assert {mode: (run.steps, run.warmup) for mode, run in runs.items()} == {
        "coupled": (240, 120), "text_only": (80, 40), "image_only": (120, 60),
    }  # fmt: skip
    assert runs["text_only"].min_text_distance < runs["coupled"].min_text_distance
    assert runs["text_only"].likeness == 0.0 < runs["coupled"].likeness
    assert all(run.apt == suited(APTConfig, small, prior=False) for run in runs.values())


def test_old_names_of_settings_are_read():
    """Workflows and lineages of earlier versions hold them, also as changes to a preset."""
    config = ITEConfig.from_dict({"nudge": True, "text_length": 0.3, "image_beside_text": 0.5})
    assert (config.augment, config.min_text_distance, config.image_text_orthogonality) == (True, 0.3, 0.5)
    assert ITEConfig().replace(nudge=True) == ITEConfig(augment=True)


def test_another_number_of_steps_keeps_the_share_of_the_warmup():
    config = suited(ITEConfig, SimpleNamespace(resolution=128), prior=False)
    assert 0 < config.warmup < config.steps
    few = config.with_steps(10)
    assert few.steps == 10 and few.warmup == 10 * config.warmup // config.steps
    assert [config.with_steps(steps).warmup for steps in (1, 2, 3)] == [0, 0, 1]  # the last is an ITE step
    assert few.replace(steps=config.steps, warmup=config.warmup) == config


def test_what_follows_a_warm_up_ends_as_the_whole_run_does():
    config = ITEConfig(steps=200, warmup=120, rampdown=0.2)
    rest = config.after_warmup()
    assert (rest.steps, rest.warmup) == (80, 0)
    assert rest.rampdown * rest.steps == pytest.approx(config.rampdown * config.steps)
    assert config.replace(rampdown=0.9).after_warmup().rampdown == 1.0


def test_settings_load_no_torch():
    code = (
        "import sys, itportrait_core.methods.configs as c; c.preset('ite'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_changes_to_the_picture_steps_begin_from_what_is_set():
    ite, apt = preset("ite", "released"), preset("apt", "released")
    assert ite.replace(apt={"beta": 0.1}) == ite.replace(apt=apt.replace(beta=0.1))
    assert apt.replace(beta=0.1) != APTConfig(beta=0.1)
    with pytest.raises(ITPortraitError, match="apt is 5; give its settings by name"):
        ite.replace(apt=5)


def test_a_weight_of_0_leaves_its_term_out():
    """What it needs, another network or another render, is then not made."""
    assert APTConfig(lpips=0.5, clip=0.0, colour=2.0).weights() == {"lpips": 0.5, "colour": 2.0}


def test_a_generator_with_a_style_prior_begins_there_unless_it_is_asked_not_to():
    """The same weights, published way or prior's; a changed generator has no prior and never begins there."""
    generator = load_generator("pocket")
    known, published = (suited(APTConfig, generator, prior=prior) for prior in (True, False))
    assert (known.start, published.start) == ("prior", "original")
    assert known.steps < published.steps
    assert suited(ITEConfig, generator, "coupled").apt == known
    with torch.no_grad():
        generator.decoder.net[0].bias += 1e-3
    assert suited(APTConfig, generator) == published


def test_the_source_text_suits_the_people_of_a_generator() -> None:
    """Embedded people are drawn ones; the publication's generator draws photos."""
    from itportrait_core.methods.couple.config import source_text_for

    assert (source_text_for(128), source_text_for(512)) == ("a person", "photo")

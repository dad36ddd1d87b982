"""What a step needs of memory is told beforehand, and the fastest way that fits is taken."""

from __future__ import annotations

import pytest
import torch

import itportrait_core as itp
from benchmarks import cost
from itportrait_core.methods.shared import training
from itportrait_core.methods.shared.memory import Together
from itportrait_core.methods.shared.memory_plan import Load, needed, plan
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig
from tests.core.tiny import tiny_generator, tiny_perceptual, tiny_portrait

GB = 10**9
COUPLED = Load(people=2, views=3, trained=2)


@pytest.fixture(scope="module")
def full_size() -> EG3DGenerator:
    with torch.device("meta"):
        return EG3DGenerator(EG3DConfig(), seed=None)


def test_the_formula_tells_what_is_counted(full_size):
    """One person from one side; the coupled run is compared in test_cost.py."""
    full = cost.FullSize("paper")
    counted = cost.counted_step(full, "APT step").peak + full.moments()
    assert needed(full_size, Load(), Together()) / 1.1 == pytest.approx(counted, rel=0.12)


@pytest.mark.parametrize(
    ("free", "trained", "chunk"),
    [
        (80 * GB, True, 0),
        (24 * GB, True, 0),
        (8 * GB, False, 0),
        (4 * GB, False, 4096),
        (1 * GB, False, 1024),
    ],
)
def test_the_fastest_way_that_fits_is_taken(full_size, free, trained, chunk):
    found = plan(full_size, COUPLED, 0, free)
    assert (found.together.trained, found.ray_chunk) == (trained, chunk)
    assert found.needs <= free or chunk == 1024
    assert f"{free / GB:.1f} GB are free" in str(found) and f"{found.needs / GB:.1f} GB beside" in str(found)


def test_what_the_settings_say_of_rays_stays(full_size):
    found = plan(full_size, COUPLED, 2048, 80 * GB)
    assert found.ray_chunk == 2048 and not found.together.trained


def test_where_free_memory_is_unknown_nothing_is_changed(full_size):
    found = plan(full_size, COUPLED, 0, 0)
    assert (found.together, found.ray_chunk) == (Together(), 0) and "free" not in str(found)


def test_half_precision_needs_less(full_size):
    whole = needed(full_size, COUPLED, Together())
    full_size.superresolution.half = True
    assert needed(full_size, COUPLED, Together()) < 0.95 * whole
    full_size.superresolution.half = False


def test_a_run_says_what_it_needs_before_it_starts_and_follows_it(monkeypatch):
    """On a device that has some memory free, whatever it is."""
    generator, said = tiny_generator(), []
    monkeypatch.setattr(training, "free_bytes", lambda device: 10 * GB)

    def on_step(*_: object) -> None:
        assert len(said) == 1

    itp.pivotal_tune(
        generator, tiny_portrait(generator), itp.TuningConfig(steps=2, lpips_stop=0.0), on_step,
        perceptual=tiny_perceptual(), on_start=said.append,
    )  # fmt: skip
    assert "GB beside the networks, 10.0 GB are free" in said[0]

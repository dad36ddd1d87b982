"""Where memory runs out a run goes on with fewer rays at once, and comes to the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import itportrait_core as itp
from itportrait_core.methods.shared import memory
from itportrait_core.networks.eg3d import EG3DGenerator
from tests.core.tiny import tiny_generator, tiny_perceptual, tiny_portrait


@pytest.fixture
def small_card(monkeypatch):
    """A device that holds 16 rays of the training's renders (with gradients), and no more."""
    render = EG3DGenerator.render

    def limited(self: EG3DGenerator, *given: Any, ray_chunk: int | None = None, **options: Any) -> Any:
        if torch.is_grad_enabled() and (ray_chunk is None or ray_chunk > 16):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return render(self, *given, ray_chunk=ray_chunk, **options)

    monkeypatch.setattr(EG3DGenerator, "render", limited)


def tuned() -> torch.nn.Module:
    generator = tiny_generator()
    config = itp.TuningConfig(steps=3, lpips_stop=0.0)
    return itp.pivotal_tune(generator, tiny_portrait(generator), config, perceptual=tiny_perceptual())


def test_a_run_goes_on_and_comes_to_the_same_weights(monkeypatch, small_card, caplog):
    monkeypatch.setattr(memory, "RAY_CHUNKS", (32, 16))
    spared = tuned()
    assert [r.args for r in caplog.records if "out of memory" in r.message] == [(32,), (16,)]
    monkeypatch.undo()
    wanted = tuned().state_dict()
    for name, value in spared.state_dict().items():
        torch.testing.assert_close(value, wanted[name], atol=1e-5, rtol=1e-4)
    assert [r.rng for r in spared.history] == [r.rng for r in tuned().history]


def test_views_come_one_by_one_before_rays_are_spared(caplog):
    class Renderer:
        ray_chunk, together = 0, memory.Together(True, True)

    one, tried = Renderer(), []

    def step() -> str:
        tried.append((one.together.trained, one.together.frozen, one.ray_chunk))
        if len(tried) < 4:
            raise RuntimeError("CUDA error: out of memory")
        return "done"

    assert memory.with_less_memory(step, torch.Generator(), [one]) == "done"
    assert tried == [(True, True, 0), (False, True, 0), (False, False, 4096), (False, False, 1024)]
    assert "one view at a time" in caplog.text


def test_where_fewer_rays_do_not_help_the_error_passes(small_card):
    with pytest.raises(torch.OutOfMemoryError):
        tuned()


def test_other_errors_pass_at_once():
    calls = []

    def fails() -> None:
        calls.append(1)
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape"):
        memory.with_less_memory(fails, torch.Generator(), [])
    assert calls == [1]

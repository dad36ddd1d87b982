"""Pictures between ComfyUI and the core, and the preview's budget."""

from __future__ import annotations

import importlib
import sys
import types
from types import ModuleType
from typing import Any

import pytest
import torch


def module(pack: ModuleType, name: str) -> ModuleType:
    """One module of the pack's nodes."""
    return importlib.import_module(f"{pack.__name__}.nodes.{name}")


def test_pictures_survive_the_way_there_and_back(pack: ModuleType) -> None:
    """[0,1] channels last becomes [-1,1] channels first, and the same numbers come back."""
    images = module(pack, "images")
    picture = torch.rand(1, 24, 32, 3, generator=torch.Generator().manual_seed(0))
    inside = images.one_picture(picture, "The picture")
    assert inside.shape == (1, 3, 24, 32)
    assert inside.min() < -0.9 and inside.max() > 0.9
    assert torch.allclose(images.to_comfy(inside), picture, atol=1e-6)


def test_transparent_parts_turn_white(pack: ModuleType) -> None:
    """The fourth channel is laid over white, as the embedded family's background is."""
    picture = torch.zeros(1, 16, 16, 4)
    assert (module(pack, "images").one_picture(picture, "The picture") == 1).all()


def test_a_mask_cuts_away_and_no_hidden_colour_leaks_in(pack: ModuleType) -> None:
    """White of a MASK is gone, of any size; opacity and mask both count; the background is the asker's."""
    images = module(pack, "images")
    picture = torch.zeros(1, 16, 16, 3)
    picture[:, :, 8:] = 0.7  # what a cut-out PNG hides
    mask = torch.zeros(1, 32, 32)
    mask[:, :, 16:] = 1
    inside = images.one_picture(picture, "The picture", mask)
    assert (inside[..., 8:] == 1).all() and (inside[..., :8] == -1).all()
    black = images.one_picture(picture, "The picture", mask, background=0.0)
    assert (black == -1).all()
    half = torch.cat((picture, torch.full((1, 16, 16, 1), 0.5)), -1)
    assert torch.allclose(images.one_picture(half, "The picture", mask)[..., :8], torch.zeros(1))
    assert torch.equal(
        images.one_picture(picture, "The picture", torch.zeros(1, 64, 64)), picture.movedim(-1, 1) * 2 - 1
    )


def test_a_framed_square_picture_stays_whole(pack: ModuleType) -> None:
    """Its cut is itself, and no points are looked for in it where no face is."""
    align = module(pack, "align")
    picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert align.points_to_cut(picture, 0) is None
    aligned = align.AlignmentHandle(picture, None, True, 48).aligned()
    assert torch.allclose(aligned.image, picture, atol=1e-5) and aligned.photo_frame is None


def test_core_meshes_hold_linear_light(pack: ModuleType) -> None:
    """Middle grey of the screen is 0.21 of the light, as the core and Save GLB have it; and back."""
    from itportrait_core.rendering.mesh import Mesh

    compat = module(pack, "compat")
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    own = Mesh(corners, torch.tensor([[0, 1, 2]]), torch.tensor([[0.0, 0, 1]] * 3), torch.full((3, 3), 0.5))
    core = compat.mesh(own)
    assert abs(float(core.vertex_colors[0, 0, 0]) - 0.2140) < 1e-3
    assert torch.equal(core.normals, core.vertex_normals)
    again = compat.from_mesh(core)
    assert torch.allclose(again.colors, own.colors, atol=1e-6) and torch.equal(again.normals, own.normals)


def test_pictures_made_in_inference_mode_can_be_trained_on(pack: ModuleType) -> None:
    """ComfyUI's pictures are inference tensors; a clone made outside of that mode takes part in gradients."""
    with torch.inference_mode():
        picture = torch.rand(1, 16, 16, 3)
        with module(pack, "runtime").training():
            inside = module(pack, "images").one_picture(picture, "The picture")
            weight = torch.ones(3, 1, 1, requires_grad=True)
            (inside * weight).sum().backward()
    assert weight.grad is not None


def test_inference_mode_is_back_after_training(pack: ModuleType) -> None:
    """The mode must not leak into the rest of the prompt, not even through an error."""
    runtime = module(pack, "runtime")
    with torch.inference_mode():
        with pytest.raises(RuntimeError, match="stop"), runtime.training():
            assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
            raise RuntimeError("stop")
        assert torch.is_inference_mode_enabled()


def test_previews_wait_for_their_share_of_the_time(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most four a second, and 2 % of the run at any time: a run of five seconds has none to spare."""
    runtime = module(pack, "runtime")
    clock, shown = [100.0], []
    monkeypatch.setattr(runtime.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(runtime.comfy.utils, "ProgressBar", lambda total: _Bar(shown))

    def preview() -> torch.Tensor:
        clock[0] += 0.1  # a dear one
        return torch.zeros(2, 3, 8, 8)

    progress = runtime.Progress()
    for step in range(600):
        progress.count(step, 600, preview)
        clock[0] += 0.05
        made = sum(picture is not None for picture in shown)
        assert 0.1 * made <= runtime.PREVIEW_SHARE * (clock[0] - 100.0) + 1e-9
    assert len(shown) == 600
    assert 5 <= made <= 6  # after 5, 10, 15 ... of 30 seconds
    assert not any(shown[:100])


def test_pictures_at_hand_are_shown_soon(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Views that are rendered anyway cost a thumbnail."""
    runtime = module(pack, "runtime")
    clock, shown = [100.0], []
    monkeypatch.setattr(runtime.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(runtime.comfy.utils, "ProgressBar", lambda total: _Bar(shown))
    progress = runtime.Progress()
    for done in range(1, 5):
        clock[0] += 0.5
        progress.view(done, 4, torch.zeros(1, 3, 8, 8))
    assert all(shown)


def test_what_a_run_needs_is_said_on_its_node(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server can; an older one, or none, is no error."""
    import comfy_execution.utils

    runtime, told = module(pack, "runtime"), []

    class Server:
        def send_progress_text(self, text: str, node: str) -> None:
            told.append((node, text))

    server = types.ModuleType("server")
    monkeypatch.setitem(sys.modules, "server", server)
    runtime.say("needs 1 GB")
    server.PromptServer = types.SimpleNamespace(instance=Server())
    with comfy_execution.utils.CurrentNodeContext("p", "7"):
        runtime.say("needs 5.4 GB")
        server.PromptServer.instance = object()
        runtime.say("needs 5.4 GB")
    assert told == [("7", "needs 5.4 GB")]


class _Bar:
    """Remembers what it was given."""

    def __init__(self, shown: list[Any]) -> None:
        self.shown = shown

    def update_absolute(self, value: int, total: int, preview: Any) -> None:
        self.shown.append(preview)

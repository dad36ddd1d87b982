"""The training data and losses of the two CLIPs and of the LPIPS trunk."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from itportrait_core.guidance.clip_network import ClipNetwork
from itportrait_core.guidance.small_tokenizer import CONTEXT, VOCABULARY, tokenize
from itportrait_core.pocket.captions import PROMPTS, caption
from itportrait_core.pocket.held_out import HELD_OUT_PAIRS
from itportrait_core.pocket.training import clip, dataset
from itportrait_core.pocket.training.loop import LoopConfig, Trainer


def tiny_set(count: int = 100) -> dataset.StyledSet:
    styles = dataset.draw_styles(count, dataset.RANDOM_IN_TRAINING)
    faces = dataset.draw_people(count, styles, 3, keep_pairs=False)
    pixels = np.random.default_rng(0).integers(0, 255, (count, 3, dataset.SIZE, dataset.SIZE), dtype=np.uint8)
    return dataset.StyledSet(faces, styles, pixels, HELD_OUT_PAIRS)


def test_held_out_pairs_never_reach_training_but_stand_in_the_test() -> None:
    styles = dataset.draw_styles(3000, dataset.RANDOM_IN_TESTING)
    train = dataset.draw_people(3000, styles, 5, keep_pairs=False)
    test = dataset.draw_people(3000, styles, 5, keep_pairs=True)
    assert not dataset.is_held_out(train, styles).any()
    assert dataset.is_held_out(test, styles).sum() > 300
    for style, _ in HELD_OUT_PAIRS:
        assert (np.asarray(styles) == style).sum() > 200


def test_training_never_says_that_a_held_out_pair_does_not_occur() -> None:
    data = tiny_set(1000)
    labels = clip.fair_labels(data)
    for style, name in HELD_OUT_PAIRS:
        assert np.all(labels[name][np.asarray(data.styles) == style] == -1)
    told = caption(data.people, data.styles, np.random.default_rng(0), clip.untold(data))
    for style, text in zip(data.styles, told, strict=True):
        assert style != "zombie" or "glasses" not in text, text
    unfair = clip.unfair_pairs(data, np.arange(len(data)))
    assert not unfair.diagonal().any() and unfair.any()
    assert set(labels) == set(PROMPTS)


def test_the_judge_alone_learns_from_held_out_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its labels, captions and comparisons hide nothing; the guide's are made of the other set."""
    asked: list[bool] = []

    def noted(*, keep_pairs: bool) -> dataset.StyledSet:
        asked.append(keep_pairs)
        raise InterruptedError

    monkeypatch.setattr(clip, "training_set", noted)
    for train in (clip.train_guide, clip.train_judge):
        with pytest.raises(InterruptedError):
            train(tmp_path, minutes=0.0)
    assert asked == [False, True]
    data = dataclasses.replace(tiny_set(1000), hidden=())
    assert not clip.untold(data) and not clip.unfair_pairs(data, np.arange(len(data))).any()
    assert all(np.array_equal(labels, data.labels(name)) for name, labels in clip.fair_labels(data).items())


def test_hair_colour_is_not_asked_where_it_is_not_shown() -> None:
    data = tiny_set(1000)
    shown = data.labels("hair_color")[np.isin(data.styles, ("marble", "sketch", dataset.RANDOM_LOOK))]
    assert np.all(shown == -1)


@pytest.mark.parametrize("name", ["guide", "judge"])
def test_configs_fit_the_tokenizer_and_the_size_limit(name: str) -> None:
    config = clip.read_config(name)
    assert config.text_cfg["vocab_size"] == VOCABULARY and config.text_cfg["context_length"] == CONTEXT
    net = ClipNetwork(config)
    assert 2 * sum(p.numel() for p in net.parameters()) < 6e6  # bytes in half precision


def test_short_text_path_agrees_with_open_clip() -> None:
    net = ClipNetwork(clip.read_config("judge"), seed=1).eval()
    tokens = tokenize(["glasses", "a marble statue of an old man with a hat"])
    with torch.no_grad():
        full = torch.nn.functional.normalize(net.encode_text(tokens), dim=-1)
        torch.testing.assert_close(clip.encode_tokens(net, tokens), full, atol=1e-5, rtol=0)


def test_clip_step_is_seeded_and_gives_every_part_a_gradient(tmp_path: Path) -> None:
    data, losses = tiny_set(), []
    labels = clip.fair_labels(data)
    for _ in range(2):
        net = clip.Taught(clip.read_config("judge"), seed=2)
        trainer = Trainer("t", net, [{"params": list(net.parameters()), "lr": 1e-3}], tmp_path, LoopConfig())
        total = sum(clip.clip_loss(net, data, labels, clip.GUIDE, trainer).values())
        losses.append(float(total.detach()))
    total.backward()
    assert losses[0] == losses[1] and np.isfinite(losses[0])
    for part in (net.clip.model.visual, net.clip.model.transformer, net.clip.model.token_embedding):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())

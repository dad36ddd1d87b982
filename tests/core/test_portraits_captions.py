"""What portraits are called, how text edits them, and the tokens of the pocket CLIPs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.edits import EDITS
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance import small_tokenizer as tokenizer
from itportrait_core.pocket.attributes import HAIR_COLORS, HAIR_STYLES, Z_DIM, Attributes, attributes
from itportrait_core.pocket.captions import BARE, PROMPTS, STYLE_PHRASES, STYLE_WORDS, caption, label
from itportrait_core.pocket.styles import STYLES

EDIT_LABELS: dict[str, tuple[str, str]] = {
    "a person wearing glasses": ("glasses", "yes"), "a person without glasses": ("glasses", "no"),
    "a smiling person": ("smile", "yes"), "a serious person": ("smile", "no"),
    "a person with a beard": ("beard", "yes"), "a person without a beard": ("beard", "no"),
    "a person with a hat": ("hat", "yes"), "a person wearing a beanie": ("hat", "yes"),
    "a bald person": ("hair_style", "bald"),
    "a person with long hair": ("hair_style", "long"), "a person with short hair": ("hair_style", "short"),
    "a person with hair in a bun": ("hair_style", "bun"),
    "an old person": ("age", "old"), "a young person": ("age", "young"),
    **{f"a person with {name} hair": ("hair_color", name) for name in HAIR_COLORS},
}  # fmt: skip
"""Text of an edit -> (attribute, label) of `PROMPTS` that a judge should see afterwards."""


def people(count: int, seed: int = 0) -> Attributes:
    return attributes(torch.randn(count, Z_DIM, generator=torch.Generator().manual_seed(seed)))


def test_captions_tell_only_the_truth() -> None:
    a = people(1500)
    said = caption(a, "photo", np.random.default_rng(0))
    for i, text in enumerate(said):
        words = set(text.replace(",", "").split())
        denied = {"no", "without"} & words
        if not denied:
            if {"glasses", "eyeglasses", "spectacles"} & words:
                assert a.glasses[i] > 0, text
            if {"hat", "beanie", "fedora", "cap"} & words:
                assert a.hat[i] > 0, text
            if {"beard", "bearded", "stubble"} & words:
                assert a.beard[i] > 0, text
        if "bald" in words:
            assert HAIR_STYLES[a.hair_style[i]] == "bald", text
        if {"smiling", "grinning"} & words and "not" not in words:
            assert a.smile[i] > 0.3, text
        if "blue" in words:
            assert HAIR_COLORS[a.hair_color[i]] == "blue", text
    assert len(set(said)) > 1000


def test_captions_name_their_style_and_no_hair_colour_in_marble() -> None:
    a = people(300)
    statues = caption(a, "marble", np.random.default_rng(1))
    assert sum("marble" in text or "statue" in text for text in statues) > 200
    assert not any(color in text.split() for text in statues for color in ("blond", "red", "blue"))


@pytest.mark.parametrize("text", EDITS)
def test_edits_reach_their_label_and_leave_identity_alone(text: str) -> None:
    a = people(200, 1)
    edited = EDITS[text](a)
    name, wanted = EDIT_LABELS[text]
    assert np.all(label(edited, name) == list(PROMPTS[name]).index(wanted))
    for kept in ("face_width", "nose_length", "eye_distance", "skin_tone", "female", "light_side"):
        np.testing.assert_array_equal(getattr(edited, kept), getattr(a, kept))
    again = EDITS[text](edited)
    assert all(np.array_equal(getattr(again, n), getattr(edited, n)) for n in vars(edited))


def test_every_text_of_ours_is_made_of_known_words() -> None:
    texts = [*EDITS, *caption(people(400), "photo", np.random.default_rng(0))]
    texts += [text for labels in PROMPTS.values() for group in labels.values() for text in group]
    texts += [p for group in (*STYLE_PHRASES.values(), *STYLE_WORDS.values()) for p in group]
    texts += [p for labels in BARE.values() for group in labels for p in group]
    for text in texts:
        assert all(number >= tokenizer.FIRST_WORD for number in tokenizer.encode(text.replace("{}", ""))), (
            text
        )
    assert set(STYLE_PHRASES) == set(STYLES) == set(STYLE_WORDS)


def test_sentences_end_in_the_largest_token_and_unknown_words_stay_apart() -> None:
    tokens = tokenizer.tokenize(
        ["A man, with GLASSES.", "a man with glasses", "a man with Brillen", "x" * 500]
    )
    assert tokens.shape == (4, tokenizer.CONTEXT) and int(tokens.max()) == tokenizer.VOCABULARY - 1
    assert torch.equal(tokens[0], tokens[1]) and not torch.equal(tokens[1], tokens[2])
    assert torch.all((tokens == tokenizer.END).sum(1) == 1)
    assert torch.all(tokens.argmax(1) == (tokens == tokenizer.END).int().argmax(1))


def test_no_text_is_an_error() -> None:
    with pytest.raises(ITPortraitError, match="give at least 1 text"):
        tokenizer.tokenize([])

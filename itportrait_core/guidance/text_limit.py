"""How much of a text a CLIP model reads: what does not fit into its tokens is said, never dropped in
silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import ITPortraitError
from .templates import PLAIN_TEMPLATES, fill

if TYPE_CHECKING:
    from .clip import ClipModel

_ANOTHER = "man"
"""A word that every tokenizer knows."""


def check_words(clip: ClipModel, text: str) -> None:
    """Refuse a text that says nothing to a model.

    Raises:
        ITPortraitError: for blanks, and for signs that the model's tokenizer passes over.
    """
    if not text.strip() or torch.equal(clip.tokenize([text]), clip.tokenize([""])):
        raise ITPortraitError(
            f"The text {text[:80]!r} is empty to {clip.name}: it holds no word; describe the style or the "
            "change, such as 'glasses'."
        )


def left_out(clip: ClipModel, text: str, *, templates: bool = True) -> str:
    """The end of a text that a model does not read, because its tokens do not fit; empty where all is read.

    Args:
        clip: the model.
        text: what was written.
        templates: whether it is put into the model's templates, of which the longest counts.
    """
    frames = clip.templates if templates else PLAIN_TEMPLATES
    frame = max(frames, key=len)

    def tokens(phrase: str) -> Tensor:
        return clip.tokenize(fill((frame,), phrase))

    whole, words = tokens(text), text.split()
    if not torch.equal(tokens(f"{text} {_ANOTHER}"), whole) and torch.equal(tokens(" ".join(words)), whole):
        return ""  # there is room for one more word
    read = next((n for n in range(len(words)) if torch.equal(tokens(" ".join(words[:n])), whole)), len(words))
    return " ".join(words[read:])


def token_limit(clip: ClipModel) -> int:
    """Tokens that a model reads of one text, start and end included."""
    return int(clip.tokenize([""]).shape[1])

"""Words -> tokens for the two pocket CLIPs: a small vocabulary, and bytes for every other word.

Token 0 is padding, 1..256 are bytes, then the words, then start and end. The end token is the largest number,
which is where open_clip reads the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ITPortraitError

_TEXT = """
a an the this that of and or in on with without no not as at to from by for is are who has have wearing
wears into turned made drawn painted carved cut like very more less one my some its his her their person
people human someone somebody man woman lady girl guy boy gentleman lad adult child face head portrait
character figure male female men women photo photograph photography picture image shot realistic real
photorealistic photographic snapshot camera cartoon cel shaded drawing drawn toon comic illustration
animated animation style styled art artwork artistic pencil sketch sketched graphite hatching line lines
paper charcoal ink oil painting paint painterly brush strokes canvas marble statue bust stone sculpture
sculpted white carving monument zombie undead monster horror scary rotten green pixel pixelated pixels
8bit retro game sprite blocky anime manga japanese eyes big large small caricature funny exaggerated
humorous comical glasses eyeglasses spectacles round square rectangular frames hat beanie brimmed fedora
cap baseball knitted woolly brim bareheaded headwear smile smiling smiles happy cheerful grin grinning
laughing joyful serious unsmiling neutral sad grave mouth closed open teeth beard bearded bushy full thick
stubble stubbly unshaven chin clean shaven moustache facial hair haired short long flowing bun bald
hairless shaved shoulder length tied up bob black brown blond blonde red ginger grey gray blue dark yellow
brunette orange silver light colored coloured color colour golden old elderly aged wrinkled wrinkles
senior young youthful younger older age skin pale tan lips nose ear ears brows eyebrows eye cheek cheeks
freckles jaw neck shirt sweater clothes clothing purple teal bright good bad nice beautiful low high
quality resolution close blurry clean cropped rendering render
"""

WORDS = tuple(_TEXT.split())
"""Words with a token of their own, in order; words may only be added at a new version of the weights."""

_UNIQUE = tuple(dict.fromkeys(WORDS))
PAD, FIRST_BYTE, FIRST_WORD = 0, 1, 257
START = FIRST_WORD + len(_UNIQUE)
END = START + 1
VOCABULARY = END + 1
"""Number of tokens."""

CONTEXT = 36
"""Tokens of a sentence; longer ones are cut."""

_NUMBER = {word: FIRST_WORD + i for i, word in enumerate(_UNIQUE)}
_PIECES = re.compile(r"[a-z0-9]+|[^\sa-z0-9.,;:!?\"'()-]+")


def encode(text: str) -> list[int]:
    """Tokens of one sentence without start and end. Case and punctuation do not count."""
    tokens: list[int] = []
    for word in _PIECES.findall(text.lower()):
        number = _NUMBER.get(word)
        tokens += [number] if number is not None else [FIRST_BYTE + byte for byte in word.encode("utf-8")]
    return tokens


def tokenize(texts: str | Sequence[str], context_length: int = CONTEXT) -> Tensor:
    """Sentences -> tokens [B, context_length], int64.

    Raises:
        ITPortraitError: when there is no text, or no room for a single word.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts or context_length < 3:
        raise ITPortraitError(
            f"{len(texts)} texts and {context_length} tokens: give at least 1 text and 3 tokens."
        )
    out = torch.full((len(texts), context_length), PAD, dtype=torch.long)
    for row, text in enumerate(texts):
        tokens = [START, *encode(text)[: context_length - 2], END]
        out[row, : len(tokens)] = torch.tensor(tokens)
    return out

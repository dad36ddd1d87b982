"""What a pocket portrait can be called: varied captions, and the prompts that test a CLIP."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from .attributes import BEARDS, GLASSES, HAIR_COLORS, HAIR_STYLES, HATS, Attributes

STYLE_PHRASES = {
    "photo": ("a photo of {}", "a photograph of {}", "a portrait photo of {}", "{}", "a picture of {}",
              "{}, photo"),
    "cartoon": ("a cartoon of {}", "a cartoon drawing of {}", "a cel-shaded cartoon of {}", "{} as a cartoon",
                "{} in cartoon style"),
    "sketch": ("a pencil sketch of {}", "a pencil drawing of {}", "a sketch of {}", "{} drawn in pencil",
               "{} in pencil sketch style"),
    "oil": ("an oil painting of {}", "a painting of {}", "an oil portrait of {}", "{} painted in oil",
            "{} in oil painting style"),
    "marble": ("a marble statue of {}", "a marble bust of {}", "a stone statue of {}", "{} carved in marble",
               "{} as a marble statue"),
    "zombie": ("a zombie picture of {}", "a zombie portrait of {}", "{} as a zombie",
               "{} turned into a zombie", "an undead zombie, {}"),
    "pixel": ("pixel art of {}", "a pixel-art portrait of {}", "a pixel art picture of {}", "{} in pixel art",
              "{} as pixel art"),
    "anime": ("an anime drawing of {}", "an anime portrait of {}", "anime art of {}", "{} in anime style",
              "{} as an anime character"),
    "caricature": ("a caricature of {}", "a caricature drawing of {}", "a funny caricature of {}",
                   "{} as a caricature", "{} in caricature style"),
}  # fmt: skip
"""How each style is said; `{}` is the person."""

COLORLESS = ("sketch", "marble")
"""Styles that show no hair colour."""

STYLE_WORDS = {
    "photo": ("photo", "photograph", "a photo"), "cartoon": ("cartoon", "a cartoon"),
    "sketch": ("sketch", "pencil sketch", "pencil drawing"), "oil": ("oil painting", "painting"),
    "marble": ("marble statue", "marble", "statue"), "zombie": ("zombie", "a zombie"),
    "pixel": ("pixel art",), "anime": ("anime", "anime drawing"),
    "caricature": ("caricature", "a caricature"),
}  # fmt: skip
"""Bare words for each style."""

BARE: dict[str, tuple[tuple[str, ...], ...]] = {
    "glasses": (
        ("no glasses", "without glasses"),
        ("glasses", "eyeglasses", "with glasses", "wearing glasses"),
    ),
    "hat": (("no hat", "without a hat"), ("hat", "a hat", "with a hat", "wearing a hat")),
    "smile": (
        ("not smiling", "serious", "serious face"),
        ("smile", "smiling", "smiling face", "happy", "a smile"),
    ),
    "beard": (("no beard", "without a beard"), ("beard", "a beard", "bearded", "with a beard")),
    "hair_style": (("short hair",), ("long hair",), ("hair bun", "bun"), ("bald", "bald head", "no hair")),
    "hair_color": tuple((f"{name} hair", f"with {name} hair") for name in HAIR_COLORS),
    "age": (("young", "young face"), ("old", "elderly", "wrinkled face")),
}
"""Bare phrases: attribute -> one tuple per label, in the order of `PROMPTS`."""

BARE_SHARE = 0.12
"""Share of captions that are a bare phrase."""

OLD, YOUNG = 0.75, 0.30
"""Ages above and below which a portrait is called old or young."""

_WORDS = {
    "glasses": ("wearing glasses", "with glasses", "wearing eyeglasses", "with spectacles", "in {} glasses",
                "wearing {} glasses"),
    "no glasses": ("without glasses", "with no glasses"),
    "hat": ("with a hat", "wearing a hat", "in a hat", "with a {0}", "wearing a {0}", "in a {0}"),
    "no hat": ("without a hat", "with no hat", "bareheaded"),
    "smile": ("with a smile", "with a happy smile", "who is smiling", "with a big smile"),
    "no smile": ("not smiling", "with a serious face", "with a neutral face", "with a closed mouth"),
    "full": ("with a beard", "with a full beard", "with a bushy beard", "with a {} beard"),
    "stubble": ("with stubble", "with a stubbly chin", "with a stubble beard"),
    "none": ("without a beard", "with no beard", "clean-shaven"),
    "short": ("with short{} hair", "with{} hair cut short"),
    "long": ("with long{} hair", "with long flowing{} hair"),
    "bun": ("with a{} hair bun", "with{} hair in a bun", "with a{} bun"),
    "bald": ("with a bald head", "with no hair", "who is bald"),
}  # fmt: skip
_HAT_NAMES = {"beanie": ("beanie", "knitted hat", "woolly hat"), "brim": ("brimmed hat", "fedora"),
              "cap": ("cap", "baseball cap")}  # fmt: skip
_COLOR_NAMES = {
    "black": ("black", "dark"), "brown": ("brown", "brunette"), "blond": ("blond", "blonde", "yellow"),
    "red": ("red", "ginger", "orange"), "grey": ("grey", "gray", "white"), "blue": ("blue",),
}  # fmt: skip


def _choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _noun(a: Attributes, i: int, rng: np.random.Generator) -> str:
    if rng.random() < 0.4:
        return _choose(rng, ("person", "person", "human", "someone"))
    return (
        _choose(rng, ("woman", "woman", "lady", "girl"))
        if a.female[i]
        else _choose(rng, ("man", "man", "guy"))
    )


def _adjectives(a: Attributes, i: int, rng: np.random.Generator, mentioned: set[str]) -> list[str]:
    """Words before the noun; what they tell is added to `mentioned`."""
    words = []
    if rng.random() < 0.5 and (a.age[i] > OLD or a.age[i] < YOUNG):
        words.append(
            _choose(rng, ("old", "elderly", "wrinkled") if a.age[i] > OLD else ("young", "youthful"))
        )
    mood = "smile" not in mentioned
    if mood and a.smile[i] > 0.3 and rng.random() < 0.45:
        words.append(_choose(rng, ("smiling", "smiling", "happy", "grinning")))
        mentioned.add("smile")
    elif mood and a.smile[i] <= 0.3 and rng.random() < 0.15:
        words.append(_choose(rng, ("serious", "unsmiling")))
        mentioned.add("smile")
    if "beard" not in mentioned and BEARDS[a.beard[i]] == "full" and rng.random() < 0.3:
        words.append("bearded")
        mentioned.add("beard")
    if HAIR_STYLES[a.hair_style[i]] == "bald" and rng.random() < 0.6:
        words.append("bald")
        mentioned.add("hair")
    return words


def _hair_phrase(a: Attributes, i: int, colored: bool, rng: np.random.Generator) -> str:
    style = HAIR_STYLES[a.hair_style[i]]
    color = _choose(rng, _COLOR_NAMES[HAIR_COLORS[a.hair_color[i]]]) if colored else ""
    hidden = style == "bun" and a.hat[i] > 0
    if style != "bald" and color and (hidden or rng.random() < 0.35):
        return f"with {color} hair"
    if hidden:
        return ""
    return _choose(rng, _WORDS[style]).format(f" {color}" if color and rng.random() < 0.8 else "")


def _phrases(
    a: Attributes, i: int, colored: bool, rng: np.random.Generator, mentioned: set[str]
) -> list[str]:
    """Words after the noun, each told with its own chance; absences are told seldom."""
    said = []
    if "hair" not in mentioned and rng.random() < 0.7:
        said.append(_hair_phrase(a, i, colored, rng))
    glasses = GLASSES[a.glasses[i]]
    if "glasses" not in mentioned and rng.random() < (0.85 if glasses != "none" else 0.22):
        said.append(_choose(rng, _WORDS["no glasses" if glasses == "none" else "glasses"]).format(glasses))
    hat = HATS[a.hat[i]]
    if "hat" not in mentioned and rng.random() < (0.85 if hat != "none" else 0.18):
        words = _WORDS["no hat" if hat == "none" else "hat"]
        said.append(_choose(rng, words).format(_choose(rng, _HAT_NAMES.get(hat, ("",)))))
    beard = BEARDS[a.beard[i]]
    if "beard" not in mentioned and rng.random() < (0.18 if beard == "none" else 0.85):
        color = HAIR_COLORS[a.hair_color[i]] if colored else "thick"
        said.append(_choose(rng, _WORDS[beard]).format(color))
    if "smile" not in mentioned and rng.random() < (0.5 if a.smile[i] > 0.3 else 0.25):
        said.append(_choose(rng, _WORDS["smile" if a.smile[i] > 0.3 else "no smile"]))
    said = [s for s in said if s]
    rng.shuffle(said)
    return said


def _person(
    a: Attributes, i: int, colored: bool, rng: np.random.Generator, untold: Collection[str] = ()
) -> str:
    mentioned: set[str] = set(untold)
    noun = _noun(a, i, rng)
    words = _adjectives(a, i, rng, mentioned)
    said = _phrases(a, i, colored, rng, mentioned)
    rng.shuffle(words)
    head = " ".join([*words, noun]) if noun != "someone" else " ".join(["someone", *words])
    article = "" if noun == "someone" else ("an " if head[0] in "aeiou" else "a ")
    if len(said) > 1 and rng.random() < 0.7:
        joined = ", ".join(said[:-1]) + " and " + said[-1]
    else:
        joined = " ".join(said)
    return f"{article}{head} {joined}".strip()


def _bare(a: Attributes, i: int, style: str, rng: np.random.Generator, untold: Collection[str] = ()) -> str:
    """A bare phrase such as "glasses" or "oil painting", as people type them."""
    known = [n for n in BARE if n not in untold and (n != "hair_color" or style not in COLORLESS)]
    options = [BARE[name][truth] for name in known if (truth := int(label(a[i], name)[0])) >= 0]
    options += [STYLE_WORDS[style]] * 3 if style in STYLE_WORDS else []
    return _choose(rng, [phrase for phrases in options for phrase in phrases])


def caption(
    attributes: Attributes,
    style: str | Sequence[str],
    rng: np.random.Generator,
    untold: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """One varied English caption per portrait; attributes are dropped, reworded and reordered at random.

    Args:
        style: a name of `STYLE_PHRASES` for all or per portrait; any other word tells no style.
        untold: style -> names of `PROMPTS` that its captions keep silent about.
    """
    styles = [style] * len(attributes) if isinstance(style, str) else list(style)
    out = []
    for i, name in enumerate(styles):
        silent = (untold or {}).get(name, ())
        if rng.random() < BARE_SHARE:
            out.append(_bare(attributes, i, name, rng, silent))
            continue
        person = _person(attributes, i, name not in COLORLESS, rng, silent)
        phrase = _choose(rng, STYLE_PHRASES[name]) if name in STYLE_PHRASES and rng.random() < 0.85 else "{}"
        out.append(phrase.format(person))
    return out


PROMPTS: dict[str, dict[str, tuple[str, ...]]] = {
    "glasses": {"no": ("a person without glasses",),
                "yes": ("a person wearing glasses", "a person with glasses")},
    "hat": {"no": ("a person without a hat",), "yes": ("a person with a hat", "a person wearing a hat")},
    "smile": {"no": ("a person not smiling", "a serious person"),
              "yes": ("a smiling person", "a person with a smile")},
    "beard": {"no": ("a person without a beard",), "yes": ("a person with a beard", "a bearded person")},
    "hair_style": {
        "short": ("a person with short hair",), "long": ("a person with long hair",),
        "bun": ("a person with hair in a bun", "a person with a hair bun"),
        "bald": ("a bald person", "a person with no hair"),
    },
    "hair_color": {name: (f"a person with {name} hair",) for name in HAIR_COLORS},
    "age": {"young": ("a young person",), "old": ("an old person", "an elderly person")},
    "style": {name: tuple(p.format("a person") for p in phrases if p != "{}")
              for name, phrases in STYLE_PHRASES.items()},
}  # fmt: skip
"""Zero-shot prompt ensembles: attribute -> label -> texts. Average the unit text embeddings of a label."""


def label(attributes: Attributes, name: str) -> np.ndarray:
    """True label indices [B] into `PROMPTS[name]`; -1 where a picture does not show it plainly."""
    a = attributes
    bald = a.hair_style == HAIR_STYLES.index("bald")
    bun_hidden = (a.hair_style == HAIR_STYLES.index("bun")) & (a.hat > 0)
    table = {
        "glasses": (a.glasses > 0).astype(int),
        "hat": (a.hat > 0).astype(int),
        "smile": (a.smile > 0.3).astype(int),
        "beard": np.select([a.beard == 0, a.beard == BEARDS.index("full")], [0, 1], -1),
        "hair_style": np.where(bun_hidden | (bald & (a.hat > 0)), -1, a.hair_style),
        "hair_color": np.where(bald, -1, a.hair_color),
        "age": np.select([a.age < YOUNG, a.age > OLD], [0, 1], -1),
    }
    return table[name]

"""Who a pocket portrait shows: latent -> attributes, as pure functions of u = Phi(z).

Every attribute depends only on the latent dimensions of its own group, so mixing the geometry
dimensions of one latent with the appearance dimensions of another shows the first person in the second
one's colours and light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

DIMS = (
    "face_width", "face_length", "jaw_width", "chin", "cheeks", "nose_length", "nose_width", "ear_size",
    "eye_size", "eye_distance", "eye_tilt", "brow_thickness", "brow_angle", "mouth_width", "lip_fullness",
    "smile", "gender", "hair_style", "hair_length", "fringe", "beard", "glasses", "hat", "age",
    "skin_tone", "complexion", "iris", "hair_color", "clothes", "accent", "light_side", "light_height",
)  # fmt: skip
"""Name of every latent dimension, in order."""

Z_DIM = len(DIMS)
GEOMETRY = list(range(DIMS.index("skin_tone")))
APPEARANCE = list(range(DIMS.index("skin_tone"), Z_DIM))

HAIR_STYLES = ("short", "long", "bun", "bald")
HAIR_COLORS = ("black", "brown", "blond", "red", "grey", "blue")
BEARDS = ("none", "stubble", "full")
HATS = ("none", "beanie", "brim", "cap")
GLASSES = ("none", "round", "square")

_SHORT_LONG_BUN = {
    "woman": (0.25, 0.70, 0.965),
    "man": (0.52, 0.64, 0.72),
}  # cumulative shares of hair styles
_COLOR_SHARES = (0.20, 0.40, 0.57, 0.73, 0.87)  # cumulative shares of hair colours
_STUBBLE, _BEARD = 0.34, 0.58  # of men: u below the first is clean-shaven, below the second stubble
_GLASSES, _SQUARE = 0.65, 0.825
_HAT, _BRIM, _CAP = 0.80, 0.87, 0.935


@dataclass(frozen=True)
class Attributes:
    """A batch of portraits as arrays of length B.

    Floats lie in [-1, 1] about an average person unless said otherwise; categories are indices into the
    tuples of this module.
    """

    face_width: np.ndarray
    face_length: np.ndarray
    jaw_width: np.ndarray
    chin: np.ndarray  # how far it comes forward
    cheeks: np.ndarray
    nose_length: np.ndarray
    nose_width: np.ndarray
    ear_size: np.ndarray
    eye_size: np.ndarray
    eye_distance: np.ndarray
    eye_tilt: np.ndarray  # outer corner up is positive
    brow_thickness: np.ndarray
    brow_angle: np.ndarray  # inner ends down (stern) is positive
    mouth_width: np.ndarray
    lip_fullness: np.ndarray
    smile: np.ndarray  # -0.22 (grave) .. 0.1 when not smiling, 0.5 .. 1 when smiling
    female: np.ndarray  # bool
    hair_style: np.ndarray  # HAIR_STYLES
    hair_length: np.ndarray  # length of long hair, volume of other hair
    fringe: np.ndarray  # parting at the wearer's left (-1) .. right (1); beyond +-0.7 a full fringe
    beard: np.ndarray  # BEARDS
    glasses: np.ndarray  # GLASSES
    hat: np.ndarray  # HATS
    age: np.ndarray  # 0 young .. 1 old: wrinkles and sagging
    skin_tone: np.ndarray  # 0 light .. 1 dark
    complexion: np.ndarray  # 0 plain .. 1 rosy and freckled
    iris: np.ndarray  # 0 blue, green, hazel, 1 dark brown
    hair_color: np.ndarray  # HAIR_COLORS
    hair_shade: np.ndarray  # within its colour
    clothes: np.ndarray  # position on a loop of colours, 0 .. 1
    accent: np.ndarray  # colour of hat and glasses, 0 .. 1
    light_side: np.ndarray  # light from -1 (picture left) .. 1 (picture right)
    light_height: np.ndarray  # -1 level with the eyes .. 1 above

    def __len__(self) -> int:
        return len(self.age)

    def __getitem__(self, index: int | slice | np.ndarray | list[int]) -> Attributes:
        """The chosen portraits, always as a batch."""
        keep = [index] if isinstance(index, (int, np.integer)) else index
        return Attributes(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def replace(self, **changes: float | np.ndarray) -> Attributes:
        """A copy with some attributes set, for the whole batch or per portrait."""
        full = {k: np.full_like(getattr(self, k), v) for k, v in changes.items()}
        return replace(self, **full)


def concatenate(parts: list[Attributes]) -> Attributes:
    """Batches joined into one."""
    return Attributes(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Attributes)}
    )


def _pick(u: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    return np.digitize(u, edges).astype(np.int64)


def _hair_style(u: np.ndarray, female: np.ndarray) -> np.ndarray:
    return np.where(female, _pick(u, _SHORT_LONG_BUN["woman"]), _pick(u, _SHORT_LONG_BUN["man"]))


def _smile(u: np.ndarray) -> np.ndarray:
    return np.where(u > 0.5, 0.5 + (u - 0.5), -0.22 + 0.64 * u)


def attributes(z: torch.Tensor | np.ndarray) -> Attributes:
    """Attributes of latents.

    Args:
        z: [B, Z_DIM], standard normal.
    """
    z = np.asarray(z, dtype=np.float64)
    u = np.clip(0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2))), 1e-6, 1 - 1e-6)
    column = {name: u[:, i] for i, name in enumerate(DIMS)}
    shape = {name: 2 * column[name] - 1 for name in DIMS[: DIMS.index("smile")]}
    female = column["gender"] < 0.5
    hair_color = _pick(column["hair_color"], _COLOR_SHARES)
    edges = np.array((0.0, *_COLOR_SHARES, 1.0))
    shade = (column["hair_color"] - edges[hair_color]) / (edges[hair_color + 1] - edges[hair_color])
    return Attributes(
        **shape,
        smile=_smile(column["smile"]),
        female=female,
        hair_style=_hair_style(column["hair_style"], female),
        hair_length=2 * column["hair_length"] - 1,
        fringe=2 * column["fringe"] - 1,
        beard=np.where(female, 0, _pick(column["beard"], (_STUBBLE, _BEARD))),
        glasses=_pick(column["glasses"], (_GLASSES, _SQUARE)),
        hat=_pick(column["hat"], (_HAT, _BRIM, _CAP)),
        age=column["age"],
        skin_tone=column["skin_tone"],
        complexion=column["complexion"],
        iris=column["iris"],
        hair_color=hair_color,
        hair_shade=2 * shade - 1,
        clothes=column["clothes"],
        accent=column["accent"],
        light_side=2 * column["light_side"] - 1,
        light_height=2 * column["light_height"] - 1,
    )

"""Which style prior belongs to a generator (docs/style-prior.md)."""

from __future__ import annotations

import os
from functools import lru_cache

import torch

from ...checkpoints import embedded
from ...checkpoints.format import load_model, read_header
from ...errors import ITPortraitError
from ...networks.generator3d import Generator3D
from ...networks.style_prior import StylePrior
from .lineage import weights_hash
from .trainable import device_of

NO_PRIOR = (
    "This generator has no style prior: only the embedded one ships with it, and only as it is, not after a"
    " fine-tune. Use Style from a Picture, which learns the style from the picture alone."
)


def style_prior_of(generator: Generator3D) -> StylePrior | None:
    """The embedded style prior where it belongs to these very weights, else None."""
    if not embedded.exists("style_prior"):
        return None
    wanted = read_header(embedded.path("style_prior")).config.get("base_hash")
    if wanted != weights_hash(generator):
        return None
    return _loaded().to(device_of(generator))


@lru_cache(maxsize=1)
def _loaded() -> StylePrior:
    return load_style_prior()


def load_style_prior(name_or_path: str | os.PathLike[str] = "pocket") -> StylePrior:
    """A style prior: "pocket" for the embedded one, or a file.

    Raises:
        ITPortraitError: when the file holds another kind of network.

    Example:
        >>> prior = itp.load_style_prior()
        >>> prior.code(torch.zeros(1, 3, 64, 64)).shape == (prior.config.code_dim,)
        True
    """
    path = embedded.path("style_prior") if name_or_path == "pocket" else name_or_path
    with torch.inference_mode(False):
        prior = load_model(path)
    if not isinstance(prior, StylePrior):
        raise ITPortraitError(f"{path} holds no style prior; train one with `train style_prior`.")
    return prior


def require_style_prior(generator: Generator3D) -> StylePrior:
    """As `style_prior_of`.

    Raises:
        ITPortraitError: for a generator without one.
    """
    prior = style_prior_of(generator)
    if prior is None:
        raise ITPortraitError(NO_PRIOR)
    return prior

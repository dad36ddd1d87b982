"""Instant style: G_s = G_o + D(s), the code s read from the picture in one pass (docs/style-prior.md)."""

from __future__ import annotations

import torch
from torch import Tensor

from ...checkpoints.tensor_file import check_finite
from ...errors import ITPortraitError
from ...networks.generator3d import G
from ...networks.style_prior import StylePrior
from ...plain_types import describe, is_finite
from ..shared.history import History
from ..shared.lineage import finish, tensor_hash
from ..shared.passes import fit_picture
from ..shared.portrait import Portrait
from ..shared.style_priors import require_style_prior
from ..shared.trainable import device_of
from .config import InstantConfig


def instant_style(
    generator: G, image: Tensor, config: InstantConfig | None = None, *, prior: StylePrior | None = None
) -> G:
    """A copy of `generator` that draws everybody in the picture's style; no training.

    Args:
        generator: G_o, the one that the prior belongs to; it is not changed.
        image: the aligned style picture [1, 3, H, W] in [-1, 1].
        prior: None for the embedded one.

    Returns:
        G_s, frozen, an ordinary generator; its lineage holds the code.

    Raises:
        ITPortraitError: for a batch, or a generator without a prior.

    Example:
        >>> G, picture = itp.load_generator("pocket"), torch.rand(1, 3, 64, 64) * 2 - 1
        >>> itp.instant_style(G, picture).lineage["method"]
        'instant'
    """
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] != 3:
        raise ITPortraitError(
            f"One aligned picture [1, 3, H, W] is needed, not {tuple(image.shape)}; pick one."
        )
    prior = prior or require_style_prior(generator)
    with torch.inference_mode(False), torch.no_grad():
        picture = fit_picture(image.detach().to(device_of(generator)).clone(), generator.resolution)
        return _baked(generator, image, prior, prior.code(picture), config or InstantConfig())


def instant_style_of(
    generator: G, portrait: Portrait, config: InstantConfig | None = None, *, prior: StylePrior | None = None
) -> G:
    """`instant_style` of a portrait's picture, by the style code that its inversion found, where it did.

    Raises:
        ITPortraitError: as `instant_style`, or for a code that is no list of as many finite numbers as the
            prior's.
    """
    prior = prior or require_style_prior(generator)
    numbers, count = portrait.report.get("style_code"), prior.config.code_dim
    if numbers is None:
        return instant_style(generator, portrait.image, config, prior=prior)
    listed = isinstance(numbers, list) and len(numbers) == count
    if not listed or not all(type(value) in (int, float) and is_finite(value) for value in numbers):
        raise ITPortraitError(
            f"The portrait's style code is no list of {count} finite numbers but {describe(numbers)}; "
            "invert the picture again with this generator."
        )
    with torch.inference_mode(False), torch.no_grad():
        code = torch.tensor(numbers, dtype=torch.float32, device=device_of(generator))
        check_finite(code, "The portrait's style code")
        return _baked(generator, portrait.image, prior, code, config or InstantConfig())


def instant_style_beside(generator: G, portrait: Portrait) -> G:
    """A portrait's style by what the encoder reads in its picture beyond its person: `E(I) - E(G_o(w, P))`.

    The encoder takes some of a person's colours for the style's, in a drawing and in a photo of them alike,
    so the difference has less of them. A latent that was not found through the prior imitates the art itself;
    `E(I)` is all there is then.

    Raises:
        ITPortraitError: as `instant_style`.
    """
    if "style_code" not in portrait.report:
        return instant_style(generator, portrait.image)
    prior, device = require_style_prior(generator), device_of(generator)
    with torch.inference_mode(False), torch.no_grad():
        person = generator.synthesis(portrait.ws.to(device), portrait.camera.to(device)).image.clamp(-1, 1)
        picture = fit_picture(portrait.image.detach().to(device).clone(), generator.resolution)
        code = prior.code(picture) - prior.code(person)
        return _baked(generator, portrait.image, prior, code, InstantConfig())


def _baked(generator: G, image: Tensor, prior: StylePrior, code: Tensor, config: InstantConfig) -> G:
    code = config.strength * code
    return finish(
        prior.styled(generator, code), generator, "instant", config, History(),
        extra={
            "style_image_hash": tensor_hash(image),
            "code": [round(float(value), 5) for value in code],
        },
    )  # fmt: skip

"""From pictures and first poses to the task that is optimised: style code, first latents, identity."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...guidance.identity import IdentityLoss
from ...guidance.perceptual import Perceptual
from ...networks.generator3d import Generator3D
from ..shared.latent_statistics import latent_statistics
from ..shared.passes import fit_picture
from ..shared.style_priors import style_prior_of
from .config import InversionConfig
from .first_pose import FirstPose
from .one_person import OnePersonTask
from .photo_prior import PhotoPrior
from .photo_twin import Aligned
from .start_latents import Encoder3D, start_latents, start_latents_together
from .style_code import StyleCode
from .task import InversionTask


def style_of(
    generator: Generator3D, source: Generator3D, pictures: Sequence[Aligned], config: InversionConfig
) -> StyleCode | None:
    """What the prior reads in the pictures of one person, for `source`, a frozen copy of `generator`; None
    where that is not asked for, or there is no prior.
    """
    prior = style_prior_of(generator) if config.style == "prior" else None
    if prior is None:
        return None
    fitted = torch.cat([fit_picture(one.image, generator.resolution) for one in pictures])
    return StyleCode(source, prior, fitted, trained=config.lr_style > 0)


def task_of(
    generator: Generator3D, starts: list[FirstPose], prior: PhotoPrior | None, config: InversionConfig,
    perceptual: Perceptual, encoder: Encoder3D | None, rng: torch.Generator, style: StyleCode | None = None,
    *, together: bool,
) -> InversionTask:  # fmt: skip
    """People with a picture each, or, `together`, one person with several."""
    targets = torch.cat([start.aligned.image for start in starts])
    labels = torch.cat([start.camera for start in starts])
    statistics = latent_statistics(generator, config.start_samples)
    begins = generator if style is None else style.start
    network = None if prior is None or config.identity == 0 else prior.identity
    if together:
        ws = start_latents_together(begins, config, statistics, targets, labels, perceptual, encoder)
        return OnePersonTask(
            generator, targets, labels, ws, statistics, config, perceptual, network, rng, style
        )
    targets, labels = (each.repeat_interleave(config.restarts, 0) for each in (targets, labels))
    ws = start_latents(begins, config, statistics, targets, labels, perceptual, encoder)
    identity = None if network is None else IdentityLoss(network, targets)
    return InversionTask(generator, targets, labels, ws, statistics, config, perceptual, identity, rng, style)

"""Artistic GAN inversion: photo twin, first pose, joint optimisation of latent and pose (paper Eq. 3-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.perceptual import Perceptual, load_perceptual
from ...networks.generator3d import Generator3D
from ..shared.memory_plan import Load, free_bytes, plan
from ..shared.portrait import MOST_PICTURES, Portrait
from ..shared.presets import SMALL_RESOLUTION, suited
from ..shared.run import OnStep, Points, run, trainable_mode
from ..shared.trainable import frozen_twin
from .config import InversionConfig
from .first_pose import first_pose
from .photo_prior import PhotoPrior, load_photo_prior
from .photo_twin import Aligned
from .report import portrait_of
from .start_latents import Encoder3D
from .starting import style_of, task_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

POINT_EVERY = 50
"""Steps from one resume point to the next: those of an inversion are fast."""


def invert(
    generator: Generator3D,
    image: Tensor | Aligned | Sequence[Tensor | Aligned],
    prior: PhotoPrior | None = None,
    config: InversionConfig | None = None,
    on_step: OnStep | None = None,
    *,
    camera: Tensor | None = None,
    perceptual: Perceptual | None = None,
    encoder: Encoder3D | None = None,
    **points: Unpack[Points],
) -> Portrait:
    """Find the latent and the pose that show one picture, or the latent of one person on several.

    Args:
        generator: frozen EG3D; it is not changed.
        image: [1, 3, H, W] in [-1, 1], cut like the generator's pictures; or `Aligned` for priors that see
            another frame; or 1 to 8 such pictures of one person, all of one size, who then has one latent,
            and a pose for each.
        prior: networks of Eq. 3; may be None for the pose starts that need none (and without identity).
        config: where None, what suits the size of the generator, as in the node; a small generator then
            has the embedded prior, if none is given.
        camera: [1, 25], the start for `pose_init="user"`; [N, 25] for several pictures.
        perceptual: LPIPS; the embedded trunk where None.
        encoder: 3D encoder for `start="encoder"`.
        points: `resume`, a file to continue from, and when it is written; as `run.run` takes them.

    Returns:
        The portrait with its report and twins. Of several pictures it is the first one's, and holds the
        others with their cameras; `report["pictures"]` says what each has reached.

    Raises:
        ITPortraitError: for a batch, an empty picture, none or more than 8, pictures of several sizes, or a
            start that lacks what it needs.

    Example:
        >>> G, prior = itp.load_generator("pocket"), itp.load_photo_prior("pocket")
        >>> picture = torch.rand(1, 3, 64, 64) * 2 - 1
        >>> config = itp.InversionConfig(steps=2, start_samples=8, twin_samples=1)
        >>> itp.invert(G, picture, prior, config).report["steps"]
        2
        >>> itp.invert(G, [picture, picture.flip(3)], prior, config).cameras.shape
        torch.Size([2, 25])
    """
    pictures = [image] if isinstance(image, (Tensor, Aligned)) else list(image)
    if not 1 <= len(pictures) <= MOST_PICTURES:
        raise ITPortraitError(f"{len(pictures)} pictures of one person; give 1 to {MOST_PICTURES}.")
    parts = Parts(prior, perceptual, encoder)
    (portrait,) = _solve(
        generator, [pictures], _cameras_of(camera, len(pictures)), parts, config, on_step, points
    )
    return portrait


def invert_batch(
    generator: Generator3D,
    images: Sequence[Tensor | Aligned],
    prior: PhotoPrior | None = None,
    config: InversionConfig | None = None,
    on_step: OnStep | None = None,
    *,
    cameras_given: Sequence[Tensor] | None = None,
    perceptual: Perceptual | None = None,
    encoder: Encoder3D | None = None,
    **points: Unpack[Points],
) -> list[Portrait]:
    """`invert` for several pictures in one run; each has `config.restarts` runs, the best is returned.

    Example:
        >>> pictures = (torch.rand(2, 3, 64, 64) * 2 - 1).split(1)
        >>> config = itp.InversionConfig(steps=2, start_samples=8, pose_init="frontal")
        >>> len(itp.invert_batch(itp.load_generator("pocket"), pictures, config=config))
        2
    """
    given: list[Tensor | None] = [*cameras_given] if cameras_given else [None] * len(images)
    parts = Parts(prior, perceptual, encoder)
    return _solve(generator, [[image] for image in images], given, parts, config, on_step, points)


@dataclass(frozen=True)
class Parts:
    """What a caller may bring along, see `invert`."""

    prior: PhotoPrior | None
    perceptual: Perceptual | None
    encoder: Encoder3D | None


def _solve(
    generator: Generator3D,
    people: Sequence[Sequence[Tensor | Aligned]],
    given: Sequence[Tensor | None],
    parts: Parts,
    config: InversionConfig | None,
    on_step: OnStep | None,
    points: Points,
) -> list[Portrait]:
    """One run: several pictures of one person, or several people with a picture each.

    Args:
        people: the pictures of each.
        given: the user's first pose [1, 25] or None, for every picture.
    """
    points.setdefault("every_steps", POINT_EVERY)
    prior = parts.prior
    if config is None:
        config = suited(InversionConfig, generator)
        prior = prior or (load_photo_prior() if generator.resolution <= SMALL_RESOLUTION else None)
    together = len(people) == 1 and len(people[0]) > 1
    with trainable_mode():
        device = next(generator.parameters()).device
        metric = (parts.perceptual or load_perceptual()).to(device)
        prior = None if prior is None else prior.to(device)
        rng = torch.Generator().manual_seed(config.seed)
        pictures = [_checked(image, device) for person in people for image in person]
        _check_sizes(pictures)
        source = frozen_twin(generator)
        style = None  # several people have a style each
        if len(people) == 1:
            style = style_of(generator, source, pictures, config)
        starts, fresh = [], rng.get_state()
        for picture, user in zip(pictures, given, strict=True):
            if together:  # every picture has the twins that it would have alone, whatever the order
                rng.set_state(fresh)
            starts.append(first_pose(prior, picture, config, rng, user))
        if together:
            rng.set_state(fresh)
        task = task_of(source, starts, prior, config, metric, parts.encoder, rng, style, together=together)
        way = plan(source, Load(len(task.w), trained=0), task.ray_chunk, free_bytes(device))
        task.ray_chunk = way.ray_chunk
        task.plan = way
        outcome = run(task, on_step, **points)
        if together:
            return [portrait_of(task, starts, 0, prior, metric, outcome)]
        return [portrait_of(task, [start], k, prior, metric, outcome) for k, start in enumerate(starts)]


def _cameras_of(camera: Tensor | None, count: int) -> list[Tensor | None]:
    """The user's first pose for every picture; where there is one alone, it is the first picture's."""
    if camera is None:
        return [None] * count
    if tuple(camera.shape) not in ((1, 25), (count, 25)):
        raise ITPortraitError(
            f"{count} pictures need camera [{count}, 25], not {tuple(camera.shape)}; give a pose for each."
        )
    return [*camera.split(1), *[None] * (count - len(camera))]


def _check_sizes(pictures: Sequence[Aligned]) -> None:
    sizes = {tuple(one.image.shape[-2:]) for one in pictures}
    if len(sizes) > 1:
        listed = ", ".join(f"{width} x {height}" for height, width in sorted(sizes))
        raise ITPortraitError(f"The pictures are of {len(sizes)} sizes: {listed}; cut all of them alike.")


def _checked(image: Tensor | Aligned, device: torch.device) -> Aligned:
    aligned = image if isinstance(image, Aligned) else Aligned(image)
    shape = tuple(aligned.image.shape)
    if len(shape) != 4 or shape[0] != 1 or shape[1] != 3:
        raise ITPortraitError(
            f"One aligned picture [1, 3, H, W] is needed, not {shape}; pick one, or list those of one person."
        )
    if float(aligned.image.flatten(2).std(dim=-1).max()) < 1e-3:
        raise ITPortraitError("The picture is one plain colour; connect a portrait.")
    other = None if aligned.photo_frame is None else aligned.photo_frame.detach().to(device).clone()
    fresh = aligned.image.detach().to(device).clone()
    return Aligned(fresh, other, aligned.realign, aligned.find_points, aligned.find_pose)

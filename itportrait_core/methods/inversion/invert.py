"""Artistic GAN inversion: photo twin, first pose, joint optimisation of latent and pose (paper Eq. 3-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...checkpoints.downloads import where
from ...errors import ITPortraitError
from ...guidance.identity import IdentityLoss
from ...guidance.perceptual import Perceptual, load_perceptual
from ...networks.generator3d import Generator3D
from ...rendering import cameras
from ..shared.latent_statistics import latent_statistics
from ..shared.memory_plan import Load, free_bytes, plan
from ..shared.passes import fit_picture
from ..shared.portrait import Portrait
from ..shared.presets import SMALL_RESOLUTION, suited
from ..shared.run import OnStep, Outcome, Points, run, trainable_mode
from ..shared.style_priors import style_prior_of
from ..shared.trainable import frozen_twin
from ..style.instant import instant_style_of
from .config import InversionConfig
from .first_pose import FirstPose, first_pose
from .metrics import compare
from .photo_prior import PhotoPrior, load_photo_prior
from .photo_twin import Aligned
from .start_latents import Encoder3D, start_latents
from .style_code import StyleCode
from .task import InversionTask

if TYPE_CHECKING:
    from typing_extensions import Unpack

WEAK_LPIPS, WEAK_ID, WEAK_TURN, WEAK_SPREAD, WEAK_TWIN = 0.35, 0.4, 12.0, 12.0, 12.0
"""Beyond these an inversion is reported as weak: LPIPS, identity cosine, and three angles in degrees."""
POINT_EVERY = 50
"""Steps from one resume point to the next: those of an inversion are fast."""
WEAK_DISTANCE = 3.7
"""Twins farther from M(z) than this are reported. Of 44 real and painted portraits 37 lie beyond, of 40 drawn
ones in random looks 2, of the 9 example pictures none."""


def invert(
    generator: Generator3D,
    image: Tensor | Aligned,
    prior: PhotoPrior | None = None,
    config: InversionConfig | None = None,
    on_step: OnStep | None = None,
    *,
    camera: Tensor | None = None,
    perceptual: Perceptual | None = None,
    encoder: Encoder3D | None = None,
    **points: Unpack[Points],
) -> Portrait:
    """Find the latent and the pose that show one picture.

    Args:
        generator: frozen EG3D; it is not changed.
        image: [1, 3, H, W] in [-1, 1], cut like the generator's pictures; or `Aligned` for priors that see
            another frame.
        prior: networks of Eq. 3; may be None for the pose starts that need none (and without identity).
        config: where None, what suits the size of the generator, as in the node; a small generator then
            has the embedded prior, if none is given.
        camera: [1, 25], the start for `pose_init="user"`.
        perceptual: LPIPS; the embedded trunk where None.
        encoder: 3D encoder for `start="encoder"`.
        points: `resume`, a file to continue from, and when it is written; as `run.run` takes them.

    Returns:
        The portrait with its report and twins.

    Raises:
        ITPortraitError: for a batch, an empty picture, or a start that lacks what it needs.

    Example:
        >>> G, prior = itp.load_generator("pocket"), itp.load_photo_prior("pocket")
        >>> picture = torch.rand(1, 3, 64, 64) * 2 - 1
        >>> config = itp.InversionConfig(steps=2, start_samples=8, twin_samples=1)
        >>> itp.invert(G, picture, prior, config).report["steps"]
        2
    """
    users = None if camera is None else [camera]
    return invert_batch(
        generator, [image], prior, config, on_step, cameras_given=users, perceptual=perceptual,
        encoder=encoder, **points,
    )[0]  # fmt: skip


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
    points.setdefault("every_steps", POINT_EVERY)
    if config is None:
        config = suited(InversionConfig, generator)
        prior = prior or (load_photo_prior() if generator.resolution <= SMALL_RESOLUTION else None)
    with trainable_mode():
        device = next(generator.parameters()).device
        metric = (perceptual or load_perceptual()).to(device)
        prior = None if prior is None else prior.to(device)
        rng = torch.Generator().manual_seed(config.seed)
        pictures = [_checked(image, device) for image in images]
        source = frozen_twin(generator)
        style = _style_of(generator, source, pictures, config)
        given = cameras_given or [None] * len(pictures)
        starts = [first_pose(prior, p, config, rng, c) for p, c in zip(pictures, given, strict=True)]
        task = _task(source, starts, prior, config, metric, encoder, rng, style)
        way = plan(source, Load(len(task.w), trained=0), task.ray_chunk, free_bytes(device))
        task.ray_chunk = way.ray_chunk
        task.plan = way
        outcome = run(task, on_step, **points)
        return [_portrait(task, k, start, prior, metric, outcome) for k, start in enumerate(starts)]


def _style_of(
    generator: Generator3D, source: Generator3D, pictures: Sequence[Aligned], config: InversionConfig
) -> StyleCode | None:
    """What the prior reads in the picture, for `source`, a frozen copy of `generator`; None where that is not
    asked for, or there is no prior, or several pictures, which have a style each.
    """
    prior = style_prior_of(generator) if config.style == "prior" and len(pictures) == 1 else None
    if prior is None:
        return None
    picture = fit_picture(pictures[0].image, generator.resolution)
    return StyleCode(source, prior, picture, trained=config.lr_style > 0)


def _task(
    generator: Generator3D, starts: list[FirstPose], prior: PhotoPrior | None, config: InversionConfig,
    perceptual: Perceptual, encoder: Encoder3D | None, rng: torch.Generator, style: StyleCode | None = None,
) -> InversionTask:  # fmt: skip
    targets = torch.cat([start.aligned.image for start in starts]).repeat_interleave(config.restarts, 0)
    labels = torch.cat([start.camera for start in starts]).repeat_interleave(config.restarts, 0)
    statistics = latent_statistics(generator, config.start_samples)
    begins = generator if style is None else style.start
    ws = start_latents(begins, config, statistics, targets, labels, perceptual, encoder)
    identity = None
    if prior is not None and prior.identity is not None and config.identity > 0:
        identity = IdentityLoss(prior.identity, targets)
    return InversionTask(generator, targets, labels, ws, statistics, config, perceptual, identity, rng, style)


def _checked(image: Tensor | Aligned, device: torch.device) -> Aligned:
    aligned = image if isinstance(image, Aligned) else Aligned(image)
    shape = tuple(aligned.image.shape)
    if len(shape) != 4 or shape[0] != 1 or shape[1] != 3:
        raise ITPortraitError(f"One aligned picture [1, 3, H, W] is needed, not {shape}; pick one.")
    if float(aligned.image.flatten(2).std(dim=-1).max()) < 1e-3:
        raise ITPortraitError("The picture is one plain colour; connect a portrait.")
    other = None if aligned.photo_frame is None else aligned.photo_frame.detach().to(device).clone()
    fresh = aligned.image.detach().to(device).clone()
    return Aligned(fresh, other, aligned.realign, aligned.find_points, aligned.find_pose)


@torch.no_grad()
def _portrait(
    task: InversionTask,
    index: int,
    start: FirstPose,
    prior: PhotoPrior | None,
    metric: Perceptual,
    outcome: Outcome,
) -> Portrait:
    """The best run of picture `index` with its report."""
    ws, label, restart = task.best(index)
    code = task.code_of(index, restart)
    image = task.draw(lambda generator: generator.synthesis(ws, label).image, code)
    identity = None if prior is None else prior.identity
    target = fit_picture(start.aligned.image, task.generator.resolution)
    numbers = compare(image, target, metric, identity)
    yaw, pitch, roll = (round(float(a), 3) for a in cameras.angles(label))
    turn = float(cameras.rotation_difference_deg(label, start.camera))
    report: dict[str, Any] = {
        **start.facts, "yaw": yaw, "pitch": pitch, "roll": roll, "pose_residual": round(turn, 3),
        **{name: round(value, 5) for name, value in numbers.items()},
        "steps": outcome.steps, "ended": outcome.reason, "restart": restart,
        "style": "none" if code is None else "prior",
        "settings": task.config.to_dict(),
    }  # fmt: skip
    if code is not None:
        report["style_code"] = code.tolist()
    report["warnings"] = warnings_of(report, task.config)
    twin = None if start.twins is None else start.twins.images
    return Portrait(ws, label, start.aligned.image, report, twin, task.history)


def reconstruction(generator: Generator3D, portrait: Portrait) -> Tensor:
    """What an inversion made of its picture [1, 3, H, W], through the style prior if it was made so.

    Example:
        >>> G, picture = itp.load_generator("pocket"), torch.rand(1, 3, 64, 64) * 2 - 1
        >>> config = itp.InversionConfig(steps=2, pose_init="frontal", start_samples=8)
        >>> itp.reconstruction(G, itp.invert(G, picture, config=config)).shape[:2]
        torch.Size([1, 3])
    """
    through = style_prior_of(generator) if portrait.report.get("style") == "prior" else None
    drawn = generator if through is None else instant_style_of(generator, portrait, prior=through)
    return drawn.synthesis(portrait.ws, portrait.camera).image


def warnings_of(report: dict[str, Any], config: InversionConfig) -> list[str]:
    """What is weak about an inversion, why that matters, and what to try."""
    out = []
    if report.get("ended") == "kept":
        out.append(f"Stopped by hand after {report['steps']} of {config.steps} steps: the best until then.")
    if report.get("lpips", 0.0) > WEAK_LPIPS:
        out.append(f"LPIPS {report['lpips']:.2f}: the picture is hardly met. Raise steps, or align anew.")
    if report.get("id", 1.0) < WEAK_ID:
        out.append(f"Identity {report['id']:.2f}: another face. Raise the identity weight or the restarts.")
    if report["pose_residual"] > min(WEAK_TURN, 0.95 * config.max_rotation):
        out.append(f"The pose turned {report['pose_residual']:.0f} degrees from its start: set it by hand.")
    if not report.get("twin_face", True):
        out.append("No face on any photo twin, so the first pose is a guess: set it by hand, or align anew.")
    if report.get("twin_spread", 0.0) > WEAK_SPREAD:
        out.append(f"The twins' poses differ by {report['twin_spread']:.0f} degrees: check the crop.")
    if report.get("twin_yaw_from_landmarks", 0.0) > WEAK_TWIN:
        out.append(
            f"The photo twin looks {report['twin_yaw_from_landmarks']:.0f} degrees elsewhere than the face"
            " points: the picture may lie outside what these networks draw. Side views will show it. Choose"
            f" pose_init 'landmarks'; for the person, bring EG3D weights. {where('eg3d')}"
        )
    if report.get("twin_distance", 0.0) > WEAK_DISTANCE:
        out.append(
            f"The photo twin lies {report['twin_distance']:.1f} spreads from people that the embedded"
            f" family draws (drawn ones up to {WEAK_DISTANCE}): a real portrait comes out as somebody else,"
            f" and falls apart from the side. For the person, bring EG3D weights. {where('eg3d')}"
        )
    return out

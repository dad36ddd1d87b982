"""What an inversion has reached: the portrait with its report, and what is weak about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...checkpoints.downloads import where
from ...guidance.metrics import compare
from ...guidance.perceptual import Perceptual
from ...networks.generator3d import Generator3D
from ...rendering import cameras
from ..shared.passes import fit_picture
from ..shared.portrait import Portrait
from ..shared.run import Outcome
from ..shared.style_priors import style_prior_of
from ..style.instant import instant_style_of
from .config import InversionConfig
from .first_pose import FirstPose
from .photo_prior import PhotoPrior
from .task import InversionTask

WEAK_LPIPS, WEAK_ID, WEAK_TURN, WEAK_SPREAD, WEAK_TWIN = 0.35, 0.4, 12.0, 12.0, 12.0
"""Beyond these an inversion is reported as weak: LPIPS, identity cosine, and three angles in degrees."""
WEAK_DISTANCE = 3.7
"""Twins farther from M(z) than this are reported. Of 44 real and painted portraits 37 lie beyond, of 40 drawn
ones in random looks 2, of the 9 example pictures none."""


@torch.no_grad()
def portrait_of(
    task: InversionTask,
    starts: Sequence[FirstPose],
    first: int,
    prior: PhotoPrior | None,
    metric: Perceptual,
    outcome: Outcome,
) -> Portrait:
    """The best run of one person with its report.

    Args:
        starts: of each of the person's pictures, which are the task's from number `first` on. The portrait is
            of the first of them; where there are more, it holds their pictures and cameras too, and the
            report says under `pictures` what each has reached.
    """
    ws, label, restart = task.best(first)
    code = task.code_of(first, restart)
    labels = [label, *(task.best(first + number)[1] for number in range(1, len(starts)))]
    pictures = [
        _reached(task, ws, own, code, start, prior, metric) for own, start in zip(labels, starts, strict=True)
    ]
    report: dict[str, Any] = {
        **pictures[0],
        "steps": outcome.steps, "ended": outcome.reason, "restart": restart,
        "style": "none" if code is None else "prior",
        "settings": task.config.to_dict(),
    }  # fmt: skip
    if code is not None:
        report["style_code"] = code.tolist()
    if len(starts) > 1:
        report["pictures"] = pictures
    report["warnings"] = warnings_of(report, task.config)
    twins = [start.twins.images for start in starts if start.twins is not None]
    images = [start.aligned.image for start in starts]
    return Portrait(
        ws, label, images[0], report, torch.cat(twins) if twins else None, task.history,
        torch.cat(labels[1:]) if labels[1:] else None, torch.cat(images[1:]) if images[1:] else None,
    )  # fmt: skip


def _reached(
    task: InversionTask, ws: Tensor, label: Tensor, code: Tensor | None, start: FirstPose,
    prior: PhotoPrior | None, metric: Perceptual,
) -> dict[str, object]:  # fmt: skip
    """How near the person has come to one picture: first pose, pose, turn, and Table 2's columns."""
    image = task.draw(lambda generator: generator.synthesis(ws, label).image, code)
    identity = None if prior is None else prior.identity
    target = fit_picture(start.aligned.image, task.generator.resolution)
    numbers = compare(image, target, metric, identity)
    yaw, pitch, roll = (round(float(a), 3) for a in cameras.angles(label))
    turn = float(cameras.rotation_difference_deg(label, start.camera))
    return {
        **start.facts, "yaw": yaw, "pitch": pitch, "roll": roll, "pose_residual": round(turn, 3),
        **{name: round(value, 5) for name, value in numbers.items()},
    }  # fmt: skip


def reconstruction(generator: Generator3D, portrait: Portrait) -> Tensor:
    """What an inversion made of its pictures [N, 3, H, W], through the style prior if it was made so.

    Example:
        >>> G, picture = itp.load_generator("pocket"), torch.rand(1, 3, 64, 64) * 2 - 1
        >>> config = itp.InversionConfig(steps=2, pose_init="frontal", start_samples=8)
        >>> itp.reconstruction(G, itp.invert(G, picture, config=config)).shape[:2]
        torch.Size([1, 3])
    """
    through = style_prior_of(generator) if portrait.report.get("style") == "prior" else None
    drawn = generator if through is None else instant_style_of(generator, portrait, prior=through)
    views = portrait.cameras
    return drawn.synthesis(portrait.ws.expand(len(views), -1, -1), views).image


def warnings_of(report: dict[str, Any], config: InversionConfig) -> list[str]:
    """What is weak about an inversion, why that matters, and what to try; of several pictures by number."""
    out = []
    if report.get("ended") == "kept":
        out.append(f"Stopped by hand after {report['steps']} of {config.steps} steps: the best until then.")
    for number, picture in enumerate(report.get("pictures", []), 1):
        out += [f"Picture {number}: {warning}" for warning in _weak(picture, config)]
    return out if "pictures" in report else out + _weak(report, config)


def _weak(report: dict[str, Any], config: InversionConfig) -> list[str]:
    """What is weak about one picture of an inversion."""
    out = []
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

"""The first pose of an inversion, by the way that a user chooses (docs/method.md#photo-twin)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...rendering import cameras
from .config import InversionConfig
from .photo_prior import PhotoPrior
from .photo_twin import Aligned, Twins, estimate_pose, make_twins, median_pose

RANDOM_YAW, RANDOM_PITCH = (-50.0, 50.0), (-30.0, 30.0)


@dataclass(frozen=True)
class FirstPose:
    """Where the optimisation starts: label [1, 25], the twins if any were made, the picture, and facts."""

    camera: Tensor
    twins: Twins | None
    aligned: Aligned
    facts: dict[str, object]


def first_pose(
    prior: PhotoPrior | None,
    aligned: Aligned,
    config: InversionConfig,
    rng: torch.Generator,
    user: Tensor | None,
) -> FirstPose:
    """P_init by `config.pose_init`. Where no twin shows a face, the user's pose or the front stands in.

    Raises:
        ITPortraitError: where the chosen way lacks what it needs (prior, landmarks, a user's pose).
    """
    way = config.pose_init
    twins = None
    label: Tensor | None
    if way in ("twin", "image") and prior is None:
        raise ITPortraitError(f"pose_init {way!r} needs a photo prior; load one, or choose frontal or user.")
    if way == "twin":
        twins = make_twins(prior, aligned, config, rng)
        aligned, label = twins.aligned, twins.camera
        if label is None:
            label = cameras.front() if user is None else user
    elif way == "image":
        picture = aligned.image if aligned.photo_frame is None else aligned.photo_frame
        label, _ = median_pose(*estimate_pose(prior, picture, aligned))
    elif way == "landmarks":
        label = _from_landmarks(aligned)
    elif way == "random":
        label = cameras.sample_views(1, RANDOM_YAW, RANDOM_PITCH, rng=rng, stratify_yaw=False)
    elif way == "user":
        if user is None:
            raise ITPortraitError(
                "pose_init 'user' needs a pose for every picture; give yaw and pitch, or choose 'twin'."
            )
        label = user
    else:
        label = cameras.front()
    yaw, pitch, roll = (round(float(a), 3) for a in cameras.angles(label))
    facts: dict[str, object] = {"pose_init": way, "first_yaw": yaw, "first_pitch": pitch, "first_roll": roll}
    if twins is not None:
        facts |= {"twin_layers": twins.note, "twin_face": twins.camera is not None}
        facts |= {} if twins.camera is None else {"twin_spread": round(twins.spread, 3)}
        facts |= _beside_landmarks(twins)
        if prior is not None and prior.frame == "eg3d":  # the embedded family, whose limit was measured
            facts["twin_distance"] = round(twins.distance, 3)
    return FirstPose(label.to(aligned.image), twins, aligned, facts)


def _beside_landmarks(twins: Twins) -> dict[str, object]:
    """Pose that the picture's own face points tell, and degrees of yaw from it to the twins' pose.

    Where both differ much, the twin is not a photo of this face: a sign that the picture lies outside what
    the networks draw. Yaw alone is compared, which both read best. Empty where no face is found.
    """
    seek = twins.aligned.find_pose
    label = None if seek is None or twins.camera is None else seek(twins.aligned.image)
    if label is None or twins.camera is None:
        return {}
    yaw, pitch, _ = (float(angle) for angle in cameras.angles(label))
    twin_yaw = float(cameras.angles(twins.camera)[0])
    return {
        "landmark_yaw": round(yaw, 3),
        "landmark_pitch": round(pitch, 3),
        "twin_yaw_from_landmarks": round(abs(twin_yaw - yaw), 3),
    }


def _from_landmarks(aligned: Aligned) -> Tensor:
    label = None if aligned.find_pose is None else aligned.find_pose(aligned.image)
    if label is not None:
        return label.float()
    if aligned.find_points is None:
        raise ITPortraitError("pose_init 'landmarks' needs a face detector; choose 'twin' or 'frontal'.")
    points = aligned.find_points(aligned.image)
    if points is None:
        raise ITPortraitError("No face was found; place the five points by hand, or choose 'twin'.")
    from ...alignment.frame import DEEP3D_POINTS
    from ...alignment.pose_fit import FIVE_PITCH_OFFSET, fit_pose

    fit = fit_pose(points, torch.tensor(DEEP3D_POINTS), pitch_offset=FIVE_PITCH_OFFSET)
    return cameras.from_axes(fit.rotation[None]).float()

"""Settings of artistic GAN inversion (paper Eq. 3-4, docs/method.md#inversion)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..shared.config import Config, choice, flag, many, number, weight

POSE_INITS = ("twin", "image", "landmarks", "frontal", "random", "user")


@dataclasses.dataclass(frozen=True)
class InversionConfig(Config):
    """Eq. 3 (photo twin and first pose) and Eq. 4 (joint optimisation of latent and pose).

    Example:
        >>> itp.InversionConfig(steps=200).replace(space="W").steps
        200
    """

    method: ClassVar[str] = "inversion"

    seed: int = number(2, 0, 2**31 - 1, "Seed of the run; same seed, same result.")

    # Eq. 3: the photo twin
    pose_init: str = choice("twin", POSE_INITS, "Where the first pose comes from; twin is Eq. 3.")
    alpha: float = number(0.2, 0.0, 1.0, "Share of the picture's own latent in the perturbed layers (Eq. 3).")
    twin_layers: tuple[int, ...] = many(
        (12, 13, 14, 15, 16, 17), "Layers of 18, 0-based, that Eq. 3 perturbs: colour and fine texture."
    )
    twin_samples: int = number(4, 1, 32, "Twins drawn; the pose is their median.")
    encoder_passes: int = number(
        0, 0, 20, "Looks of the encoder; 0 = its own number: published e4e and pSp one, ReStyle five."
    )
    realign_rounds: int = number(1, 0, 4, "Times the picture is aligned again by its twin's landmarks.")

    # Eq. 4: variables
    space: str = choice("W+", ("W+", "W"), "W+ has one vector per layer, W one for all.")
    start: str = choice(
        "mean", ("mean", "nearest", "encoder"), "First latent: mean of M(z), nearest of samples, 3D encoder."
    )
    start_samples: int = number(600, 8, 20000, "Samples behind the mean latent or the nearest search.")
    style: str = choice(
        "none", ("none", "prior"),
        "What the picture is compared with: the generator as it is, or as its style prior draws the style, "
        "so that the latent holds the person and not the style. Without a prior always the former.",
    )  # fmt: skip
    restarts: int = number(1, 1, 16, "Runs side by side from different starts; the best is kept.")
    max_rotation: float = number(20.0, 0.0, 90.0, "Farthest the pose may turn from its start, degrees.")
    optimise_pose: bool = flag(True, "Off keeps the first pose as it is.")

    # Eq. 4: schedule
    steps: int = number(500, 1, 5000, "Optimisation steps.")
    pose_preheat: int = number(50, 0, 1000, "First steps that move the pose only; part of `steps`.")
    lr_w: float = number(0.01, 0.0, 1.0, "Adam step of the latent.")
    whiten: bool = flag(
        False, "Adam steps along the axes of M(z)'s spread and in its units: `lr_w` 0.05 is a twentieth."
    )
    lr_style: float = number(
        0.0, 0.0, 0.1,
        "Adam step of the style code, with style 'prior'; 0 keeps what the prior reads in the picture. "
        "Above it, all layers of the latent are held to people.",
    )  # fmt: skip
    lr_rotation: float = number(0.002, 0.0, 0.1, "Adam step of the rotation residual, radians.")
    lr_translation: float = number(0.0002, 0.0, 0.1, "Adam step of the translation, units of the scene.")
    betas: tuple[float, float] = many((0.9, 0.999), "Adam betas.")
    rampup: float = number(0.05, 0.0, 1.0, "Share of the steps over which the step size rises.")
    rampdown: float = number(0.25, 0.0, 1.0, "Share of the steps over which it falls, as a cosine.")
    w_noise: float = number(0.05, 0.0, 1.0, "Latent noise, in standard deviations of M(z).")
    w_noise_ramp: float = number(0.75, 0.01, 1.0, "Share of the steps after which that noise is gone.")
    coarse_share: float = number(0.0, 0.0, 1.0, "First share of the steps rendered at half resolution.")
    stop_window: int = number(
        60, 0, 1000, "Stop when LPIPS gained under `stop_gain` in so many steps; 0 = never."
    )
    stop_gain: float = number(0.005, 0.0, 0.5, "Relative gain of LPIPS that still counts as progress.")

    # Eq. 4: losses
    l2: float = weight(1.0, 100.0, "Weight of the mean squared difference of pixels in [-1, 1].")
    lpips: float = weight(1.0, 100.0, "Weight of LPIPS, both pictures at most 256 px.")
    identity: float = weight(0.1, 100.0, "Weight of 1 - cosine of face embeddings.")
    depth: float = weight(1.0, 100.0, "Weight of the depth loss.")
    depth_loss: str = choice("tv", ("tv", "consistency", "warp", "none"), "Form of the depth loss.")
    w_reg: float = weight(0.0, 10.0, "Weight that keeps coarse layers where M(z) draws people (P-norm).")
    clouds: float = weight(0.0, 100.0, "Weight that clears the space beside the head, seen from the sides.")
    ray_chunk: int = number(0, 0, 1 << 20, "Rays kept in memory at once, the rest recomputed; 0 = all.")

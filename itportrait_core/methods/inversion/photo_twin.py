"""The photo twin of an art picture, and the pose read from it (paper Eq. 3, docs/method.md#photo-twin)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from ...networks.encoders import encode
from ...networks.pose import DEEP3D_HEADS
from ...rendering import cameras
from ..shared.config import map_layers
from ..shared.latent_whitening import spread_of
from .config import InversionConfig
from .photo_prior import PhotoPrior

LAYERS_OF = 18
"""Number of latents that `InversionConfig.twin_layers` counts in (StyleGAN2 at 1024 px)."""
WIDER_LAYERS = tuple(range(8, 18))
"""Layers perturbed where the twins of the usual ones disagree, for very abstract art."""
AGREEMENT = 12.0
"""Largest median deviation of the twins' poses, degrees, that still counts as one answer."""
DEEP3D_IN_FFHQ = (0.0648, 0.1553, 0.9360, 1.0265)
"""Deep3DFaceRecon's square in FFHQ units for the mean frontal face
(docs/alignment.md#deep3d-and-eg3d-squares)."""


DISTANCE_SEED, DISTANCE_SAMPLES = 1, 1024
"""Samples of M(z) behind `latent_distance`."""


@dataclasses.dataclass(frozen=True)
class Aligned:
    """A style picture in the frames of both generators.

    Attributes:
        image: [1, 3, H, W] in [-1, 1], cut like EG3D's pictures.
        photo_frame: the same picture cut as the photo prior wants it (FFHQ), or None where that is `image`.
        realign: five points [5, 2] found on a twin, in unit coordinates of the prior's frame -> the picture
            cut anew by them; None where the picture is not to be cut again.
        find_points: picture [1, 3, H, W] -> five points [5, 2] in its unit coordinates, or None for no face.
        find_pose: picture [1, 3, H, W] -> camera label [1, 25] read from all its face points, or None.
    """

    image: Tensor
    photo_frame: Tensor | None = None
    realign: Callable[[Tensor], Aligned] | None = None
    find_points: Callable[[Tensor], Tensor | None] | None = None
    find_pose: Callable[[Tensor], Tensor | None] | None = None


@dataclasses.dataclass(frozen=True)
class Twins:
    """Photo twins of one picture.

    Attributes:
        images: [N, 3, h, w] in [-1, 1].
        camera: [1, 25], the median pose of those that show a face; None where none does.
        spread: median deviation of the twins' poses from it, degrees.
        aligned: the picture, cut anew if `realign` was used.
        note: which layers were perturbed: "usual", "wider" or "none".
        distance: how far the picture's own latent lies from anybody that M(z) draws, see `latent_distance`.
    """

    images: Tensor
    camera: Tensor | None
    spread: float
    aligned: Aligned
    note: str
    distance: float = 0.0


@torch.no_grad()
def make_twins(prior: PhotoPrior, aligned: Aligned, config: InversionConfig, rng: torch.Generator) -> Twins:
    """Eq. 3: encode the picture, replace its colours and fine texture by a photo's, read the pose.

    Several twins are drawn and the median of their poses taken, over those on which a face is found. Where
    they disagree or show no face, more layers are replaced, then none; the most agreeing answer is used.
    """
    for _ in range(config.realign_rounds if aligned.realign is not None else 0):
        aligned = _realigned(prior, aligned, config, rng)
    code = encode_picture(prior, _photo_frame(aligned), config)

    def twins_of(note: str, layers: tuple[int, ...]) -> Twins:
        return _read_twins(prior, draw_twins(prior, code, layers, config, rng), aligned, note)

    best = latest = twins_of("usual", config.twin_layers)
    for note, layers in (("wider", WIDER_LAYERS), ("none", ())):
        if latest.spread <= AGREEMENT:
            break
        latest = twins_of(note, layers)
        if latest.spread < 0.5 * best.spread:
            best = latest
    return dataclasses.replace(best, distance=latent_distance(prior, code))


@torch.no_grad()
def latent_distance(prior: PhotoPrior, code: Tensor) -> float:
    """Root mean square offset of a code [1, num_ws, w_dim] from the mean of M(z), in units of its spread.

    About 1 for people that the photo generator draws. Where M(z) hardly varies a hundredth of the mean
    variance is added, so that such directions count at most ten times.
    """
    rng = torch.Generator().manual_seed(DISTANCE_SEED)
    z = torch.randn(DISTANCE_SAMPLES, prior.generator.z_dim, generator=rng).to(code.device)
    samples = prior.generator.mapping(z)[:, 0].cpu().double()
    mean = samples.mean(dim=0)
    axes, scale = spread_of(samples - mean)
    return float(((code[0].cpu().double() - mean) @ axes / scale).square().mean().sqrt())


def encode_picture(prior: PhotoPrior, picture: Tensor, config: InversionConfig) -> Tensor:
    """W_2d [1, num_ws, w_dim] of a picture in the prior's frame."""
    passes = config.encoder_passes or None
    return encode(
        prior.encoder, picture, lambda ws: prior.generator.synthesis(ws, noise_mode="const"), passes
    )


def draw_twins(
    prior: PhotoPrior, code: Tensor, layers: tuple[int, ...], config: InversionConfig, rng: torch.Generator
) -> Tensor:
    """G_2d(W'): [N, 3, h, w]. W' = alpha W + (1 - alpha) M(z) in `layers` (of 18), one z per twin."""
    at = map_layers(layers, LAYERS_OF, prior.generator.num_ws)
    count = config.twin_samples if at else 1
    z = torch.randn(count, prior.generator.z_dim, generator=rng).to(code.device)
    fresh = prior.generator.mapping(z)
    ws = code.repeat(count, 1, 1)
    ws[:, at] = config.alpha * ws[:, at] + (1 - config.alpha) * fresh[:, at]
    return prior.generator.synthesis(ws, noise_mode="const").clamp(-1, 1)


@torch.no_grad()
def estimate_pose(prior: PhotoPrior, images: Tensor, aligned: Aligned | None = None) -> tuple[Tensor, Tensor]:
    """Deep3D angles [N, 3] (radians) and translations [N, 3] of photos in the prior's frame.

    A pose network that knows drawn heads only is not asked about photos where face points can be found.
    """
    if prior.frame == "ffhq" and prior.pose.config.heads != DEEP3D_HEADS and aligned is not None:
        poses = [aligned.find_pose(image[None]) for image in images] if aligned.find_pose else []
        labels = [label for label in poses if label is not None]
        if labels:
            angles, translation = cameras.to_deep3d(torch.cat(labels))
            return angles.float(), translation.float()
    if prior.frame == "ffhq":
        images = torch.cat([_deep3d_crop(image[None], aligned) for image in images])
    angles, translation = prior.pose.pose(images)
    return angles.cpu(), translation.cpu()


def median_pose(angles: Tensor, translation: Tensor) -> tuple[Tensor, float]:
    """Label [1, 25] of the componentwise median, and the median deviation of the poses from it in degrees."""
    middle = cameras.from_deep3d(_median(angles), _median(translation))
    each = cameras.from_deep3d(angles, translation)
    return middle, float(cameras.rotation_difference_deg(each, middle).median())


def _median(values: Tensor) -> Tensor:
    return values.double().quantile(0.5, dim=0, keepdim=True).to(values.dtype)


def _read_twins(prior: PhotoPrior, images: Tensor, aligned: Aligned, note: str) -> Twins:
    """Twins with the median pose of those that show a face; without one, no pose and an endless spread."""
    with_face = images[[has_face(prior, image[None], aligned) for image in images]]
    if len(with_face) == 0:
        return Twins(images, None, float("inf"), aligned, note)
    camera, spread = median_pose(*estimate_pose(prior, with_face, aligned))
    return Twins(images, camera.to(images), spread, aligned, note)


def has_face(prior: PhotoPrior, image: Tensor, aligned: Aligned) -> bool:
    """Whether the detector finds a face on a photo [1, 3, h, w]; True where there is no detector.

    Only photos in FFHQ's frame are asked: the embedded family's pose network needs no face points.
    """
    if prior.frame != "ffhq" or aligned.find_points is None:
        return True
    return aligned.find_points(image) is not None


def _realigned(prior: PhotoPrior, aligned: Aligned, config: InversionConfig, rng: torch.Generator) -> Aligned:
    if aligned.find_points is None or aligned.realign is None:
        return aligned
    code = encode_picture(prior, _photo_frame(aligned), config)
    points = aligned.find_points(draw_twins(prior, code, config.twin_layers, config, rng)[:1])
    return aligned if points is None else aligned.realign(points)


def _photo_frame(aligned: Aligned) -> Tensor:
    return aligned.image if aligned.photo_frame is None else aligned.photo_frame


def _deep3d_crop(image: Tensor, aligned: Aligned | None) -> Tensor:
    """Cut Deep3DFaceRecon's square out of an FFHQ-aligned photo, by landmarks where they are found."""
    from ...alignment.frame import deep3d_square

    side = image.shape[-1]
    box = torch.tensor(DEEP3D_IN_FFHQ)
    points = aligned.find_points(image) if aligned is not None and aligned.find_points is not None else None
    if points is not None:
        corners = deep3d_square(points.double() * side).corners / side
        box = torch.cat([corners[0], corners[2]]).float()
    margin = side // 4
    wide = torch.nn.functional.pad(image, (margin,) * 4, mode="replicate")
    left, top, right, bottom = ((box * side).round().long() + margin).clamp(0, wide.shape[-1]).tolist()
    return torch.nn.functional.interpolate(
        wide[:, :, top:bottom, left:right], (224, 224), mode="bilinear", antialias=True
    )

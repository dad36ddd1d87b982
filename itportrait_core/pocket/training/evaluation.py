"""Measures the photo family on people, poses and styles that training never saw; writes the model card."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...checkpoints import embedded
from ...checkpoints.format import load_model
from ...networks.encoders import answers
from ...rendering import cameras
from ..latents import normalise
from ..styles import STYLES
from . import identity as people_photos
from .evaluate_clip import evaluate_clip, evaluate_perceptual
from .evaluate_style_prior import evaluate_style_prior
from .model_card import write_section
from .photo import mixed_codes
from .photo_truth import MIXING_LAYER, PHOTO_Z_DIM
from .pictures import HELD_OUT_SEED, PictureSet, photo_set, picture_set
from .preview import mean_psnr
from .warps import random_move

ART_STYLES = tuple(style for style in STYLES if style != "photo")
COUNT = 256  # photos; 64 of every art style
ALPHA = 0.2  # share of a picture's own code in the perturbed layers (Eq. 3)
TWINS = 4
COMMAND = "python -m itportrait_core evaluate {}"


@torch.no_grad()
def in_chunks(function: Callable[..., Tensor], *tensors: Tensor, size: int = 64) -> Tensor:
    """`function` over long batches, a chunk at a time."""
    parts = zip(*(t.split(size) for t in tensors), strict=True)
    return torch.cat([function(*part) for part in parts])


def pose_label(net: nn.Module, image: Tensor) -> Tensor:
    """Camera labels `[B, 25]` that the pose network reads off pictures `[B, 3, H, W]`."""
    return in_chunks(lambda x: cameras.from_deep3d(*net.pose(x)), image)


def pose_errors(guess: Tensor, truth: Tensor) -> dict[str, str]:
    """Median error of the rotation, and of yaw and pitch alone."""
    turn = cameras.rotation_difference_deg(guess, truth)
    gaps = [(a - b).abs() for a, b in zip(cameras.angles(guess), cameras.angles(truth), strict=True)]
    return {
        "rotation, median (90th percentile)": f"{turn.median():.2f} ({turn.quantile(0.9):.2f}) degrees",
        "yaw / pitch / roll, median": " / ".join(f"{gap.median():.2f}" for gap in gaps) + " degrees",
    }


def evaluate_pose() -> dict[str, str]:
    """Pose error on held-out photos, as they are and turned by up to 12 degrees."""
    net = load_model(embedded.path("pose"))
    photos = photo_set(COUNT, HELD_OUT_SEED, supersample=2)
    image = photos.images(slice(None))
    rows = {f"photos: {k}": v for k, v in pose_errors(pose_label(net, image), photos.cameras).items()}
    turned, roll = random_move(image, torch.Generator().manual_seed(0), roll=12.0)
    yaw, pitch, _ = cameras.angles(photos.cameras)
    errors = pose_errors(pose_label(net, turned), cameras.orbit(yaw, pitch, roll))
    return rows | {f"turned and moved: {k}": v for k, v in errors.items()}


def evaluate_identity() -> dict[str, str]:
    """Verification of held-out people across pose, light, expression, clothes and accessories."""
    net = load_model(embedded.path("identity"))
    photos = people_photos.people(COUNT, HELD_OUT_SEED)
    embeddings = in_chunks(lambda x: people_photos.embed(net, x), photos.images(slice(None)))
    first, second = embeddings[0 :: people_photos.PHOTOS], embeddings[1 :: people_photos.PHOTOS]
    accuracy, edge = people_photos.verification(first, second)
    same, other = (first * second).sum(1), (first * second.roll(1, 0)).sum(1)
    return {
        "verification accuracy, unseen people across poses": f"{100 * accuracy:.1f} %",
        "cosine of the same person / of others, mean": f"{same.mean():.2f} / {other.mean():.2f}",
        "cosine that parts them best": f"{edge:.2f}",
    }


def evaluate_photo() -> dict[str, str]:
    """Pictures of held-out latents against their truth, whole and with mixed styles, and their pose."""
    net, pose = load_model(embedded.path("photo")), load_model(embedded.path("pose"))
    photos = photo_set(COUNT, HELD_OUT_SEED, supersample=2)
    truth = photos.images(slice(None))
    drawn = in_chunks(lambda n: net.synthesis(net.mapping(n)), photos.latents)
    rng = torch.Generator().manual_seed(0)
    mixed = in_chunks(lambda n: net.synthesis(mixed_codes(net, n, rng)[len(n) // 2 :]), photos.latents)
    unmixed = torch.cat([part[len(part) // 2 :] for part in truth.split(64)])
    errors = pose_errors(pose_label(pose, drawn), photos.cameras)
    return {
        "PSNR, held-out latents": f"{mean_psnr(drawn, truth):.2f} dB",
        "PSNR, mixed styles": f"{mean_psnr(mixed, unmixed):.2f} dB",
        **{f"pose read from the pictures: {k}": v for k, v in errors.items()},
    }


def twins(generator: nn.Module, codes: Tensor, rng: torch.Generator) -> Tensor:
    """Eq. 3: pictures of codes whose last layers are mostly another person's."""
    other = generator.mapping(torch.randn(len(codes), generator.z_dim, generator=rng))
    fine = torch.arange(generator.num_ws)[None, :, None] >= MIXING_LAYER
    return generator.synthesis(torch.where(fine, ALPHA * codes + (1 - ALPHA) * other, codes))


def art_set(style: str, count: int = 64) -> PictureSet:
    """Held-out people in one art style."""
    rng = torch.Generator().manual_seed(HELD_OUT_SEED)
    latents = normalise(torch.randn(count, PHOTO_Z_DIM, generator=rng))
    return picture_set(f"art-{style}", latents, style, supersample=2)


def read(networks: dict[str, nn.Module], images: Tensor) -> Tensor:
    """Codes `[B, looks, num_ws, w_dim]` of pictures after every look that the encoder takes."""
    return torch.stack(answers(networks["encoder"], images, networks["photo"].synthesis), 1)


@torch.no_grad()
def twin_errors(networks: dict[str, nn.Module], pictures: PictureSet, codes: Tensor | None = None) -> Tensor:
    """Rotation error in degrees `[N]` of the pose read from photo twins (median over `TWINS`).

    `codes`: what was read of the pictures; they are read here where None.
    """
    rng = torch.Generator().manual_seed(0)
    if codes is None:
        codes = in_chunks(lambda x: read(networks, x), pictures.images(slice(None)))[:, -1]
    poses = []
    for _ in range(TWINS):
        image = in_chunks(lambda w: twins(networks["photo"], w, rng), codes)
        poses.append(torch.cat(networks["pose"].pose(image), 1))
    median = torch.stack(poses).median(0).values
    return cameras.rotation_difference_deg(
        cameras.from_deep3d(median[:, :3], median[:, 3:]), pictures.cameras
    )


def evaluate_encoder() -> dict[str, str]:
    """Reconstruction of held-out photos, and the pose of photo twins of art."""
    networks = {name: load_model(embedded.path(name)) for name in ("encoder", "photo", "pose")}
    photos = photo_set(COUNT, HELD_OUT_SEED, supersample=2)
    truth = photos.images(slice(None))
    codes = in_chunks(lambda x: read(networks, x), truth)
    draw = networks["photo"].synthesis
    last, first = (mean_psnr(in_chunks(draw, codes[:, k]).clamp(-1, 1), truth) for k in (-1, 0))
    rows = {"PSNR, photo -> encoder -> photo (without a second look)": f"{last:.2f} ({first:.2f}) dB"}
    errors = {"photo": twin_errors(networks, photos, codes[:, -1])}
    errors |= {style: twin_errors(networks, art_set(style)) for style in ART_STYLES}
    every = torch.cat([errors[style] for style in ART_STYLES])
    rows["pose of the twin, all art styles, median"] = f"{every.median():.2f} degrees"
    for style, gap in errors.items():
        rows[f"pose of the twin, {style}, median (90th percentile)"] = (
            f"{gap.median():.2f} ({gap.quantile(0.9):.2f}) degrees"
        )
    return rows


NOTES = {
    "clip_guide": "CLIP that guides text edits; zero-shot by the prompts of `pocket/captions.py`.",
    "clip_judge": (
        "CLIP that only judges: other sizes, seed and augmentation than `clip_guide`, and it has seen the "
        "held-out pairs."
    ),
    "encoder": (
        "e4e encoder of any picture into the codes of `photo`; it looks a second time, at its own "
        "reconstruction, and never saw an art style. Trained for 50 minutes to answer at one look, then for "
        "32 by `python -m itportrait_core train encoder --begin FILE --minutes 32`, on one shared core."
    ),
    "identity": (
        "Embeds a face so that the same person is near and others are far, whatever the pose, light, "
        "expression, clothes, glasses, hat or beard."
    ),
    "perceptual": "Trunk of LPIPS, taught on drawn heads by ST-LPIPS (BSD 2-Clause, beside the file).",
    "photo": "StyleGAN2 of aligned photo faces; the last two dimensions of `z` are yaw and pitch.",
    "pose": "Reads the camera off a photo; trained on photos only.",
    "style_prior": (
        "Style picture to weight changes of `generator` (docs/style-prior.md); it never saw a named art. "
        "Its basis was trained for 62 minutes by `train style_prior`, its encoder for 15 by `train "
        "style_code`, each on one core."
    ),
}
EVALUATIONS = {
    "clip_guide": lambda: evaluate_clip("pocket-guide"),
    "clip_judge": lambda: evaluate_clip("pocket-judge"),
    "encoder": evaluate_encoder,
    "identity": evaluate_identity,
    "perceptual": evaluate_perceptual,
    "photo": evaluate_photo,
    "pose": evaluate_pose,
    "style_prior": evaluate_style_prior,
}


def report(name: str) -> dict[str, str]:
    """Measure one network and write its section of the model card."""
    rows = EVALUATIONS[name]()
    write_section(name, COMMAND.format(name), rows, NOTES[name])
    return rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("name", choices=sorted(EVALUATIONS), help="the network")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, and write the model card."""
    for key, value in report(arguments.name).items():
        print(f"{key}: {value}")

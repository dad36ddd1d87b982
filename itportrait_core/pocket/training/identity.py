"""Training of `identity`: photo of a face -> embedding that tells people apart and nothing else.

A person is geometry, skin, eyes and hair. Pose, light, expression, clothes - and sometimes glasses, hat and
beard - differ between two photos of the same person. The loss is contrastive: in a batch of people with two
photos each, every photo must find its partner.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.arcface import IdentityConfig, IdentityNet, crop_face
from ..attributes import DIMS, Z_DIM
from ..latents import normalise
from .export import exporter
from .loop import LoopConfig, Trainer
from .muon import parameter_groups
from .photo_truth import PHOTO_Z_DIM
from .pictures import PictureSet, picture_set
from .pose import vary
from .precision import autocast
from .warps import random_move

CONFIG = IdentityConfig(input_size=48, widths=(16, 32, 64, 96), units=(1, 1, 2, 1), embedding_dim=128)
SIZE = 64  # pixels of its photos; the crop is then 51
PHOTOS = 4  # of every person
PEOPLE, PEOPLE_SEED = 1500, 2  # of the training set
BATCH = 24  # people
TEMPERATURE = 0.08
CHANGING = [DIMS.index(name) for name in ("smile", "clothes", "accent", "light_side", "light_height")]
ACCESSORIES = [DIMS.index(name) for name in ("glasses", "hat", "beard")]
ACCESSORY_SHARE = 0.3  # of the photos wear something else than the person usually does


def people(count: int, seed: int) -> PictureSet:
    """`PHOTOS` photos each of `count` people; photo k of person i has index `PHOTOS * i + k`."""
    rng = torch.Generator().manual_seed(seed)
    person = normalise(torch.randn(count, PHOTO_Z_DIM, generator=rng)).repeat_interleave(PHOTOS, 0)
    fresh = torch.randn(person.shape, generator=rng)
    changes = [*CHANGING, *range(Z_DIM, PHOTO_Z_DIM)]
    person[:, changes] = fresh[:, changes]
    other = torch.nonzero(torch.rand(len(person), generator=rng) < ACCESSORY_SHARE)
    person[other, ACCESSORIES] = fresh[other, ACCESSORIES]
    return picture_set(f"people-{seed}", person, size=SIZE)


def embed(net: IdentityNet, image: Tensor) -> Tensor:
    """Unit embeddings of portraits `[B, 3, 128, 128]` in the frame of the pocket family."""
    return net(crop_face(image, "eg3d", CONFIG.input_size))


def training_batch(photos: PictureSet, size: int, rng: torch.Generator, device: str = "cpu") -> Tensor:
    """Two different photos each of `size` people, `[2 * size, 3, 128, 128]`, on a device: first all of one
    kind, then the other.
    """
    person = torch.randperm(len(photos) // PHOTOS, generator=rng)[:size]
    first = torch.randint(PHOTOS, (size,), generator=rng)
    second = (first + torch.randint(1, PHOTOS, (size,), generator=rng)) % PHOTOS
    index = torch.cat((person * PHOTOS + first, person * PHOTOS + second))
    image, _ = random_move(photos.images(index).to(device), rng, roll=3.0)
    return vary(image, rng)


def contrastive_loss(embeddings: Tensor) -> Tensor:
    """Cross entropy of finding the partner (row i and i + B/2) among the whole batch, in both directions."""
    half = len(embeddings) // 2
    likeness = embeddings @ embeddings.t() / TEMPERATURE
    likeness = likeness.masked_fill(torch.eye(2 * half, dtype=torch.bool, device=embeddings.device), -1e4)
    partner = torch.arange(2 * half, device=embeddings.device).roll(half)
    return F.cross_entropy(likeness, partner)


def verification(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Accuracy of telling "same person" from "another person", and the cosine that parts them best.

    Args:
        first, second: embeddings `[N, D]`; row i of both is the same person.
    """
    same = (first * second).sum(1)
    other = (first * second.roll(1, 0)).sum(1)
    edges = torch.cat((same, other)).sort().values
    right = (same[None] >= edges[:, None]).float().mean(1) + (other[None] < edges[:, None]).float().mean(1)
    best = int(right.argmax())
    return float(right[best] / 2), float(edges[best])


def train(
    folder: str | os.PathLike[str], *, minutes: float = 12.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes; writes `folder/identity.safetensors`."""
    photos = people(PEOPLE, PEOPLE_SEED)
    net = IdentityNet(CONFIG, seed).to(device, memory_format=torch.channels_last)
    config = LoopConfig(minutes=minutes, seed=seed, average=0.995, hold=0.3)
    trainer = Trainer("identity", net, parameter_groups(net, 3e-3), folder, config)

    def loss(trainer: Trainer) -> dict[str, Tensor]:
        image = training_batch(photos, BATCH, trainer.rng, device)
        draw = int(torch.randint(2**31 - 1, (), generator=trainer.rng))
        with torch.random.fork_rng(devices=[]), autocast(device):
            torch.manual_seed(draw)  # dropout draws from torch's own generator, not from the run's
            embeddings = embed(net, image.contiguous(memory_format=torch.channels_last))
        return {"identity": contrastive_loss(embeddings.float())}

    def inputs() -> Iterator[Tensor]:
        rng = torch.Generator().manual_seed(seed)
        for _ in range(16):
            yield crop_face(training_batch(photos, BATCH, rng, device), "eg3d", CONFIG.input_size)

    return trainer.run(loss, exporter(folder, "identity", inputs=inputs))

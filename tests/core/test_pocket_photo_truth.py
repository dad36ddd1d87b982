"""What a photo latent means, and what mixing two of them keeps."""

from __future__ import annotations

import torch

from itportrait_core.pocket.attributes import APPEARANCE
from itportrait_core.pocket.latents import normalise, partners
from itportrait_core.pocket.training import photo_truth
from itportrait_core.pocket.training.appearance import CHANGES, change_appearance
from itportrait_core.pocket.training.identity import contrastive_loss, verification
from itportrait_core.rendering import cameras


def latents(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, photo_truth.PHOTO_Z_DIM, generator=torch.Generator().manual_seed(seed))


def test_scaled_latents_mean_the_same_head() -> None:
    z = latents(8)
    assert torch.allclose(normalise(3.7 * z), normalise(z), atol=1e-5)


def test_poses_cover_the_range_and_favour_the_front() -> None:
    yaw, pitch = photo_truth.angles_of(normalise(latents(4000)))
    assert yaw.abs().max() <= 50 and yaw.abs().max() > 47
    assert pitch.abs().max() <= 30 and pitch.abs().max() > 28
    assert (yaw.abs() < 25).float().mean() > 0.6
    found = cameras.angles(photo_truth.camera_of(normalise(latents(4000))))
    assert torch.allclose(found[0], yaw, atol=1e-2) and torch.allclose(found[1], pitch, atol=1e-2)


def test_partners_agree_where_asked_and_are_normalised() -> None:
    n = normalise(latents(64))
    for kept in (photo_truth.SHAPE, APPEARANCE):
        other = partners(n, kept, torch.Generator().manual_seed(1))
        rest = [k for k in range(n.shape[1]) if k not in kept]
        assert torch.equal(other[:, kept], n[:, kept])
        assert torch.allclose(normalise(other), other, atol=1e-3)
        assert (other[:, rest] - n[:, rest]).abs().mean() > 0.3


def test_every_change_of_appearance_keeps_shape_and_range_and_repeats() -> None:
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for change, _ in CHANGES:
        once, again = (change(x.clone(), torch.Generator().manual_seed(5)) for _ in range(2))
        assert once.shape == x.shape, change.__name__
        assert torch.isfinite(once).all(), change.__name__
        assert torch.equal(once, again), change.__name__
        assert (once - x).abs().mean() > 1e-3 or change.__name__ == "backdrop"
    out = change_appearance(x, torch.Generator().manual_seed(2))
    assert out.abs().max() <= 1
    assert torch.equal(change_appearance(x, torch.Generator().manual_seed(2), strength=0.0), x)


def test_contrastive_loss_rewards_partners_that_are_alone_alike() -> None:
    apart = torch.eye(4)
    assert contrastive_loss(torch.cat((apart, apart))) < 0.01
    assert contrastive_loss(torch.cat((apart, apart.roll(1, 0)))) > 1


def test_verification_is_perfect_on_separable_and_chance_on_equal_embeddings() -> None:
    assert verification(torch.eye(4), torch.eye(4))[0] == 1.0
    same = torch.nn.functional.normalize(torch.ones(4, 4), dim=1)
    assert verification(same, same)[0] == 0.5

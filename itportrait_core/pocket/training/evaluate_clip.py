"""Zero-shot accuracy of the CLIPs, and how LPIPS orders pictures, on people that training never saw."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.clip import ClipModel, load_clip
from ...guidance.perceptual import Perceptual, load_perceptual
from ..captions import PROMPTS
from .dataset import StyledSet, is_held_out, test_set


@torch.no_grad()
def prompt_directions(clip: ClipModel, name: str) -> Tensor:
    """Unit mean text embedding per label of an attribute, [L, D]."""
    groups = [clip.encode_text(list(texts)).mean(0) for texts in PROMPTS[name].values()]
    return F.normalize(torch.stack(groups), dim=-1)


@torch.no_grad()
def embed(clip: ClipModel, images: Tensor) -> Tensor:
    """Unit embeddings [N, D] of pictures [N, 3, H, W] in [-1, 1]."""
    return torch.cat([clip.encode_image(part) for part in images.split(64)])


def zero_shot(clip: ClipModel, embeddings: Tensor, labels: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Attribute -> whether each picture [N] is read rightly, NaN where it does not show the attribute."""
    right = {}
    for name, truth in labels.items():
        guess = (embeddings @ prompt_directions(clip, name).t()).argmax(1)
        known = torch.from_numpy(truth)
        right[name] = torch.where(known >= 0, (guess == known).float(), torch.nan)
    return right


def _percent(right: Tensor, where: np.ndarray | None = None) -> str:
    chosen = right if where is None else right[torch.from_numpy(where)]
    return f"{100 * float(chosen.nanmean()):.1f} %"


def evaluate_clip(name: str) -> dict[str, str]:
    """Zero-shot accuracies by captions of "pocket-guide" or "pocket-judge"."""
    clip, data = load_clip(name), test_set()
    labels = {key: data.labels(key) for key in PROMPTS}
    right = zero_shot(clip, embed(clip, data.images(slice(None))), labels)
    photo = np.asarray(data.styles) == "photo"
    pairs = is_held_out(data.people, data.styles)
    rows = {f"{key}, all styles": _percent(value) for key, value in right.items()}
    rows |= {f"{key}, photos alone": _percent(value, photo) for key, value in right.items() if key != "style"}
    for key in ("glasses", "hat", "smile", "beard", "style"):
        rows[f"{key}, held-out style and edit pairs alone"] = _percent(right[key], _of_pair(data, key, pairs))
    return rows


def _of_pair(data: StyledSet, name: str, pairs: np.ndarray) -> np.ndarray:
    """Pictures whose style hides the attribute `name` from training; all pairs for "style"."""
    from ..held_out import HELD_OUT_PAIRS

    if name == "style":
        return pairs
    return pairs & np.isin(data.styles, [style for style, hidden in HELD_OUT_PAIRS if hidden == name])


def evaluate_perceptual() -> dict[str, str]:
    """Whether LPIPS finds a slightly changed picture nearer than another picture of the same style."""
    metric, data = load_perceptual(), test_set()
    image = F.interpolate(data.images(slice(0, 450)), size=(128, 128), mode="bicubic", align_corners=False)
    rng = torch.Generator().manual_seed(0)
    noisy = (image + 0.1 * torch.randn(image.shape, generator=rng)).clamp(-1, 1)
    soft = F.interpolate(F.avg_pool2d(image, 4), scale_factor=4, mode="bilinear", align_corners=False)
    other = torch.roll(image, 1, 0)
    far = _distances(metric, image, other)
    rows = {"distance to another person, mean": f"{far.mean():.3f}"}
    for key, changed in (("noise", noisy), ("blur", soft)):
        near = _distances(metric, image, changed)
        rows[f"distance to itself with {key}, mean"] = f"{near.mean():.3f}"
        rows[f"nearer to itself with {key} than to another person"] = (
            f"{100 * (near < far).float().mean():.1f} %"
        )
    return rows


@torch.no_grad()
def _distances(metric: Perceptual, first: Tensor, second: Tensor) -> Tensor:
    parts = zip(first.split(50), second.split(50), strict=True)
    return torch.cat([metric(a, b) for a, b in parts])

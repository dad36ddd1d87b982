"""LPIPS with trunk weights from a local file, for Eq. 4 and 6 (docs/checkpoints.md#clip-and-lpips)."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import embedded
from ..checkpoints.downloads import where
from ..checkpoints.format import load_model
from ..checkpoints.tensor_file import check_finite, is_safetensors, open_tensors
from ..errors import ITPortraitError
from ..networks.trunk import Trunk

LARGEST = 256
"""Side in pixels that larger pictures are area-resized to, as every published inversion does."""
SMALLEST = 64
"""Side that smaller pictures are enlarged to: the trunks halve the side up to five times."""


class Perceptual(nn.Module):
    """LPIPS distance. Features of a fixed target are taken once (`features`) and reused (`distance`)."""

    def __init__(self, trunk: nn.Module, name: str, heads: nn.ModuleList | None = None) -> None:
        """`trunk`: pictures -> maps. `heads`: one per map; None weighs all channels alike."""
        super().__init__()
        self.trunk, self.heads, self.name = trunk, heads, name
        self.eval().requires_grad_(False)

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """[B,3,H,W] in [-1,1] -> feature maps, one per tapped layer, finest first."""
        side = images.shape[-1]
        if side > LARGEST:
            images = F.interpolate(images, (LARGEST, LARGEST), mode="area")
        elif side < SMALLEST:
            images = F.interpolate(images, (SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
        return self.trunk(images)

    def features(self, images: Tensor) -> list[Tensor]:
        """[B,3,H,W] in [-1,1] -> the maps, every pixel's vector of length 1."""
        maps = self.maps(images)
        # the epsilon inside the root keeps the gradient finite where a feature vanishes altogether
        return [feature / (feature.square().sum(dim=1, keepdim=True) + 1e-10).sqrt() for feature in maps]

    def distance(self, features: Sequence[Tensor], images: Tensor) -> Tensor:
        """LPIPS [B] of `images` [B,3,H,W] to pictures whose `features` are given (batch 1 or B)."""
        return self.between(features, self.features(images))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """LPIPS [B] between pictures [B,3,H,W] in [-1,1]."""
        return self.between(self.features(first), self.features(second))

    def between(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """LPIPS [B] of two sets of `features`."""
        total: Any = 0.0
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            difference = (a - b).square()
            if self.heads is None:
                # the mean over layers has the range of LPIPS with its own heads: about 0.5 for strangers
                total = total + difference.sum(dim=1).mean(dim=(1, 2)) / len(second)
            else:
                total = total + self.heads[index](difference).mean(dim=(1, 2, 3))
        return total


def load_perceptual(
    source: str | Path = "pocket", net: str = "vgg", *, device: str | torch.device = "cpu"
) -> Perceptual:
    """LPIPS from local weights only.

    Args:
        source: "pocket" (the embedded trunk), or a file of torchvision's VGG16 or AlexNet weights.
        net: "vgg" or "alex"; told from the file where it says so.

    Raises:
        ITPortraitError: for a missing file, or weights that fit neither trunk.
    """
    with torch.inference_mode(False), torch.no_grad():
        if source == "pocket":
            return load_pocket_trunk(embedded.path("perceptual")).to(device)
        path = Path(source)
        if not os.path.isfile(path):
            raise ITPortraitError(f"No LPIPS trunk at {path}. {where('perceptual')}")
        state = _read(path)
        if "features.24.weight" in state:
            net = "vgg"
        elif "features.10.weight" in state and "features.14.weight" not in state:
            net = "alex"
        metric = _metric(net, heads=True)
        _fill_trunk(metric.net, state, path)
        return Perceptual(Scaled(metric), net, metric.lins).to(device)


class Scaled(nn.Module):
    """The trunk of an `lpips.LPIPS` behind its scaling layer."""

    def __init__(self, metric: nn.Module) -> None:
        super().__init__()
        self.scale, self.net = metric.scaling_layer, metric.net

    def forward(self, images: Tensor) -> Sequence[Tensor]:
        """Pictures [B, 3, H, W] in [-1, 1] -> maps."""
        return self.net(self.scale(images))


def load_pocket_trunk(path: Path) -> Perceptual:
    """The embedded trunk (`networks/trunk.py`), all channels weighed alike."""
    trunk = load_model(path)
    if not isinstance(trunk, Trunk):
        raise ITPortraitError(f"{path.name} does not hold a trunk of LPIPS; train `perceptual` again.")
    return Perceptual(trunk, "pocket")


def random_trunk(seed: int = 0, net: str = "squeeze") -> Perceptual:
    """LPIPS with an untrained trunk from `seed`, for tests of everything around it."""
    metric = _metric(net, heads=False)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in metric.net.parameters():
            fan_in = max(1, weight[0].numel())
            weight.copy_(torch.randn(weight.shape, generator=rng) * (2.0 / fan_in) ** 0.5)
    return Perceptual(Scaled(metric), f"random-{net}")


def _metric(net: str, heads: bool) -> nn.Module:
    import lpips

    if net not in ("vgg", "alex", "squeeze"):
        raise ITPortraitError(f"LPIPS has no trunk {net!r}; choose vgg or alex.")
    # fork_rng: the package draws throw-away weights from the global generator before ours are loaded
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # the package calls torchvision by retired argument names
        return lpips.LPIPS(net=net, pretrained=heads, lpips=heads, pnet_rand=True, verbose=False)


def _read(path: Path) -> dict[str, Tensor]:
    if is_safetensors(path):
        with open_tensors(path) as file:
            return file.tensors()
    from ..checkpoints.torch_files import read_tensors

    return read_tensors(path)


def _fill_trunk(trunk: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Copy torchvision's `features.N.*` into the slices of the lpips package, which keep the same numbers."""
    wanted = trunk.state_dict()
    filled = {}
    for key, value in wanted.items():
        name = "features." + key.split(".", 1)[1]
        stored = state.get(name, state.get(key))
        if stored is None or stored.shape != value.shape:
            raise ITPortraitError(
                f"{path.name} does not hold the trunk that is needed ({name} is missing or of another "
                "shape); give torchvision's VGG16 or AlexNet weights."
            )
        check_finite(stored, f"{path.name}: {name}")
        filled[key] = stored.to(value.dtype)
    trunk.load_state_dict(filled)

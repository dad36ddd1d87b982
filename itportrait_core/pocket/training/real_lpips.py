"""LPIPS by real networks: ST-LPIPS's VGG16 and AlexNet, read from an installed `stlpips-pytorch`.

`pip install --no-deps stlpips-pytorch` brings the weights (BSD 2-Clause). The package itself is never
imported: it asks for packages that it does not name, and one of its files is under a non-commercial
licence. VGG16 teaches the embedded trunk (`perceptual.py`). AlexNet guides and teaches nothing: tables of
LPIPS are by it. Both pool by a maximum over neighbours at stride 1 and a [1, 2, 1] blur at stride 2, and
LPIPS is computed from their five levels as usual.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PACKAGE = "stlpips_pytorch"
FILES = {name: f"weights/vST0.0/{name}_shift_tolerant.pth" for name in ("vgg", "alex")}
LEVELS = {
    "vgg": ((0, 2), (6, 8), (12, 14, 16), (20, 22, 24), (28, 30, 32)),
    "alex": ((0,), (5,), (9,), (11,), (13,)),
}
"""Numbers of the convolutions of each level, as the files name them."""
PADDING = {"vgg": (1, 1, 1, 1, 1), "alex": (2, 2, 1, 1, 1)}
"""Of the convolutions of each level."""
POOLED = {"vgg": (2, 2, 2, 2), "alex": (3, 3)}
"""Side of the maximum before levels 1, 2, ..."""


def weights_file(net: str = "vgg") -> Path:
    """Where the weights of "vgg" or "alex" lie.

    Raises:
        FileNotFoundError: where the package is not installed; says how it is.
    """
    spec = importlib.util.find_spec(PACKAGE)
    file = Path(spec.origin or "").parent / FILES[net] if spec else None
    if file is None or not file.is_file():
        raise FileNotFoundError("Install the weights first: pip install --no-deps stlpips-pytorch")
    return file


class RealLPIPS(nn.Module):
    """Distance [B] of pictures [B, 3, H, W] in [-1, 1]."""

    def __init__(self, net: str = "alex") -> None:
        """Raises `FileNotFoundError` where the package is not installed."""
        super().__init__()
        self.net = net
        for name, value in torch.load(weights_file(net), map_location="cpu", weights_only=True).items():
            self.register_buffer(name.replace(".", "_"), value)

    @torch.no_grad()
    def features(self, image: Tensor) -> list[Tensor]:
        """Unit-length features of the five levels."""
        x = (image.clamp(-1, 1) - self.scaling_layer_shift) / self.scaling_layer_scale
        out, pooled = [], POOLED[self.net]
        for level, numbers in enumerate(LEVELS[self.net]):
            if 0 < level <= len(pooled):
                x = _blur(F.max_pool2d(x, pooled[level - 1], stride=1))
            for number in numbers:
                key = f"net_slice{level + 1}_{number}"
                weight, bias = getattr(self, f"{key}_weight"), getattr(self, f"{key}_bias")
                x = F.conv2d(x, weight, bias, padding=PADDING[self.net][level])
                if self.net == "alex" and level == 0:
                    x = _blur(x)
                x = F.relu(x)
            out.append(F.normalize(x, dim=1, eps=1e-10))
        return out

    @torch.no_grad()
    def between(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """Distance [B] of two sets of `features`."""
        parts = []
        for level, (a, b) in enumerate(zip(first, second, strict=True)):
            head = getattr(self, f"lin{level}_model_1_weight")
            parts.append(F.conv2d((a - b).square(), head).mean((1, 2, 3)))
        return torch.stack(parts).sum(0)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """LPIPS [B], a few pictures at a time."""
        pairs = zip(first.split(4), second.split(4), strict=True)
        return torch.cat([self.between(self.features(a), self.features(b)) for a, b in pairs])


def _blur(x: Tensor) -> Tensor:
    """[B, C, H, W] at half the side."""
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (line[:, None] * line).to(x).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 2, 1, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])

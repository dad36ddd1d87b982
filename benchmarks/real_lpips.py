"""LPIPS by a real network that guides nothing: ST-LPIPS's VGG16, read from an installed `stlpips-pytorch`.

`pip install --no-deps stlpips-pytorch` brings the weights (BSD 2-Clause). The package itself is never
imported: it asks for packages that it does not name, and one of its files is under a non-commercial
licence. The network is VGG16 whose poolings are a maximum over 2 x 2 places at stride 1 and a [1, 2, 1]
blur at stride 2; LPIPS is computed from its five levels as usual.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PACKAGE, FILE = "stlpips_pytorch", "weights/vST0.0/vgg_shift_tolerant.pth"
LEVELS = ((0, 2), (6, 8), (12, 14, 16), (20, 22, 24), (28, 30, 32))
"""Numbers of the convolutions of each level, as the file names them."""


def weights_file() -> Path | None:
    """Where the weights lie, or None where the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / FILE
    return file if file.is_file() else None


class RealLPIPS(nn.Module):
    """Distance [B] of pictures [B, 3, H, W] in [-1, 1]."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises `FileNotFoundError` where the package is not installed."""
        super().__init__()
        found = file or weights_file()
        if found is None:
            raise FileNotFoundError("Install the weights first: pip install --no-deps stlpips-pytorch")
        for name, value in torch.load(found, map_location="cpu", weights_only=True).items():
            self.register_buffer(name.replace(".", "_"), value)

    @torch.no_grad()
    def features(self, image: Tensor) -> list[Tensor]:
        """Unit-length features of the five levels."""
        x = (image.clamp(-1, 1) - self.scaling_layer_shift) / self.scaling_layer_scale
        out = []
        for level, numbers in enumerate(LEVELS, start=1):
            x = x if level == 1 else _pool(x)
            for number in numbers:
                key = f"net_slice{level}_{number}"
                x = F.relu(
                    F.conv2d(x, getattr(self, f"{key}_weight"), getattr(self, f"{key}_bias"), padding=1)
                )
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


def _pool(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, H / 2, W / 2]."""
    x = F.max_pool2d(x, 2, stride=1)
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (line[:, None] * line).to(x).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 2, 1, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])

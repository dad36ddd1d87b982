"""Face pose from one picture: Deep3DFaceRecon's coefficient network (docs/checkpoints.md#deep3dfacerecon).

A ResNet with bottleneck blocks, mean pooling and one 1x1 convolution per group of coefficients. Names are
those of `epoch_*.pth`: `backbone.layer1.0.conv1.weight`, `final_layers.3.bias`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config
from ..errors import ITPortraitError
from .start_weights import fill, unfilled

EXPANSION = 4
DEEP3D_HEADS = (
    ("identity", 80),
    ("expression", 64),
    ("texture", 80),
    ("angles", 3),
    ("light", 27),
    ("translation_xy", 2),
    ("translation_z", 1),
)
POSE_HEADS = (("angles", 3), ("translation_xy", 2), ("translation_z", 1))


@dataclass(frozen=True)
class PoseConfig(Config):
    """Sizes of a pose network. The defaults are Deep3DFaceRecon: ResNet-50 and 257 coefficients."""

    input_size: int = 224
    """Side of the picture in pixels."""
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    """Bottleneck blocks of each stage; every stage but the first halves the side."""
    width: int = 64
    """Channels of the stem and of the first stage's inner convolutions; later stages double it."""
    heads: tuple[tuple[str, int], ...] = DEEP3D_HEADS
    """Name and length of every group of coefficients, in order. `POSE_HEADS` is the pose alone."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; the stride sits in the 3x3 (ResNet "v1.5")."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] -> [B, 4 * width, H / stride, W / stride]."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class PoseBackbone(nn.Module):
    """Picture to pooled features."""

    def __init__(self, blocks: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        inputs = width
        self.stages = len(blocks)
        for number, count in enumerate(blocks):
            inner = width << number
            stage = []
            for block in range(count):
                stage.append(Bottleneck(inputs, inner, 2 if number > 0 and block == 0 else 1))
                inputs = inner * EXPANSION
            self.add_module(f"layer{number + 1}", nn.Sequential(*stage))
        self.features = inputs

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, S, S] -> [B, features, 1, 1]."""
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in range(self.stages):
            x = self.get_submodule(f"layer{number + 1}")(x)
        return x.mean(dim=(2, 3), keepdim=True)


class PoseNet(nn.Module):
    """Aligned face picture to coefficients; `pose` gives the angles and the translation alone."""

    def __init__(self, config: PoseConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded.

        Raises:
            ITPortraitError: where the heads lack angles or a translation.
        """
        super().__init__()
        missing = {name for name, _ in POSE_HEADS} - {name for name, _ in config.heads}
        if missing:
            raise ITPortraitError(
                f"A pose network needs the heads {sorted(missing)}; add them to its config."
            )
        with unfilled():
            self.backbone = PoseBackbone(config.blocks, config.width)
            self.final_layers = nn.ModuleList(
                nn.Conv2d(self.backbone.features, count, 1) for _, count in config.heads
            )
        self.config = config
        fill(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, S, S] RGB in **[0, 1]** -> all coefficients [B, sum of heads] (257 for Deep3DFaceRecon)."""
        features = self.backbone(x)
        return torch.cat([layer(features).flatten(1) for layer in self.final_layers], dim=1)

    def split(self, coefficients: Tensor) -> dict[str, Tensor]:
        """[B, sum of heads] -> every group by its name."""
        names, counts = zip(*self.config.heads, strict=True)
        return dict(zip(names, coefficients.split(list(counts), dim=1), strict=True))

    def pose(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Aligned pictures [B, 3, H, W] in [-1, 1] -> angles [B, 3] (x, y, z; radians), translation [B, 3].

        `rendering.cameras.from_deep3d` makes an EG3D label of the two.
        """
        size = self.config.input_size
        if image.shape[-2:] != (size, size):
            image = F.interpolate(image, (size, size), mode="bilinear", align_corners=False, antialias=True)
        parts = self.split(self((image + 1.0) / 2.0))
        return parts["angles"], torch.cat([parts["translation_xy"], parts["translation_z"]], dim=1)

"""The IR-SE trunk that style encoders and face recognition share (docs/checkpoints.md#style-encoders).

Residual units of two 3x3 convolutions with squeeze-and-excitation; the first unit of every group halves the
side. Names are those of the published files: `input_layer.0.weight`, `body.7.res_layer.5.fc1.weight`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Scale every channel by a gate computed from the means of all channels."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        inner = max(channels // reduction, 1)
        self.fc1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.fc2 = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        gate = self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True))))
        return x * torch.sigmoid(gate)


class ResidualUnit(nn.Module):
    """One unit; where the width stays, the shortcut is the input itself, thinned out by the stride."""

    def __init__(self, inputs: int, outputs: int, stride: int, reduction: int) -> None:
        super().__init__()
        if inputs == outputs:
            self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            SqueezeExcitation(outputs, reduction),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] -> [B, O, H / stride, W / stride]."""
        return self.res_layer(x) + self.shortcut_layer(x)


class IRSETrunk(nn.Module):
    """Stem and body; networks derive from it so that their names start with `input_layer` and `body`."""

    def __init__(
        self, input_channels: int, widths: Sequence[int], units: Sequence[int], reduction: int = 16
    ) -> None:
        """Args:
        input_channels: 3, or 6 for a picture and its last reconstruction.
        widths: channels of each group; the stem has the first.
        units: residual units of each group; each group halves the side.
        reduction: ratio of the squeeze.
        """
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(input_channels, widths[0], 3, 1, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.PReLU(widths[0]),
        )
        body, self.group_ends = [], []
        inputs = widths[0]
        for width, count in zip(widths, units, strict=True):
            for number in range(count):
                body.append(ResidualUnit(inputs, width, 2 if number == 0 else 1, reduction))
                inputs = width
            self.group_ends.append(len(body) - 1)
        self.body = nn.Sequential(*body)

    def trunk(self, x: Tensor) -> list[Tensor]:
        """[B, I, S, S] -> one feature map per group: [B, widths[k], S / 2**(k + 1), S / 2**(k + 1)]."""
        maps = []
        x = self.input_layer(x)
        for number, unit in enumerate(self.body):
            x = unit(x)
            if number in self.group_ends:
                maps.append(x)
        return maps

"""The picture towers of the two pocket CLIPs: plain convolutions.

They begin at full resolution and keep the place of features to the end, because at 64 pixels a smile is two
pixels wide: networks that begin with large strides or pool over places do not find it.
"""

from __future__ import annotations

from torch import Tensor, nn

LAYERS = {
    "itportrait_pocket_guide": ((24, 1), (32, 2), (64, 2), (64, 1), (96, 2), (96, 1), (160, 2)),
    "itportrait_pocket_judge": ((16, 1), (40, 2), (56, 2), (112, 2), (112, 1), (128, 2)),
}
"""`timm_model_name` of a config -> (channels, stride) of its 3x3 convolutions; the strides come to 16."""
SMOOTH = {"itportrait_pocket_guide"}
"""Towers whose gradients change pictures: their activation has no corners."""
SIDE = 64
"""Pixels of the pictures that the towers see."""


class PlainTower(nn.Module):
    """Pictures [B, 3, 64, 64] -> embeddings [B, num_classes]."""

    def __init__(self, layers: tuple[tuple[int, int], ...], smooth: bool, num_classes: int) -> None:
        """`smooth`: an activation without corners, for the tower whose gradients change pictures."""
        super().__init__()
        parts: list[nn.Module] = []
        before, side = 3, SIDE
        for channels, stride in layers:
            act = nn.SiLU() if smooth else nn.ReLU()
            parts += [nn.Conv2d(before, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), act]
            before, side = channels, side // stride
        self.features = nn.Sequential(*parts)
        self.fc = nn.Linear(before * side * side, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings [B, num_classes], not normalised."""
        return self.fc(self.features(x).flatten(1))

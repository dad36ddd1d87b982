"""Pictures of a training's progress."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ...guidance.metrics import psnr


def mean_psnr(image: Tensor, truth: Tensor) -> float:
    """Mean PSNR in dB of pictures in [-1, 1]."""
    return float(psnr(image, truth).mean())


def save_sheet(rows: list[Tensor], file: Path, side: int = 128) -> None:
    """Write rows of pictures `[N, 3, h, h]` in [-1, 1], each brought to `side` pixels, as one PNG."""
    lines = [F.interpolate(row.float(), (side, side), mode="nearest") for row in rows]
    whole = torch.cat([torch.cat(list(line), 2) for line in lines], 1).clamp(-1, 1)
    pixels = (whole * 127.5 + 127.5).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels).save(file)

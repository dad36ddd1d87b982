"""A synthesis network stopped at a side, in bfloat16 where that is fast."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .precision import half_is_fast


class SynthesisTo(nn.Module):
    """The network stopped at a side: the skip path gives a whole picture, or planes, at every resolution."""

    def __init__(self, synthesis: nn.Module) -> None:
        super().__init__()
        self.synthesis = synthesis

    def forward(self, ws: Tensor, side: int) -> Tensor:
        """[B, num_ws, w_dim] -> [B, C, side, side]."""
        x = image = None
        for k, resolution in enumerate(self.synthesis.block_resolutions):
            if resolution > side:
                break
            block = self.synthesis.get_submodule(f"b{resolution}")
            x, image = block(x, image, ws[:, max(2 * k - 1, 0) : 2 * k + 2], "none")
        return image


def draw(synthesis: SynthesisTo, ws: Tensor, side: int, half: bool = True) -> Tensor:
    """`[B, C, side, side]` float32; computed in bfloat16 where `half` and where that is fast, with gradients
    to the float32 weights.

    Casting all weights at once lets every operation run in bfloat16; autocast would leave the cheap ones in
    float32.
    """
    if not (half and half_is_fast(ws.device.type)):
        return synthesis(ws, side)
    weights = {k: _half(v) for k, v in synthesis.state_dict(keep_vars=True).items()}
    return functional_call(synthesis, weights, (ws.bfloat16(), side)).float()


def _half(weight: Tensor) -> Tensor:
    """bfloat16; kernels in the layout that convolutions on a CPU like best."""
    layout = torch.channels_last if weight.ndim == 4 else torch.contiguous_format
    return weight.bfloat16().contiguous(memory_format=layout)

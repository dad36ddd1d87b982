"""Which latent layers a text speaks to (StyleGAN-NADA, arXiv 2108.00946, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.clip import ClipModel
from ...guidance.templates import PLAIN_TEMPLATES, fill
from ...networks.generator3d import Generator3D
from ..shared.passes import draw_latents, render_view

PEOPLE = 8
"""N_w of the paper: latents that are asked."""


class TextLayers:
    """How strongly the global loss 1 - cos(E(picture), E(text)) pulls at each latent layer.

    The paper takes one step of gradient descent in W+ and ranks layers by how far their latents moved; with
    one step that is the length of the gradient.
    """

    def __init__(self, clips: Sequence[ClipModel], text: str, *, templates: bool) -> None:
        """`templates`: the text's embedding is the mean over sentence templates."""
        self.clips = list(clips)
        frames = [clip.templates if templates else PLAIN_TEMPLATES for clip in self.clips]
        self.texts = [
            F.normalize(clip.encode_text(fill(frame, text)).mean(0), dim=0)
            for clip, frame in zip(self.clips, frames, strict=True)
        ]

    def gradient(self, g_t: Generator3D, camera: Tensor, rng: torch.Generator, side: int = 0) -> Tensor:
        """Gradients [PEOPLE, num_ws, w_dim] at fresh people from one camera [1, 25], one after another."""
        rows = []
        for ws in draw_latents(g_t, PEOPLE, rng).split(1):
            ws = ws.requires_grad_()
            image = render_view(g_t, g_t.planes(ws), ws, camera, side=side).image
            loss = image.new_zeros(())
            for clip, text in zip(self.clips, self.texts, strict=True):
                loss = loss + (1 - clip.encode_image(image) @ text).sum()
            rows += torch.autograd.grad(loss, ws)
        return torch.cat(rows)

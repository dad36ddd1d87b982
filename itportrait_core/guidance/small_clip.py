"""The network of the pocket CLIPs: a plain picture tower and CLIP's text transformer, by torch alone.

Names, layers and numbers are those of open_clip's `CLIP` with such a tower, so that either reads the other's
weights; open_clip itself is needed for other people's files only.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from .small_towers import LAYERS, SMOOTH, PlainTower

TEMPERATURE = 0.07
"""Of the contrast at the beginning of a training, as in CLIP."""


class SmallClip(nn.Module):
    """Pictures [B, 3, 64, 64] and tokens [B, context] -> embeddings [B, embed_dim].

    Args:
        embed_dim: length of the embeddings.
        tower: name of the picture tower, one of `LAYERS`.
        text: `context_length`, `vocab_size`, `width`, `heads` and `layers` of the text transformer.
        quick_gelu: x sigmoid(1.702 x) in place of GELU, in the text transformer.
    """

    def __init__(self, embed_dim: int, tower: str, text: dict[str, Any], quick_gelu: bool) -> None:
        super().__init__()
        width, layers, self.context_length = text["width"], text["layers"], text["context_length"]
        self.visual = Visual(PlainTower(LAYERS[tower], tower in SMOOTH, embed_dim))
        self.transformer = TextTransformer(width, layers, text["heads"], quick_gelu)
        self.token_embedding = nn.Embedding(text["vocab_size"], width)
        self.positional_embedding = nn.Parameter(torch.empty(self.context_length, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed_dim))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))
        later = torch.full((self.context_length, self.context_length), -math.inf).triu(1)
        self.register_buffer("attn_mask", later, persistent=False)
        self._draw()

    def _draw(self) -> None:
        """Start weights with CLIP's deviations."""
        width, layers = self.positional_embedding.shape[1], len(self.transformer.resblocks)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)
        for block in self.transformer.resblocks:
            nn.init.normal_(block.attn.in_proj_weight, std=width**-0.5)
            nn.init.normal_(block.attn.out_proj.weight, std=(2 * width * layers) ** -0.5)
            nn.init.normal_(block.mlp.c_fc.weight, std=(2 * width) ** -0.5)
            nn.init.normal_(block.mlp.c_proj.weight, std=(2 * width * layers) ** -0.5)

    def encode_image(self, images: Tensor) -> Tensor:
        """Embeddings [B, embed_dim], not normalised."""
        out: Tensor = self.visual(images)
        return out

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Embeddings [B, embed_dim] at the end of the sentences, whose token has the largest number."""
        x = self.token_embedding(tokens) + self.positional_embedding
        x = self.ln_final(self.transformer(x, attn_mask=self.attn_mask))
        ends = tokens.argmax(dim=-1)
        return x[torch.arange(len(x), device=x.device), ends] @ self.text_projection


class Visual(nn.Module):
    """A picture tower as `trunk`."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [B, embed_dim]."""
        out: Tensor = self.trunk(images)
        return out


class TextTransformer(nn.Module):
    """Blocks of attention over the tokens before [B, T, width]."""

    def __init__(self, width: int, layers: int, heads: int, quick_gelu: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, heads, quick_gelu) for _ in range(layers))

    def forward(self, x: Tensor, attn_mask: Tensor) -> Tensor:
        """The same shape; `attn_mask` [T, T] is added to the attention."""
        for block in self.resblocks:
            x = block(x, attn_mask)
        return x


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, heads: int, quick_gelu: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGELU() if quick_gelu else nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x: Tensor, attn_mask: Tensor) -> Tensor:
        """The same shape."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=attn_mask)[0]
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x * torch.sigmoid(1.702 * x)

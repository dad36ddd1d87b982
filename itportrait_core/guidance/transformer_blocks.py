"""Blocks of Hugging Face's CLIP-like files under the names of the network that is to read them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

State = dict[str, Tensor]
Blocks = Mapping[str, tuple[str, Mapping[str, str]]]
"""Their beginning of a block's name -> ours, and what its parts are called; `self_attn.q_proj` names q, k and
v together, up to weight or bias."""

OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
    "self_attn.q_proj": "attn.in_proj_",
}
"""Parts of a block in open_clip's own transformers."""


def renamed(key: str, state: State, blocks: Blocks) -> State:
    """The tensor `key` under its new name, empty if it has none; k and v go with q, as one matrix."""
    for prefix, (target, names) in blocks.items():
        if not key.startswith(prefix):
            continue
        number, rest = key[len(prefix) :].split(".", 1)
        module, _, kind = rest.rpartition(".")
        if module == "self_attn.q_proj":
            parts = [state[f"{prefix}{number}.self_attn.{name}_proj.{kind}"] for name in "qkv"]
            return {f"{target}{number}.{names[module]}{kind}": torch.cat(parts)}
        if module in names:
            return {f"{target}{number}.{names[module]}.{kind}": state[key]}
    return {}

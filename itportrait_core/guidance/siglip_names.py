"""SigLIP files of Hugging Face in open_clip's key names: its picture half is a network of timm."""

from __future__ import annotations

from .transformer_blocks import OPEN_CLIP, State, renamed

MARK = "vision_model.head.probe"
"""A tensor that SigLIP has and CLIP has not: what its pooling asks the patches."""

_TOP = {
    "logit_scale": "logit_scale",
    "logit_bias": "logit_bias",
    "text_model.embeddings.token_embedding.weight": "text.token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "text.positional_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.trunk.patch_embed.proj.weight",
    "vision_model.embeddings.patch_embedding.bias": "visual.trunk.patch_embed.proj.bias",
    MARK: "visual.trunk.attn_pool.latent",
}
_LAYERS = {
    "text_model.final_layer_norm": "text.ln_final",
    "text_model.head": "text.text_projection",
    "vision_model.post_layernorm": "visual.trunk.norm",
    "vision_model.head.layernorm": "visual.trunk.attn_pool.norm",
    "vision_model.head.mlp.fc1": "visual.trunk.attn_pool.mlp.fc1",
    "vision_model.head.mlp.fc2": "visual.trunk.attn_pool.mlp.fc2",
    "vision_model.head.attention.out_proj": "visual.trunk.attn_pool.proj",
}
_TIMM = {
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "self_attn.out_proj": "attn.proj",
    "self_attn.q_proj": "attn.qkv.",
}
_BLOCKS = {
    "text_model.encoder.layers.": ("text.transformer.resblocks.", OPEN_CLIP),
    "vision_model.encoder.layers.": ("visual.trunk.blocks.", _TIMM),
}


def from_siglip(state: State) -> State:
    """Rename `SiglipModel` tensors of transformers; q, k and v are joined or split as open_clip has them."""
    out = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        if key in _TOP:
            out[_TOP[key]] = value
        elif layer in _LAYERS:
            out[f"{_LAYERS[layer]}.{kind}"] = value
        elif key == "vision_model.embeddings.position_embedding.weight":
            out["visual.trunk.pos_embed"] = value[None]
        elif key.startswith("vision_model.head.attention.in_proj_"):
            kind, width = key.rpartition("_")[2], value.shape[0] // 3
            pool = "visual.trunk.attn_pool"
            out[f"{pool}.q.{kind}"], out[f"{pool}.kv.{kind}"] = value.split([width, 2 * width])
        else:
            out |= renamed(key, state, _BLOCKS)
    return out

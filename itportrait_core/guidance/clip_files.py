"""State dicts of CLIP files in open_clip's key names (docs/checkpoints.md#clip-and-lpips).

OpenAI archives, open_clip and Hugging Face safetensors. Nothing is executed and nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import torch

from ..checkpoints import plain_json
from ..checkpoints.tensor_file import check_finite, is_safetensors, open_tensors
from ..errors import ITPortraitError
from .siglip_names import MARK, from_siglip
from .transformer_blocks import OPEN_CLIP, State, renamed

_HF_TOP = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "logit_scale": "logit_scale",
}
_HF_BLOCKS = {
    "text_model.encoder.layers.": ("transformer.resblocks.", OPEN_CLIP),
    "vision_model.encoder.layers.": ("visual.transformer.resblocks.", OPEN_CLIP),
}


OPENAI_BUFFERS = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's archives hold as tensors, and nobody else's files do."""


def to_open_clip(stored: State, path: Path) -> State:
    """A file's tensors in open_clip's names, float32.

    Raises:
        ITPortraitError: for a file that is not CLIP, holds only the picture half, or only the text half.
    """
    state = dict(stored)
    if MARK in state:
        state = from_siglip(state)
    elif any(key.startswith(("text_model.", "vision_model.")) for key in state):
        state = from_huggingface(state)
    state = {key.removeprefix("module."): value for key, value in state.items()}
    for extra in OPENAI_BUFFERS:
        state.pop(extra, None)
    check_both_halves(state, path)
    for key, value in state.items():
        if not key.endswith("attn_mask"):  # the mask of a text tower is infinite where nothing is seen
            check_finite(value, f"{path.name}: {key:.200}")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def check_both_halves(state: State, path: Path) -> None:
    """Refuse a file without a text tower or without a picture tower."""
    vision = any(key.startswith("visual.") for key in state)
    text = any("token_embedding" in key or key.startswith("text.") for key in state)
    if vision and not text:
        raise ITPortraitError(
            f"{path.name} holds only the picture half of CLIP (a CLIP Vision file); a text cannot be "
            "compared with it. Choose a full CLIP file with both halves, such as ViT-B-32 from open_clip."
        )
    if text and not vision:
        raise ITPortraitError(
            f"{path.name} holds only the text half of CLIP (a text encoder); pictures cannot be compared "
            "with it. Choose a full CLIP file with both halves."
        )
    if not vision:
        raise ITPortraitError(
            f"{path.name} is not a CLIP file: no 'visual.*' weights inside. Choose an open_clip, OpenAI or "
            "Hugging Face CLIP file."
        )


def read_tensors(path: Path) -> State:
    """Every tensor of a file, as it is stored."""
    if is_safetensors(path):
        with open_tensors(path) as file:
            return file.tensors(finite=False)
    from ..checkpoints import torch_files

    return torch_files.read_tensors(path)


def from_huggingface(state: State) -> State:
    """Rename `CLIPModel` tensors of transformers to open_clip's names; q, k and v become one matrix."""
    out: State = {}
    for key, value in state.items():
        if key in _HF_TOP:
            out[_HF_TOP[key]] = value
        elif key == "text_projection.weight":
            out["text_projection"] = value.t().contiguous()
        elif key == "visual_projection.weight":
            out["visual.proj"] = value.t().contiguous()
        else:
            out |= renamed(key, state, _HF_BLOCKS)
    return out


def guess_architecture(state: State, path: Path) -> str:
    """open_clip's name for a plain ViT CLIP, from the shapes of its tensors.

    Raises:
        ITPortraitError: if the shapes fit none of the well-known ones; the user then names it.
    """
    known = {(768, 32): "ViT-B-32", (768, 16): "ViT-B-16", (1024, 14): "ViT-L-14"}
    patch = state.get("visual.conv1.weight")
    name = known.get((patch.shape[0], patch.shape[2])) if patch is not None and patch.ndim == 4 else None
    if patch is None or name is None:
        raise ITPortraitError(
            f"The architecture of {path.name} is not one that can be told from its shapes; name it, as in "
            "open_clip.list_models(), for instance ViT-H-14 or RN50."
        )
    side = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5) * patch.shape[2]
    return name if side == 224 else f"{name}-{side}"


def activation_of(stored: State, state: State, path: Path, architecture: str) -> tuple[bool, str]:
    """Whether weights were trained with QuickGELU, and what tells so; the file's name says nothing.

    OpenAI's were, open_clip's own mostly not. In this order: the architecture's name; OpenAI's three
    buffers; for Hugging Face files a CLIP `config.json` beside them whose sizes are the weights'; numbers
    that are exact in half precision, as OpenAI published them, while others train in single precision.

    Args:
        stored: the tensors under the names in the file.
        state: the same under open_clip's names.
        path: the file.
        architecture: open_clip's name.
    """
    if architecture.endswith("-quickgelu"):
        return True, "by the architecture's name"
    names = {name.removeprefix("module.") for name in stored}
    if set(OPENAI_BUFFERS) <= names:
        return True, "OpenAI's archive"
    if any(name.startswith("vision_model.") for name in names):
        said = _activation_beside(path.parent / "config.json", state)
        if said is not None:
            return "quick_gelu" in said, "by config.json"
    weights = [value for name, value in state.items() if name.endswith("resblocks.0.mlp.c_fc.weight")]
    exact = bool(weights) and all(torch.equal(value, value.half().float()) for value in weights)
    return exact, "numbers in half precision, as OpenAI's" if exact else "numbers in single precision"


def _activation_beside(config: Path, state: State) -> str | None:
    """`hidden_act` of a CLIP's config.json; None where there is none, or it is damaged or of another
    model."""
    try:
        config_values = plain_json.read_object(config)
    except ITPortraitError:
        return None
    vision = config_values.get("vision_config")
    said = vision.get("hidden_act") if isinstance(vision, dict) else None
    patch = state.get("visual.conv1.weight")
    if not isinstance(vision, dict) or not isinstance(said, str) or patch is None or patch.ndim != 4:
        return None
    sizes = {"hidden_size": patch.shape[0], "patch_size": patch.shape[2]}
    return said if all(vision.get(name, size) == size for name, size in sizes.items()) else None

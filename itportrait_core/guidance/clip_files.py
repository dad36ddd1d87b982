"""State dicts of CLIP files in open_clip's key names (docs/checkpoints.md#clip-and-lpips).

OpenAI archives, open_clip and Hugging Face safetensors. Nothing is executed and nothing is downloaded.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..checkpoints.tensor_file import open_tensors
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


def read_state(path: Path) -> State:
    """Tensors of a CLIP file in open_clip's names, float32.

    Raises:
        ITPortraitError: for a file that is not CLIP, holds only the picture half, or only the text half.
    """
    state = _read_tensors(path)
    if MARK in state:
        state = from_siglip(state)
    elif any(key.startswith(("text_model.", "vision_model.")) for key in state):
        state = from_huggingface(state)
    state = {key.removeprefix("module."): value for key, value in state.items()}
    for extra in ("input_resolution", "context_length", "vocab_size"):
        state.pop(extra, None)
    check_both_halves(state, path)
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


def _read_tensors(path: Path) -> State:
    if path.suffix == ".safetensors":
        with open_tensors(path) as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    from ..checkpoints.torch_files import read_tensors

    return read_tensors(path)


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


def uses_quick_gelu(path: Path, huggingface: bool) -> bool:
    """Whether the weights were trained with QuickGELU: OpenAI's were, open_clip's own mostly not.

    A Hugging Face file says so in the `config.json` beside it; without one it is taken for OpenAI's.
    """
    sidecar = path.parent / "config.json"
    if huggingface:
        if sidecar.is_file():
            return "quick_gelu" in json.dumps(json.loads(sidecar.read_text(encoding="utf-8")))
        return True
    name = path.name.lower()
    return path.suffix == ".pt" or any(word in name for word in ("openai", "quickgelu", "metaclip", "dfn"))

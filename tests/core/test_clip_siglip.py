"""SigLIP files as Hugging Face writes them, against transformers' own network."""

from __future__ import annotations

import json

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.clip import load_clip
from tests.core.test_clip_hub_text import write_page

NAME = "tiny-siglip"
WIDTH, PATCH, SIDE = 64, 8, 32
TEXTS = ["a marble statue", "a hat and a hat", "zebra"]


def tiny_siglip_picture(pretrained: bool = False, **options):
    """As timm's `vit_base_patch16_siglip_224`, but small."""
    from timm.models.vision_transformer import VisionTransformer

    names = ("num_classes", "global_pool")
    return VisionTransformer(
        img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=2, num_heads=1, class_token=False,
        **{name: options[name] for name in names if name in options},
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def architecture(tmp_path_factory):
    """A small SigLIP, known to open_clip by name; the picture half is timm's, with attention pooling."""
    import open_clip
    import timm

    timm.models.register_model(tiny_siglip_picture)
    folder = tmp_path_factory.mktemp("configs")
    config = {
        "embed_dim": WIDTH, "init_logit_bias": -10, "custom_text": True,
        "vision_cfg": {
            "image_size": SIDE, "timm_model_name": "tiny_siglip_picture", "timm_model_pretrained": False,
            "timm_pool": "map", "timm_proj": "none",
        },
        "text_cfg": {
            "context_length": 12, "vocab_size": 40, "hf_tokenizer_name": "nobody/siglip", "width": WIDTH,
            "heads": 1, "layers": 2, "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
            "norm_kwargs": {"eps": 1e-6},
        },
    }  # fmt: skip
    (folder / f"{NAME}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


def make_siglip():
    """transformers' network with random weights; timm's GELU is the exact one."""
    from transformers import SiglipConfig, SiglipModel

    shared = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": 2,
              "num_attention_heads": 1, "hidden_act": "gelu"}  # fmt: skip
    text = shared | {"vocab_size": 40, "max_position_embeddings": 12, "projection_size": WIDTH}
    vision = shared | {"image_size": SIDE, "patch_size": PATCH}
    torch.manual_seed(3)
    network = SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).eval()
    rng = torch.Generator().manual_seed(4)
    for weight in network.parameters():  # biases begin as zeros, which would hide a lost one
        weight.data += 0.02 * torch.randn(weight.shape, generator=rng)
    return network


def embedding(found) -> torch.Tensor:
    """Of either release of transformers: the tensor, or the output that holds it."""
    return found if isinstance(found, torch.Tensor) else found.pooler_output


def test_huggingface_siglip_gives_transformers_embeddings(tmp_path):
    network = make_siglip()
    network.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "mine.safetensors")
    write_page(tmp_path / "mine")
    model = load_clip(tmp_path / "mine.safetensors", NAME)
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        seen = embedding(network.get_image_features(pixel_values=(images / 2 + 0.5 - model.mean) / model.std))
        said = embedding(network.get_text_features(input_ids=model.tokenize(TEXTS)))
    assert torch.allclose(model.encode_image(images), seen / seen.norm(dim=1, keepdim=True), atol=1e-5)
    assert torch.allclose(model.encode_text(TEXTS), said / said.norm(dim=1, keepdim=True), atol=1e-5)


def test_half_a_siglip_is_refused(tmp_path):
    from safetensors.torch import save_file

    state = make_siglip().state_dict()
    vision = {key: value.contiguous() for key, value in state.items() if key.startswith("vision_model.")}
    save_file(vision, tmp_path / "vision.safetensors")
    with pytest.raises(ITPortraitError, match="only the picture half"):
        load_clip(tmp_path / "vision.safetensors", NAME)

"""One line for every kind of official weights: what to get, from where, where to put it, on which terms.

README, section "Bring your own weights", says the same at length; errors about missing files end with these.
"""

from __future__ import annotations

_PLACE = "into models/itportrait and run Import Official Checkpoint"
_SOURCES = {
    "eg3d": (
        "ffhqrebalanced512-128.pkl",
        "NVIDIA NGC, nvidia/research/eg3d",
        "non-commercial, NVIDIA Source Code License",
    ),
    "stylegan2": (
        "e4e_ffhq_encode.pt, which holds its generator",
        "the encoder4editing repository",
        "non-commercial, derived from NVIDIA's StyleGAN2 and FFHQ",
    ),
    "style_encoder": (
        "e4e_ffhq_encode.pt",
        "the encoder4editing repository",
        "non-commercial, derived from NVIDIA's StyleGAN2 and FFHQ",
    ),
    "pose": ("epoch_20.pth", "the Deep3DFaceRecon_pytorch repository", "academic, Basel Face Model licence"),
    "identity": ("model_ir_se50.pth", "the encoder4editing repository", "research"),
    "perceptual": ("vgg16-397923af.pth", "torchvision, download.pytorch.org/models", "BSD 3-Clause"),
    "clip": ("ViT-B-32.pt", "the OpenAI CLIP or open_clip repository", "MIT"),
}


def where(family: str) -> str:
    """How to get the official weights of a family of networks, as one sentence."""
    name, home, terms = _SOURCES[family]
    place = "into models/itportrait" if family == "clip" else _PLACE
    return f"Put {name} ({home}; {terms}) {place}, or use the embedded pocket network."

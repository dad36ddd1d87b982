"""StyleGAN2 weights under either set of names: rosinality's and NVIDIA's (docs/checkpoints.md#stylegan2).

The two are plain renames and reshapes of each other; no kernel is flipped. Our class has NVIDIA's names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import ITPortraitError
from ..networks.resampling import binomial_filter
from ..networks.stylegan2 import StyleGAN2Config
from ..networks.stylegan2_layers import MappingNetwork

_LAYER_NAMES = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}
_CONSTANT_KERNELS = (".blur.kernel", ".upsample.kernel")
_NUMBER = "[0-9]{1,2}"
"""Of a layer. More digits are no layer's, and sides of blocks grow with them as powers of two."""
WIDEST = 8192
"""Numbers of a latent, a style vector or a mapping layer; each is drawn `MEAN_SAMPLES` times."""
MEAN_SAMPLES = 4096
"""Latents that estimate the mean style vector where a file does not hold it."""


def nvidia_name(name: str) -> str | None:
    """The NVIDIA name of a rosinality tensor; None for the constant kernels, which we do not need.

    Raises:
        ITPortraitError: for a name that no rosinality generator has.
    """
    if name.endswith(_CONSTANT_KERNELS):
        return None
    if match := re.fullmatch(rf"style\.({_NUMBER})\.(weight|bias)", name):
        return f"mapping.fc{int(match[1]) - 1}.{match[2]}"
    if name == "input.input":
        return "synthesis.b4.const"
    if match := re.fullmatch(rf"noises\.noise_({_NUMBER})", name):
        return f"synthesis.{_layer(int(match[1]))}.noise_const"
    if match := re.fullmatch(rf"(conv1|to_rgb1|convs\.{_NUMBER}|to_rgbs\.{_NUMBER})\.(.+)", name):
        kind, _, number = match[1].partition(".")
        if match[2] in _LAYER_NAMES:
            if kind in ("to_rgb1", "to_rgbs"):
                layer = f"b{4 if kind == 'to_rgb1' else 8 << int(number)}.torgb"
            else:
                layer = _layer(0 if kind == "conv1" else int(number) + 1)
            return f"synthesis.{layer}.{_LAYER_NAMES[match[2]]}"
    raise ITPortraitError(
        f"{name!r} is no tensor of a rosinality StyleGAN2 generator; is the file of another kind?"
    )


def from_rosinality(state: Mapping[str, Tensor], latent_avg: Tensor | None = None) -> dict[str, Tensor]:
    """Weights of a rosinality generator under NVIDIA's names and shapes, with the constant filters.

    Args:
        state: `g_ema`, or the decoder of an encoder file without its prefix.
        latent_avg: mean style vector [w_dim] or [num_ws, w_dim]; estimated with a fixed seed where absent.
    """
    result: dict[str, Tensor] = {}
    for name, value in state.items():
        renamed = nvidia_name(name)
        if renamed is not None:
            result[renamed] = _reshape(renamed, value)
    for name in list(result):
        block, _, layer = name.rpartition(".")
        if layer == "noise_const":
            result[f"{block}.resample_filter"] = binomial_filter()
            result[f"{block.rpartition('.')[0]}.resample_filter"] = binomial_filter()
    if latent_avg is not None:
        result["mapping.w_avg"] = latent_avg.float().reshape(-1, latent_avg.shape[-1]).mean(dim=0)
    else:
        result["mapping.w_avg"] = _mean_style(result)
    return result


def infer_config(state: Mapping[str, Tensor], conv_clamp: float | None = None) -> StyleGAN2Config:
    """Sizes of a generator from the shapes of its tensors, under NVIDIA's names.

    Raises:
        ITPortraitError: when the tensors of a StyleGAN2 are not there.
    """
    blocks = (re.match(r"synthesis\.b([0-9]{1,5})\.", name) for name in state)
    sides = sorted({int(match[1]) for match in blocks if match})
    layers = sorted(name for name in state if re.fullmatch(r"mapping\.fc\d+\.weight", name))
    if not sides or "synthesis.b4.const" not in state or not layers:
        raise ITPortraitError(
            "These weights lack synthesis.b4.const or mapping.fc0: they are no StyleGAN2 generator."
        )
    widths = {side: state[f"synthesis.b{side}.torgb.weight"].shape[1] for side in sides}
    w_dim = state["mapping.w_avg"].shape[0]
    embed = state.get("mapping.embed.weight")
    embedded = 0 if embed is None else embed.shape[0]
    inner = state["mapping.fc0.weight"].shape[0]
    return StyleGAN2Config(
        z_dim=state["mapping.fc0.weight"].shape[1] - embedded,
        c_dim=0 if embed is None else embed.shape[1],
        w_dim=w_dim,
        resolution=sides[-1],
        img_channels=state["synthesis.b4.torgb.weight"].shape[0],
        channel_base=widths[sides[-1]] * sides[-1],
        channel_max=max(widths.values()),
        mapping_layers=len(layers),
        embed_features=None if embed is None or embedded == w_dim else embedded,
        layer_features=None if inner == w_dim else inner,
        conv_clamp=conv_clamp,
    )


def _layer(number: int) -> str:
    """Block and convolution of the n-th style layer in running order."""
    return "b4.conv1" if number == 0 else f"b{8 << (number - 1) // 2}.conv{(number - 1) % 2}"


def _reshape(name: str, value: Tensor) -> Tensor:
    """Drop the axes of length 1 that rosinality adds."""
    last = name.rpartition(".")[2]
    if last in ("const", "noise_const", "noise_strength"):
        return value.reshape(
            value.shape[1:] if last == "const" else value.shape[2:] if last == "noise_const" else ()
        )
    if value.ndim == 5:
        return value[0]
    return value.reshape(-1) if value.ndim == 4 and last == "bias" else value


def _mean_style(state: Mapping[str, Tensor]) -> Tensor:
    """Mean style vector of many latents through the mapping network; the same for the same weights."""
    layers = {
        name.removeprefix("mapping."): value for name, value in state.items() if name.startswith("mapping.")
    }
    width, z_dim = layers["fc0.weight"].shape
    w_dim = layers[f"fc{len(layers) // 2 - 1}.weight"].shape[0]
    if max(width, z_dim, w_dim) > WIDEST:
        raise ITPortraitError(f"The mapping network is {max(width, z_dim, w_dim)} wide; is it damaged?")
    with torch.device("meta"):
        network = MappingNetwork(z_dim, 0, w_dim, 1, len(layers) // 2, layer_features=width)
    network.load_state_dict({**layers, "w_avg": torch.zeros(w_dim)}, assign=True)
    z = torch.randn(MEAN_SAMPLES, z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return network(z).mean(dim=(0, 1))

"""Which parts of a generator are trained, and copies to train (docs/method.md#trained-parts)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ...errors import ITPortraitError
from ...networks.families import family_of
from ...networks.generator3d import G, Generator3D
from ...networks.stylegan2_layers import ToRGBLayer
from .config import MODULES


def copy_for_training(generator: G, modules: Sequence[str], trained: str = "weights") -> G:
    """A copy in eval mode in which only `modules` ask for gradients; the original is left as it is.

    Args:
        trained: of these modules, "weights" for everything, or "styles" for the constants of the style
            layers alone. Those shift every latent alike, as a direction of the style space does (Wu et al.,
            StyleSpace Analysis, 2021). "latents" are the same constants, for `LatentOffset`. "convolutions"
            for all but style layers and what writes planes or pictures (StyleGAN-NADA, section 4.2).

    Raises:
        ITPortraitError: for an unknown module, none, or none that has what is `trained`.
    """
    unknown = sorted(set(modules) - set(MODULES))
    if unknown or not modules:
        raise ITPortraitError(f"Cannot train {unknown or 'nothing'}; choose from {', '.join(MODULES)}.")
    twin, names = copy.deepcopy(generator).eval(), family_of(generator).names
    layers = [layer for _, layer in twin.named_modules() if isinstance(layer, ToRGBLayer)]
    outputs = {id(parameter) for layer in layers for parameter in layer.parameters()}
    style_layer = names.style_bias.rpartition(".")[0]
    for name, parameter in twin.named_parameters():
        chosen = trained == "weights" or name.endswith(names.style_bias)
        if trained == "convolutions":
            chosen = id(parameter) not in outputs and not name.rpartition(".")[0].endswith(style_layer)
        parameter.requires_grad_(chosen and names.part_of(name) in modules)
    if not trained_parameters(twin):
        raise ITPortraitError(
            f"Training {trained} of {', '.join(modules)} alone trains nothing: it has no style layers;"
            " add synthesis to the modules, or train weights."
        )
    return twin


def device_of(generator: Generator3D) -> torch.device:
    """Where its weights lie."""
    return next(generator.parameters()).device


def adam(parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam over parameters; on NVIDIA cards as one kernel, which moves less than half the memory."""
    listed = list(parameters)
    fused = True if listed and listed[0].device.type == "cuda" else None
    return torch.optim.Adam(listed, lr=lr, betas=betas, fused=fused)


def trained_parameters(generator: Generator3D) -> dict[str, nn.Parameter]:
    """Parameters that ask for gradients, by name."""
    return {name: p for name, p in generator.named_parameters() if p.requires_grad}


def frozen(generator: G) -> G:
    """A finished generator: no gradients, eval mode. Returns the same object."""
    generator.zero_grad(set_to_none=True)
    return generator.eval().requires_grad_(False)


def frozen_copy(generator: G) -> G:
    """A copy without gradients: the caller's module stays as it is, also one made in inference mode."""
    return frozen(copy.deepcopy(generator))


def frozen_twin(generator: G) -> G:
    """As `frozen_copy`, for what nobody writes into: weights that are frozen already are shared."""
    own = [*generator.parameters(), *generator.buffers()]
    if any(t.requires_grad or t.is_inference() or t.grad is not None for t in own):
        return frozen(copy.deepcopy(generator))
    return frozen(copy.deepcopy(generator, {id(t): t for t in own}))


def keep_strongest_layers(generator: Generator3D, ws_gradient: Tensor, k: int) -> list[int]:
    """Drop the gradients of all but the `k` latent layers on which the loss leans most (after NADA).

    Args:
        ws_gradient: [B, num_ws, w_dim], gradient of the step's loss.

    Returns:
        The layers that keep their gradients. The decoder always keeps its own.
    """
    strength = ws_gradient.abs().mean(dim=(0, 2))
    chosen = set(strength.topk(min(k, strength.numel())).indices.tolist())
    latent_of = family_of(generator).names.latent_of
    for name, parameter in trained_parameters(generator).items():
        layer = latent_of(name, generator.num_ws)
        if layer is not None and layer not in chosen:
            parameter.grad = None
    return sorted(chosen)


def pack_weights(generator: Generator3D, prefix: str) -> dict[str, Tensor]:
    """The trained weights as named tensors, for a resume point."""
    return {f"{prefix}.{name}": p.detach().clone() for name, p in trained_parameters(generator).items()}


@torch.no_grad()
def unpack_weights(generator: Generator3D, tensors: dict[str, Tensor], prefix: str) -> None:
    """The inverse of `pack_weights`."""
    for name, parameter in trained_parameters(generator).items():
        parameter.copy_(tensors[f"{prefix}.{name}"])

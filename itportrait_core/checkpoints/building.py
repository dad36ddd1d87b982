"""From what a file says about itself to its network: families by name, settings, weights that fit."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..config import Config
from ..errors import DamagedFile, ITPortraitError
from ..networks import families
from .settings_check import check_settings
from .tensor_file import TensorFile

_FAMILIES: dict[str, tuple[type[Config], type[nn.Module]]] = {}
_OWN_FAMILIES = {
    "stylegan2": ("stylegan2", "StyleGAN2Config", "StyleGAN2Generator"),
    "style_encoder": ("encoders", "StyleEncoderConfig", "StyleEncoder"),
    "pose": ("pose", "PoseConfig", "PoseNet"),
    "identity": ("arcface", "IdentityConfig", "IdentityNet"),
    "perceptual": ("trunk", "TrunkConfig", "Trunk"),
    "style_prior": ("style_prior", "StylePriorConfig", "StylePrior"),
}
"""Other families of `networks/`: module, config class, network class. Imported when first met."""


def register_family(name: str, config_class: type[Config], module_class: type[nn.Module]) -> None:
    """Make a network loadable: `module_class(config_class.from_dict(...), seed=None)` must work."""
    _FAMILIES[name] = (config_class, module_class)


def _family(name: str, path: Path) -> tuple[type[Config], type[nn.Module]]:
    if name in families.NAMES:
        own = families.family(name)
        return own.config, own.generator
    if name not in _FAMILIES and name in _OWN_FAMILIES:
        module, config_class, module_class = _OWN_FAMILIES[name]
        networks = importlib.import_module(f"..networks.{module}", __package__)
        register_family(name, getattr(networks, config_class), getattr(networks, module_class))
    if name not in _FAMILIES:
        known = ", ".join(sorted({*families.NAMES, *_FAMILIES, *_OWN_FAMILIES}))
        raise ITPortraitError(f"{path} holds a network of the unknown family {name!r}; known are {known}.")
    return _FAMILIES[name]


def build(family: str, settings: Mapping[str, Any], file: TensorFile) -> nn.Module:
    """A network of a family by its settings, with the weights of a file.

    No memory is taken before the settings are known to be sane and the tensors to fit.

    Raises:
        ITPortraitError: for an unknown family, settings that make no network, or tensors that differ.
    """
    config_class, module_class = _family(family, file.path)
    try:
        config = config_class.from_dict(dict(settings))
        check_settings(config)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise DamagedFile(
            f"The settings in {file.path} do not fit a {family} model: {error!s:.300}."
        ) from error
    try:
        with torch.device("meta"):
            on_paper = module_class(config, seed=None)
        compare(on_paper.state_dict(), file)
        module = module_class(config, seed=None)
    except ITPortraitError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise DamagedFile(
            f"The settings in {file.path} make no {family} model ({error!s:.200}); get the file again."
        ) from error
    fill(module, file)
    return module


def compare(wanted: Mapping[str, Tensor], file: TensorFile) -> None:
    """Refuse a file whose tensors have other names or shapes than the wanted ones."""
    stored = set(file.keys())
    wrong = [f"{key} is missing" for key in wanted if key not in stored]
    wrong += [f"{key:.200} is unknown" for key in sorted(stored - set(wanted))]
    for key in wanted:
        if key in stored and file.shape(key) != tuple(wanted[key].shape):
            wrong.append(f"{key} has shape {file.shape(key)} instead of {tuple(wanted[key].shape)}")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DamagedFile(f"{file.path} does not fit its own settings: {'; '.join(wrong[:3])}{more}.")


@torch.no_grad()
def fill(module: nn.Module, file: TensorFile) -> None:
    """Copy a file's tensors into a module, tensor by tensor; they were compared before."""
    for key, target in module.state_dict().items():
        target.copy_(file.get_tensor(key))

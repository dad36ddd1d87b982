"""ITportrait's core: 3D portrait generators and the methods that restyle them. Names load on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoints.format import load_generator, load_model, save_generator, save_model
    from .checkpoints.official import import_checkpoint
    from .errors import ITPortraitError
    from .methods.configs import APTConfig, BlendConfig, InversionConfig, ITEConfig, TuningConfig
    from .methods.couple.couple import couple
    from .methods.inversion.invert import invert, invert_batch
    from .methods.inversion.photo_prior import load_photo_prior
    from .methods.inversion.report import reconstruction
    from .methods.shared.portrait import Portrait
    from .methods.shared.region import Region, region_masks, restricted
    from .methods.shared.style_priors import load_style_prior
    from .methods.style.blend import blend
    from .methods.style.config import ColourConfig, EditConfig, InstantConfig, LiftConfig
    from .methods.style.edit_portrait import edit_portrait
    from .methods.style.instant import instant_style
    from .methods.style.keep_colours import keep_colours
    from .methods.style.lift import lift_region
    from .methods.style.style_file import load_style, save_style
    from .methods.stylize.apt import stylize
    from .methods.tuning.tune import pivotal_tune
    from .rendering import cameras

_HOMES = {
    "checkpoints.format": ("load_generator", "save_generator", "load_model", "save_model"),
    "checkpoints.official": ("import_checkpoint",),
    "errors": ("ITPortraitError",),
    "methods.configs": ("InversionConfig", "APTConfig", "ITEConfig", "TuningConfig", "BlendConfig"),
    "methods.style.edit_portrait": ("edit_portrait",),
    "methods.style.keep_colours": ("keep_colours",),
    "methods.shared.portrait": ("Portrait",),
    "methods.inversion.photo_prior": ("load_photo_prior",),
    "methods.inversion.invert": ("invert", "invert_batch"),
    "methods.inversion.report": ("reconstruction",),
    "methods.style.config": ("ColourConfig", "EditConfig", "InstantConfig", "LiftConfig"),
    "methods.style.lift": ("lift_region",),
    "methods.shared.region": ("Region", "region_masks", "restricted"),
    "methods.style.instant": ("instant_style",),
    "methods.shared.style_priors": ("load_style_prior",),
    "methods.stylize.apt": ("stylize",),
    "methods.couple.couple": ("couple",),
    "methods.tuning.tune": ("pivotal_tune",),
    "methods.style.blend": ("blend",),
    "methods.style.style_file": ("load_style", "save_style"),
}
_MODULES = ("cameras",)
_WHERE = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APTConfig",
    "BlendConfig",
    "ColourConfig",
    "EditConfig",
    "ITEConfig",
    "ITPortraitError",
    "InstantConfig",
    "InversionConfig",
    "LiftConfig",
    "Portrait",
    "Region",
    "TuningConfig",
    "blend",
    "cameras",
    "couple",
    "edit_portrait",
    "import_checkpoint",
    "instant_style",
    "invert",
    "invert_batch",
    "keep_colours",
    "lift_region",
    "load_generator",
    "load_model",
    "load_photo_prior",
    "load_style",
    "load_style_prior",
    "pivotal_tune",
    "reconstruction",
    "region_masks",
    "restricted",
    "save_generator",
    "save_model",
    "save_style",
    "stylize",
]


def __getattr__(name: str) -> object:
    """Import the home of a public name when it is first asked for (PEP 562)."""
    if name in _MODULES:
        value: Any = importlib.import_module(f".rendering.{name}", __name__)
    elif name in _WHERE:
        value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The rivals that presets restate (docs/method.md#restated-methods), with the embedded networks.

All begin at the generator as it is. Toonify swaps layers of JoJoGAN's result, for it needs a style. Their
settings are carried to a small generator as ours are (docs/method.md#small-generators): fewer and larger
steps, half the rays' resolution for texts, and texts without templates, of which a small text tower hears
more than of the word in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor

import itportrait_core as itp
from benchmarks.methods.inverted import inverted
from benchmarks.people import SOURCE_TEXT
from itportrait_core.methods.configs import RESTATED, Config, methods_of
from itportrait_core.methods.shared.presets import preset_of
from itportrait_core.networks.generator3d import Generator3D

NAMES = RESTATED
STYLE_OF_TOONIFY = "jojogan"
STEPS, LR = 0.3, 2.0
"""Factors on steps and step size, as from APT's published settings to its settings for small generators."""
FOR_TEXTS = {"neural_resolution": 32, "fast_share": 1.0, "templates": False, "source_text": SOURCE_TEXT}
KINDS: dict[str, type[Config]] = {"apt": itp.APTConfig, "ite": itp.ITEConfig, "blend": itp.BlendConfig}
Stylize = Callable[[Generator3D, Tensor, str], Generator3D]
AnyConfig = TypeVar("AnyConfig", bound=Config)


def task(name: str) -> str:
    """What a rival looks at."""
    return "text" if methods_of(name) == ("ite",) else "picture"


def scaled(name: str, kind: type[AnyConfig], steps: int = 0) -> AnyConfig:
    """The preset `name`, for the embedded generator; `steps` in place of its own, where not 0."""
    config = preset_of(kind, name)
    if kind is itp.BlendConfig:
        return config
    published: Any = config
    changes = FOR_TEXTS if kind is itp.ITEConfig else {}
    return config.replace(steps=steps or round(STEPS * published.steps), lr=LR * published.lr, **changes)


def settings(name: str) -> dict[str, Any]:
    """All settings that a rival runs with, by method."""
    own = {method: scaled(name, KINDS[method]).to_dict() for method in methods_of(name)}
    return own | (settings(STYLE_OF_TOONIFY) if "blend" in own else {})


def method(name: str, steps: int = 0) -> Stylize:
    """The function that the bench calls; `steps` in place of the preset's, where not 0."""

    def of_picture(generator: Generator3D, picture: Tensor, text: str) -> Generator3D:
        portrait = inverted(generator, picture, steps, style=False)
        return itp.stylize(generator, portrait, scaled(name, itp.APTConfig, steps))

    def of_text(generator: Generator3D, picture: Tensor, text: str) -> Generator3D:
        return itp.couple(generator, None, text, config=scaled(name, itp.ITEConfig, steps)).target

    def swapped(generator: Generator3D, picture: Tensor, text: str) -> Generator3D:
        style = method(STYLE_OF_TOONIFY, steps)(generator, picture, text)
        return itp.blend(generator, [style], scaled(name, itp.BlendConfig))

    return {("ite",): of_text, ("apt",): of_picture, ("blend",): swapped}[methods_of(name)]

"""The three presets of the methods, read from `presets.json`.

`paper` (default): what the text of arXiv 2304.04364 says. `released`: what the authors' public code really
does. `recommended`: the paper's settings with the repairs that cost nothing.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ITPortraitError
from .couple.config import ITEConfig
from .inversion.config import InversionConfig
from .stylize.config import APTConfig
from .tuning.config import TuningConfig

PRESETS = ("paper", "released", "recommended")
_CLASSES: dict[str, Any] = {
    "inversion": InversionConfig,
    "apt": APTConfig,
    "ite": ITEConfig,
    "tuning": TuningConfig,
}


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    return json.loads((Path(__file__).parent / "presets.json").read_text(encoding="utf-8"))


def preset(method: str, name: str = "paper") -> Any:
    """The config of `method` (inversion, apt, ite or tuning) in one preset.

    Raises:
        ITPortraitError: for an unknown preset or method.
    """
    if name not in PRESETS or method not in _CLASSES:
        raise ITPortraitError(
            f"No preset {name!r} for {method!r}; presets are {', '.join(PRESETS)}, "
            f"methods {', '.join(_CLASSES)}."
        )
    values = dict(_table()[name].get(method, {}))
    if method == "ite":
        values["apt"] = preset("apt", name)
    return _CLASSES[method].from_dict(values)

"""Tokenizers and text towers that open_clip would fetch from the Hugging Face hub, from a local folder.

SigLIP, CLIPA and the multilingual CLIPs have them. The folder lies beside the weights and is named as they
are, without the ending; it holds files of the model's own page: `tokenizer.json`, `tokenizer_config.json`,
and, for text towers of transformers (RoBERTa, mT5, NLLB), `config.json`. Only JSON is read: nothing is
downloaded, unpickled or run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints import plain_json
from ..checkpoints.settings_check import LARGEST, MOST_LAYERS
from ..errors import ITPortraitError
from ..plain_types import describe

SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
LONGEST = 1 << 20
"""Bytes of a settings file; pages of models have some kilobytes."""
LARGEST_TOKENIZER = 64 << 20
"""Bytes of tokenizer.json; the largest known, for 250,000 words of 100 languages, has 17 million."""
LENGTH = 77
"""Tokens of a text where an architecture does not say (open_clip's own default)."""


def needs_folder(text_cfg: dict[str, Any]) -> bool:
    """Whether open_clip's configuration of a text tower names something on the hub."""
    return "hf_model_name" in text_cfg or "hf_tokenizer_name" in text_cfg


def folder_of(weights: Path) -> Path:
    """Where the files that belong to a weights file are looked for."""
    return weights.with_suffix("")


def local_text(text_cfg: dict[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """`text_cfg` with the folder in place of names on the hub.

    Raises:
        ITPortraitError: for a missing file, or a configuration that asks for code of its own.
    """
    page = text_cfg.get("hf_tokenizer_name") or text_cfg.get("hf_model_name")
    wanted = ["tokenizer.json", *(["config.json"] if "hf_model_name" in text_cfg else [])]
    missing = [file for file in wanted if not os.path.isfile(folder / file)]
    if missing:
        raise ITPortraitError(
            f"{name} has a text part that is not in open_clip and is never downloaded here: save "
            f"{' and '.join(missing)} of {page}, and its tokenizer_config.json, from Hugging Face into the "
            f"folder {folder.name!r} beside the weights."
        )
    local = {key: value for key, value in text_cfg.items() if key != "hf_model_name"}
    if "hf_model_name" in text_cfg:
        config = _read(folder / "config.json")
        for key, value in config.items():
            most = MOST_LAYERS if "layers" in key else LARGEST
            if isinstance(value, int | float) and not -most <= value <= most:
                raise ITPortraitError(f"{folder.name}/config.json says {key} is {value}; download it again.")
        if "auto_map" in config:
            raise ITPortraitError(
                f"{folder.name}/config.json wants code from its page to be run, which is never done here; "
                "choose another CLIP."
            )
        local |= {"hf_model_name": str(folder), "hf_model_pretrained": False}
    return local


def load_tokenizer(text_cfg: dict[str, Any], folder: Path) -> Callable[[list[str]], Tensor]:
    """Sentences -> tokens [B, context_length], as open_clip's tokenizer for the hub makes them.

    Raises:
        ITPortraitError: for a damaged tokenizer.json.
    """
    from open_clip.tokenizer import get_clean_fn
    from transformers import PreTrainedTokenizerFast

    described = folder / "tokenizer_config.json"
    settings = _read(described) if os.path.isfile(described) else {}
    special = {key: _word(key, settings[key]) for key in SPECIAL if settings.get(key)}
    try:
        if (folder / "tokenizer.json").stat().st_size > LARGEST_TOKENIZER:
            raise ValueError(f"it is longer than {LARGEST_TOKENIZER} bytes")
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
    except Exception as error:  # the Rust reader raises plain Exception
        raise ITPortraitError(
            f"{folder.name}/tokenizer.json cannot be read ({error}); download it again."
        ) from error
    if tokenizer.pad_token_id is None:
        raise ITPortraitError(
            f"{folder.name}/tokenizer_config.json names no pad_token; save the one of the model's own page."
        )
    options = text_cfg.get("tokenizer_kwargs") or {}
    clean = get_clean_fn(options.get("clean", "whitespace"))
    length = text_cfg.get("context_length", LENGTH)

    def tokenize(texts: list[str]) -> Tensor:
        rows = tokenizer(
            [clean(text) for text in texts], max_length=length, padding="max_length", truncation=True
        ).input_ids
        tokens = torch.tensor(rows)
        if options.get("strip_sep_token"):
            tokens = tokens.masked_fill(tokens == tokenizer.sep_token_id, 0)
        return tokens

    return tokenize


def _word(name: str, token: object) -> str:
    """A special token, which tokenizer_config.json writes as a string or with its properties."""
    word = token.get("content") if isinstance(token, dict) else token
    if not isinstance(word, str):
        raise ITPortraitError(
            f"tokenizer_config.json says {name} is {describe(token)}, which is no text; download it again."
        )
    return word


def _read(file: Path) -> dict[str, Any]:
    try:
        return plain_json.read_object(file, longest=LONGEST, finite=False)
    except ITPortraitError as error:
        raise ITPortraitError(
            f"{file.parent.name}/{file.name} cannot be read ({error}); download it again."
        ) from error

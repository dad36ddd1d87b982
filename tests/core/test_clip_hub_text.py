"""CLIPs whose tokenizer or text tower lies on the Hugging Face hub, from files beside the weights."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.clip import load_clip

TEXTS = ["a  marble statue of a bald man", "a hat and a hat and a hat and a hat", "zebra"]
VISION = {"image_size": 16, "patch_size": 8, "width": 64, "layers": 1}
TOWERS: dict[str, dict[str, Any]] = {
    "hub-tokenizer": {
        "context_length": 12, "vocab_size": 40, "width": 64, "heads": 1, "layers": 1,
        "hf_tokenizer_name": "nobody/tokenizer", "tokenizer_kwargs": {"clean": "canonicalize"},
        "no_causal_mask": True,
    },
    "hub-separator": {
        "context_length": 8, "vocab_size": 40, "width": 64, "heads": 1, "layers": 1,
        "hf_tokenizer_name": "nobody/tokenizer", "tokenizer_kwargs": {"strip_sep_token": True},
    },
    "hub-tower": {
        "hf_model_name": "nobody/roberta", "hf_tokenizer_name": "nobody/roberta",
        "hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler",
    },
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def architectures(tmp_path_factory):
    """Architectures known to open_clip by name, whose text parts are on the hub."""
    import open_clip

    folder = tmp_path_factory.mktemp("configs")
    for name, text in TOWERS.items():
        config = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": text}
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def write_page(folder: Path) -> None:
    """The files of a model's page: a tokenizer and the settings of a RoBERTa."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, RobertaConfig

    words = ["<pad>", "<s>", "</s>", "<unk>", "a", "marble", "statue", "of", "bald", "man", "hat", "and"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [("<s>", 1), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", sep_token="</s>", cls_token="<s>"
    ).save_pretrained(folder)
    RobertaConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=80,
    ).save_pretrained(folder)  # fmt: skip


def write_clip(folder: Path, name: str) -> tuple[Path, torch.nn.Module]:
    """Weights of an architecture with its page beside them, and the network as open_clip makes it."""
    import open_clip

    page = folder / "mine"
    write_page(page)
    text = {**TOWERS[name]}
    if "hf_model_name" in text:
        text |= {"hf_model_name": str(page), "hf_model_pretrained": False}
    network = open_clip.create_model(name, pretrained=None, text_cfg=text).eval()
    file = folder / "mine.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, file)
    return file, network


@pytest.mark.parametrize("name", TOWERS)
def test_texts_are_read_as_open_clip_reads_them_from_the_hub(name, tmp_path):
    from open_clip.tokenizer import HFTokenizer

    file, network = write_clip(tmp_path, name)
    loaded = load_clip(file, name)
    text = TOWERS[name]
    theirs = HFTokenizer(
        str(tmp_path / "mine"),
        context_length=text.get("context_length", 77),
        **text.get("tokenizer_kwargs", {}),
    )
    assert torch.equal(loaded.tokenize(TEXTS), theirs(TEXTS))
    with torch.no_grad():
        wanted = torch.nn.functional.normalize(network.encode_text(theirs(TEXTS)), dim=-1)
    torch.testing.assert_close(loaded.encode_text(TEXTS), wanted)
    assert loaded.text_direction("a hat", "a man").shape == (16,)


def test_what_is_missing_is_named_with_the_page_it_is_on(tmp_path):
    file, _ = write_clip(tmp_path, "hub-tower")
    (tmp_path / "mine" / "config.json").unlink()
    with pytest.raises(ITPortraitError, match=r"config\.json of nobody/roberta.*folder 'mine'"):
        load_clip(file, "hub-tower")
    (tmp_path / "mine" / "tokenizer.json").unlink()
    with pytest.raises(ITPortraitError, match=r"tokenizer\.json of nobody/tokenizer"):
        load_clip(file, "hub-tokenizer")
    with pytest.raises(ITPortraitError, match=r"tokenizer\.json and config\.json of roberta-base"):
        load_clip(file, "roberta-ViT-B-32")


def test_a_page_that_wants_its_code_run_is_refused(tmp_path):
    file, _ = write_clip(tmp_path, "hub-tower")
    settings = tmp_path / "mine" / "config.json"
    settings.write_text(
        json.dumps({**json.loads(settings.read_text()), "auto_map": {"AutoConfig": "evil.Config"}})
    )
    with pytest.raises(ITPortraitError, match="never done here"):
        load_clip(file, "hub-tower")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", "{", "tokenizer.json cannot be read"),
        ("tokenizer_config.json", "[", "tokenizer_config.json cannot be read"),
        ("tokenizer_config.json", "[]", "tokenizer_config.json cannot be read"),
        ("tokenizer_config.json", "{}", "names no pad_token"),
        ("config.json", "{", "config.json cannot be read"),
        ("config.json", "[" * 100_000, "config.json cannot be read"),
        ("config.json", '{"model_type": 5}', "cannot make"),
        ("config.json", '{"model_type": "roberta", "hidden_size": "x"}', "cannot make"),
        ("config.json", '{"model_type": "roberta", "num_hidden_layers": 1000000}', "num_hidden_layers"),
        ("config.json", '{"model_type": "roberta", "vocab_size": 1e30}', "vocab_size"),
        ("config.json", '{"model_type": "roberta", "hidden_size": 1000000}', "does not fit|cannot make"),
        ("tokenizer_config.json", '{"pad_token": 5}', "pad_token is"),
        ("tokenizer_config.json", '{"pad_token": {"words": "<pad>"}}', "pad_token is"),
        ("tokenizer_config.json", "[" * 2000 + "]" * 2000, "tokenizer_config.json cannot be read"),
    ],
)
def test_damaged_files_are_named(name, content, said, tmp_path):
    file, _ = write_clip(tmp_path, "hub-tower")
    (tmp_path / "mine" / name).write_text(content)
    with pytest.raises(ITPortraitError, match=said):
        load_clip(file, "hub-tower")

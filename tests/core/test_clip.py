"""CLIP: files that people have, pictures as the network wants them, text directions; no network access."""

from __future__ import annotations

import copy
import json
import warnings

import pytest
import torch
from safetensors.torch import save_file

from itportrait_core.checkpoints.format import save_model
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance import clip_files
from itportrait_core.guidance.clip import ClipModel, load_clip
from itportrait_core.guidance.templates import IMAGENET_TEMPLATES
from itportrait_core.guidance.text_limit import left_out, token_limit
from itportrait_core.guidance.transformer_blocks import OPEN_CLIP
from tests.core.tiny import byte_tokens, tiny_clip

ARCHITECTURE = "itportrait-test"


@pytest.fixture(scope="module")
def architecture(tmp_path_factory):
    """A small architecture known to open_clip by name, with open_clip's own tokenizer."""
    import open_clip

    folder = tmp_path_factory.mktemp("configs")
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 64, "layers": 2},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2},
    }
    (folder / f"{ARCHITECTURE}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    return open_clip.create_model(ARCHITECTURE, pretrained=None).eval()


def picture(side: int = 24) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def to_huggingface(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' names for open_clip's tensors; only here, to prove the way back."""
    top = {value: key for key, value in clip_files._HF_TOP.items()}
    block = {value: key for key, value in OPEN_CLIP.items()}
    out = {}
    for key, value in state.items():
        if key in top:
            out[top[key]] = value
        elif key in ("text_projection", "visual.proj"):
            name = "text_projection" if key == "text_projection" else "visual_projection"
            out[f"{name}.weight"] = value.t().contiguous()
        elif "resblocks" in key:
            root = "vision_model" if key.startswith("visual.") else "text_model"
            number, rest = key.split("resblocks.")[1].split(".", 1)
            prefix = f"{root}.encoder.layers.{number}"
            if rest.startswith("attn.in_proj_"):
                kind = rest.removeprefix("attn.in_proj_")
                for name, part in zip("qkv", value.chunk(3), strict=True):
                    out[f"{prefix}.self_attn.{name}_proj.{kind}"] = part.contiguous()
            else:
                module, _, kind = rest.rpartition(".")
                out[f"{prefix}.{block[module]}.{kind}"] = value
    return out


def test_open_clip_file_gives_open_clips_embeddings(architecture, tmp_path):
    import open_clip

    save_file({k: v.contiguous() for k, v in architecture.state_dict().items()}, tmp_path / "own.safetensors")
    model = load_clip(tmp_path / "own.safetensors", ARCHITECTURE)
    images, texts = picture(16), ["a photo of a man", "glasses"]
    with torch.no_grad():
        wanted = architecture.encode_image((((images + 1) / 2) - model.mean) / model.std, normalize=True)
        words = architecture.encode_text(open_clip.get_tokenizer(ARCHITECTURE)(texts), normalize=True)
    assert torch.allclose(model.encode_image(images), wanted, atol=1e-5)
    assert torch.allclose(model.encode_text(texts), words, atol=1e-5)
    assert not any(p.requires_grad for p in model.parameters())


def test_huggingface_file_is_the_same_network_under_other_names(architecture, tmp_path):
    state = architecture.state_dict()
    save_file(to_huggingface(state), tmp_path / "hf.safetensors")
    file = tmp_path / "hf.safetensors"
    found = clip_files.to_open_clip(clip_files.read_tensors(file), file)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key].float()) for key in state)


def test_openai_archive_is_read_and_taken_for_quick_gelu(architecture, tmp_path):
    """OpenAI's `.pt` files are TorchScript archives in half precision, with three numbers as buffers."""
    network = copy.deepcopy(architecture).half()
    for name, value in (("input_resolution", 16), ("context_length", 77), ("vocab_size", 49408)):
        network.__dict__.pop(name, None)
        network.register_buffer(name, torch.tensor(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch discourages TorchScript; OpenAI's files remain
        words = torch.zeros(1, 77, dtype=torch.long)
        torch.jit.trace(network, (picture(16)[:1].half(), words), check_trace=False).save(
            tmp_path / "clip.pt"
        )
    model = load_clip(tmp_path / "clip.pt", ARCHITECTURE)
    stored, found = network.state_dict(), model.network.state_dict()
    assert all(torch.equal(found[key], stored[key].float()) for key in architecture.state_dict())
    assert "QuickGELU" in {type(module).__name__ for module in model.modules()}


def is_quick(model: ClipModel) -> bool:
    found = "QuickGELU" in {type(module).__name__ for module in model.modules()}
    assert model.about.startswith(f"{ARCHITECTURE}, {'QuickGELU' if found else 'GELU'} (")
    return found


def half(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Single precision, with numbers as OpenAI published them."""
    return {key: value.half().float().contiguous() for key, value in state.items()}


def test_quick_gelu_follows_the_config_of_the_same_model(architecture, tmp_path):
    """A config.json of another model, or a damaged one, decides nothing and stops nothing."""
    file, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    save_file(half(to_huggingface(architecture.state_dict())), file)
    quick = load_clip(file, ARCHITECTURE)
    assert is_quick(quick)
    config.write_text(json.dumps({"vision_config": {"hidden_act": "gelu", "hidden_size": 64}}))
    plain = load_clip(file, ARCHITECTURE)
    assert not is_quick(plain) and "config.json" in plain.about
    assert not torch.allclose(quick.encode_image(picture(16)), plain.encode_image(picture(16)), atol=1e-4)
    foreign = ["{", "[]", '{"vision_config": 3}', "[" * 9_000, '{"model_type": "bert", "hidden_act": "gelu"}']
    foreign.append(json.dumps({"vision_config": {"hidden_act": "gelu", "hidden_size": 1024}}))
    for text in foreign:
        config.write_text(text)
        assert is_quick(load_clip(file, ARCHITECTURE))
    config.write_bytes(b"\xff\xfe")
    assert is_quick(load_clip(file, ARCHITECTURE))


def test_the_activation_is_told_by_content_and_never_by_the_name(architecture, tmp_path):
    """OpenAI's weights under any name want QuickGELU, open_clip's own `epoch_32.pt` does not."""
    state = architecture.state_dict()
    torch.save(
        {"epoch": 32, "state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "epoch_32.pt"
    )
    assert not is_quick(load_clip(tmp_path / "epoch_32.pt", ARCHITECTURE))
    assert is_quick(load_clip(tmp_path / "epoch_32.pt", ARCHITECTURE, quick_gelu=True))
    save_file(half(state), tmp_path / "ViT-B-32.safetensors")
    assert is_quick(load_clip(tmp_path / "ViT-B-32.safetensors", ARCHITECTURE))
    assert not is_quick(load_clip(tmp_path / "ViT-B-32.safetensors", ARCHITECTURE, quick_gelu=False))
    single = {key: value.contiguous() for key, value in state.items()}
    save_file(single, tmp_path / "openai-quickgelu.safetensors")
    assert not is_quick(load_clip(tmp_path / "openai-quickgelu.safetensors", ARCHITECTURE))
    numbers = {"input_resolution": 16, "context_length": 77, "vocab_size": 49408}
    save_file(single | {k: torch.tensor(v) for k, v in numbers.items()}, tmp_path / "mine.safetensors")
    assert is_quick(load_clip(tmp_path / "mine.safetensors", ARCHITECTURE))


@pytest.mark.parametrize(
    "name", ["hf-hub:someone/clip", "local-dir:/etc", "hf-hub:", "", "../ViT-B-32", "a\0b"]
)
def test_architectures_come_from_open_clips_list_alone(architecture, tmp_path, name, monkeypatch):
    """No name in a workflow makes open_clip look into the network or into folders."""
    import socket

    def refuse(*arguments, **more):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    save_file({k: v.contiguous() for k, v in architecture.state_dict().items()}, tmp_path / "own.safetensors")
    with pytest.raises(ITPortraitError, match="architecture"):
        load_clip(tmp_path / "own.safetensors", name)


def test_what_does_not_fit_is_named(tmp_path):
    """The embedded guide reads 34 tokens of a text, one for each letter of a word that it does not know."""
    guide = load_clip("pocket-guide")
    long = " ".join(f"glasses{n}" for n in range(9))
    read = long.removesuffix(left_out(guide, long, templates=False)).strip()
    assert left_out(guide, long, templates=False) and read
    assert torch.equal(guide.tokenize([read]), guide.tokenize([long]))
    other = f"{read} {'beard ' * 4}"
    assert torch.equal(guide.encode_text([long]), guide.encode_text([other]))  # why it must be said
    assert left_out(guide, "a smiling old man with a beard, wearing glasses") == ""
    assert token_limit(guide) == 36


@pytest.mark.parametrize("text", ["!!!", " ", "...", "()"])
def test_a_text_without_a_word_is_an_empty_text(text):
    with pytest.raises(ITPortraitError, match="holds no word"):
        load_clip("pocket-guide").text_direction(text, "a person")


def test_a_vision_only_file_is_refused_in_words(architecture, tmp_path):
    vision = {k: v.contiguous() for k, v in architecture.state_dict().items() if k.startswith("visual.")}
    save_file(vision, tmp_path / "vision.safetensors")
    with pytest.raises(ITPortraitError, match="only the picture half"):
        load_clip(tmp_path / "vision.safetensors", ARCHITECTURE)
    text = {k: v.contiguous() for k, v in architecture.state_dict().items() if not k.startswith("visual.")}
    save_file(text, tmp_path / "text.safetensors")
    with pytest.raises(ITPortraitError, match="only the text half"):
        load_clip(tmp_path / "text.safetensors", ARCHITECTURE)


def test_other_bad_files_are_refused(architecture, tmp_path):
    with pytest.raises(ITPortraitError, match="No CLIP file"):
        load_clip(tmp_path / "nowhere.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(ITPortraitError, match=r"junk\.safetensors"):
        load_clip(tmp_path / "junk.safetensors")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ITPortraitError, match="not a CLIP file"):
        load_clip(tmp_path / "other.safetensors")
    save_file({k: v.contiguous() for k, v in architecture.state_dict().items()}, tmp_path / "own.safetensors")
    with pytest.raises(ITPortraitError, match="does not fit"):
        load_clip(tmp_path / "own.safetensors", "ViT-B-32")
    with pytest.raises(ITPortraitError, match="knows no architecture"):
        load_clip(tmp_path / "own.safetensors", "ViT-Nothing")


def test_an_architecture_that_the_file_is_not_costs_no_memory(architecture, tmp_path, monkeypatch):
    """ViT-bigG-14 would take ten gigabytes before its weights are compared with a file of some kilobytes."""
    import open_clip

    save_file({k: v.contiguous() for k, v in architecture.state_dict().items()}, tmp_path / "own.safetensors")
    made, real = [], open_clip.create_model

    def create(*arguments, **named):
        network = real(*arguments, **named)
        made.extend({value.device.type for value in network.state_dict().values()})
        return network

    monkeypatch.setattr(open_clip, "create_model", create)
    for name in ("ViT-bigG-14", "RN50x64"):
        with pytest.raises(ITPortraitError, match=r"does not fit|lacks"):
            load_clip(tmp_path / "own.safetensors", name)
    assert set(made) == {"meta"}


def test_our_own_file_brings_its_config(tmp_path):
    network = tiny_clip(3).network
    network.tokenize = byte_tokens
    save_model(network, tmp_path / "mine.safetensors", family="clip")
    model = load_clip(tmp_path / "mine.safetensors")
    assert model.size == 16 and model.name == "mine" and model.templates == ("{}",)
    with torch.no_grad():
        assert torch.allclose(model.encode_image(picture()), tiny_clip(3).encode_image(picture()), atol=1e-6)


def test_pictures_are_resized_and_normalised_like_openai(tmp_path):
    model = ClipModel(tiny_clip().network, byte_tokens, size=16)
    flat = torch.zeros(1, 3, 40, 40)
    wanted = (0.5 - torch.tensor([0.48145466, 0.4578275, 0.40821073])) / torch.tensor(
        [0.26862954, 0.26130258, 0.27577711]
    )
    assert torch.allclose(model.prepare(flat)[0, :, 8, 8], wanted, atol=1e-5)
    fine = picture(160)
    assert not torch.allclose(model.prepare(fine), model.prepare(fine, antialias=False), atol=1e-2)


def test_picture_embeddings_pass_gradients_even_out_of_range():
    x = (picture() * 1.5).requires_grad_()
    tiny_clip().encode_image(x).sum().backward()
    assert bool((x.grad != 0).all(dim=1).any())


def test_text_direction_is_the_mean_over_templates():
    model = tiny_clip()
    model.templates = ("a {}.", "the {}!")
    by_hand = torch.zeros(16)
    for frame in model.templates:
        target, source = model.encode_text([frame.format("hat"), frame.format("photo")])
        by_hand = by_hand + (target - source) / 2
    found = model.text_direction("hat", "photo")
    assert torch.allclose(found, by_hand / by_hand.norm(), atol=1e-5)
    assert float(found.norm()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("target", "source"), [("", "photo"), ("hat", "  "), ("photo", "photo")])
def test_empty_and_equal_texts_are_refused(target, source):
    with pytest.raises(ITPortraitError):
        tiny_clip().text_direction(target, source)


def test_there_are_79_templates_with_one_gap_each():
    assert len(set(IMAGENET_TEMPLATES)) == 79
    assert all(template.count("{}") == 1 for template in IMAGENET_TEMPLATES)
    assert "a photo of many {}." not in IMAGENET_TEMPLATES

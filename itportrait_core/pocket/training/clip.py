"""Training of the two CLIPs: pictures of all styles against varied captions, and against short prompts.

The second term is CLIP's own loss with the labels of one attribute as the only texts; it teaches what
zero-shot questions ask. The guide sees heavier noise and blur than the judge, so that its gradients change
shapes rather than hide patterns.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...guidance.clip_network import ClipConfig, ClipNetwork
from ..captions import BARE, PROMPTS, STYLE_WORDS, caption
from ..styles import STYLES
from ..tokenizer import END, PAD, tokenize
from .appearance import blur, grain, tone, uniform
from .dataset import StyledSet, training_set
from .export import exporter
from .loop import LoopConfig, Trainer
from .warps import move

CONFIGS = Path(__file__).parents[1] / "clip_configs"
BATCH = 64  # pictures; as many prompts as labels are asked of all of them
CAPTIONED = 32  # pictures of a batch that are also compared with whole captions
RATE = 1.5e-3


@dataclass(frozen=True)
class Roughness:
    """How much pictures are changed before a CLIP sees them."""

    noise: float  # share of noisy pictures
    blur: float  # share of blurred pictures
    tone: float  # share of pictures with other contrast and brightness
    coarse: float  # share of pictures that are reduced and enlarged again
    hole: float  # share of pictures with a grey square


GUIDE = Roughness(noise=0.35, blur=0.2, tone=0.3, coarse=0.2, hole=0.12)
JUDGE = Roughness(noise=0.15, blur=0.15, tone=0.25, coarse=0.2, hole=0.05)


def roughen(x: Tensor, how: Roughness, g: torch.Generator) -> Tensor:
    """Mirrored, moved and roughened pictures `[B, 3, S, S]` in [-1, 1]."""
    b = x.shape[0]
    u = torch.rand(4, b, generator=g) * 2 - 1
    x = torch.where((torch.rand(b, generator=g) < 0.5)[:, None, None, None], x.flip(-1), x)
    x = move(x, u[0] * 8.0, u[1:3].t() * 0.04, torch.exp(u[3] * 0.1))
    out = x.clone()
    for change, share in (
        (_coarse, how.coarse),
        (blur, how.blur),
        (tone, how.tone),
        (grain, how.noise),
        (_hole, how.hole),
    ):
        chosen = torch.nonzero(torch.rand(b, generator=g) < share).flatten()
        if len(chosen):
            amount = uniform(out[chosen], 0.1, 0.6 if change is tone else 1.0, g)
            out[chosen] = torch.lerp(out[chosen], change(out[chosen], g), amount).clamp(-1, 1)
    return out


def _coarse(x: Tensor, g: torch.Generator) -> Tensor:
    """Seen through a smaller picture."""
    side = int(torch.randint(36, 60, (1,), generator=g))
    small = F.interpolate(x, size=(side, side), mode="area")
    return F.interpolate(small, size=x.shape[-2:], mode="bicubic", align_corners=False)


def _hole(x: Tensor, g: torch.Generator) -> Tensor:
    """A square of one colour somewhere."""
    size = x.shape[-1]
    side = int(torch.randint(size // 8, size // 4, (1,), generator=g))
    left, top = torch.randint(0, size - side, (2,), generator=g).tolist()
    out = x.clone()
    out[:, :, top : top + side, left : left + side] = uniform(x, -1, 1, g, channels=3)
    return out


def encode_tokens(net: ClipNetwork, tokens: Tensor) -> Tensor:
    """Unit text embeddings; as `encode_text`, without the work on padding."""
    model, length = net.model, int((tokens != PAD).sum(1).max())
    tokens = tokens[:, :length]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    x = x[torch.arange(len(tokens)), (tokens == END).int().argmax(1)]
    return F.normalize((x @ model.text_projection).float(), dim=-1)


def prompt_texts(name: str, rng: np.random.Generator) -> list[str]:
    """One random way to say each label of an attribute, in the order of its labels."""
    if name == "style":
        return [rng.choice([*PROMPTS[name][s], *STYLE_WORDS[s]]) for s in STYLES]
    spoken = zip(PROMPTS[name].values(), BARE[name], strict=True)
    return [str(rng.choice([*sentences, *phrases])) for sentences, phrases in spoken]


def contrast(image: Tensor, text: Tensor, same: Tensor, scale: Tensor) -> Tensor:
    """CLIP's symmetric loss; pictures with the very same caption share the target `same` [B, B]."""
    logits = scale * image @ text.t()
    target = same / same.sum(1, keepdim=True)
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target))


def clip_loss(
    net: ClipNetwork, data: StyledSet, labels: dict[str, np.ndarray], how: Roughness, trainer: Trainer
) -> dict[str, Tensor]:
    """Both terms for one random batch."""
    g = trainer.generator
    index = torch.randint(len(data), (BATCH,), generator=g)
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=g)))
    device = net.model.logit_scale.device
    image = roughen(data.images(index), how, g).to(device)
    told = index[:CAPTIONED]
    captions = caption(data.people[told.numpy()], [data.styles[i] for i in told.tolist()], rng)
    prompts = {name: prompt_texts(name, rng) for name in labels}
    texts = [*captions, *(text for group in prompts.values() for text in group)]
    with torch.autocast(device.type, torch.bfloat16):
        seen = F.normalize(net.encode_image(image).float(), dim=-1)
        read = encode_tokens(net, tokenize(texts).to(device))
    scale = net.model.logit_scale.clamp(max=np.log(50.0)).exp()
    numbers = torch.tensor(np.unique(captions, return_inverse=True)[1])
    same = (numbers[:, None] == numbers[None]).float().to(device)
    terms = {"captions": 0.5 * contrast(seen[:CAPTIONED], read[:CAPTIONED], same, scale)}
    first = CAPTIONED
    for name, group in prompts.items():
        logits = scale * seen @ read[first : first + len(group)].t()
        first += len(group)
        truth = torch.from_numpy(labels[name][index.numpy()]).to(device)
        if bool((truth >= 0).any()):
            terms[name] = 0.5 * F.cross_entropy(logits, truth, ignore_index=-1)
    return terms


def read_config(name: str) -> ClipConfig:
    """The open_clip config `clip_configs/NAME.json`."""
    return ClipConfig.from_dict(json.loads((CONFIGS / f"{name}.json").read_text("utf-8")))


def train_clip(
    name: str, how: Roughness, folder: str | os.PathLike[str], *, minutes: float, seed: int, device: str
) -> nn.Module:
    """Train `clip_configs/NAME.json`; writes `folder/clip_NAME.safetensors`."""
    data = training_set()
    labels = {key: data.labels(key) for key in PROMPTS}
    net = ClipNetwork(read_config(name), seed).to(device)
    config = LoopConfig(minutes=minutes, seed=seed, average=0.997, hold=0.3)
    groups = [{"params": list(net.parameters()), "lr": RATE}]
    trainer = Trainer(f"clip_{name}", net, groups, folder, config)
    return trainer.run(lambda t: clip_loss(net, data, labels, how, t), exporter(folder, "clip"))

"""Training of the two CLIPs: pictures of all styles against varied captions, and against short prompts.

The second term is CLIP's own loss with the labels of one attribute as the only texts; it teaches what
zero-shot questions ask. The guide sees heavier noise and blur than the judge, so that its gradients change
shapes rather than hide patterns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...guidance.clip_network import ClipConfig, ClipNetwork
from ...guidance.small_tokenizer import END, PAD, tokenize
from ..captions import BARE, PROMPTS, STYLE_WORDS, caption, label
from ..styles import STYLES
from .dataset import StyledSet, training_set
from .export import exporter
from .loop import LoopConfig, Trainer
from .muon import parameter_groups
from .precision import autocast
from .roughness import GUIDE, JUDGE, Roughness, roughen, roughness

CONFIGS = Path(__file__).parents[1] / "clip_configs"
BATCH = 64  # pictures; as many prompts as labels are asked of all of them
SETTLING = 12  # batches that the statistics of the averaged weights are measured on
CAPTIONED = 32  # pictures of a batch that are also compared with whole captions
RATE = 2e-3
WEIGHTS = {
    "captions": 0.3, "glasses": 1.5, "hat": 0.5, "smile": 3.0, "beard": 1.0, "hair_style": 0.7,
    "hair_color": 0.4, "age": 0.3, "style": 0.5,
}  # fmt: skip
"""Weight of the captions and of each attribute's prompts; small features of the face weigh more."""


def encode_tokens(net: ClipNetwork, tokens: Tensor) -> Tensor:
    """Unit text embeddings; as `encode_text`, without the work on padding."""
    model, length = net.model, int((tokens != PAD).sum(1).max())
    tokens = tokens[:, :length]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    x = x[torch.arange(len(tokens), device=x.device), (tokens == END).int().argmax(1)]
    return F.normalize((x @ model.text_projection).float(), dim=-1)


def prompt_texts(name: str, rng: np.random.Generator) -> list[str]:
    """One random way to say each label of an attribute, in the order of its labels."""
    if name == "style":
        return [rng.choice([*PROMPTS[name][s], *STYLE_WORDS[s]]) for s in STYLES]
    spoken = zip(PROMPTS[name].values(), BARE[name], strict=True)
    return [str(rng.choice([*sentences, *phrases])) for sentences, phrases in spoken]


def contrast(image: Tensor, text: Tensor, same: Tensor, unfair: Tensor, scale: Tensor) -> Tensor:
    """CLIP's symmetric loss; pictures with the very same caption share the target `same` [B, B].

    Pairs of picture and caption in `unfair` [B, B] are not compared.
    """
    logits = (scale * image @ text.t()).masked_fill(unfair, -1e4)
    same = same * ~unfair
    rows, columns = same / same.sum(1, keepdim=True), same.t() / same.t().sum(1, keepdim=True)
    return 0.5 * (F.cross_entropy(logits, rows) + F.cross_entropy(logits.t(), columns))


class Taught(nn.Module):
    """A CLIP with a linear head per attribute, which is dropped afterwards.

    Where neither picture nor text tells two labels apart yet, neither learns from the other; the head breaks
    that tie.
    """

    def __init__(self, config: ClipConfig, seed: int) -> None:
        super().__init__()
        self.clip = ClipNetwork(config, seed)
        self.clip.model.visual.to(memory_format=torch.channels_last)  # nearly twice as fast on a CPU
        self.sizes = [len(labels) for labels in PROMPTS.values()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(config.embed_dim, sum(self.sizes))

    def forward(self, images: Tensor) -> Tensor:
        """Picture embeddings."""
        return self.clip.encode_image(images)


def unfair_pairs(data: StyledSet, index: np.ndarray) -> Tensor:
    """Pictures [B] (rows) and captions [B] whose comparison would teach that a held-out pair never occurs."""
    styles, people = np.asarray(data.styles)[index], data.people[index]
    unfair = np.zeros((len(index), len(index)), dtype=bool)
    for style, name in data.hidden:
        shows = people.beard > 0 if name == "beard" else label(people, name) == 1
        unfair |= (styles == style)[:, None] & shows[None]
    return torch.from_numpy(unfair)


def untold(data: StyledSet) -> dict[str, list[str]]:
    """Style -> what captions keep silent about, because it never occurs there, which is nothing to learn."""
    return {style: [name for s, name in data.hidden if s == style] for style, _ in data.hidden}


def fair_labels(data: StyledSet) -> dict[str, np.ndarray]:
    """Labels of all attributes; unknown where the style is held out from the attribute.

    There the answer is always "no", which would teach the style, not the attribute.
    """
    labels = {name: data.labels(name) for name in PROMPTS}
    for style, name in data.hidden:
        labels[name] = np.where(np.asarray(data.styles) == style, -1, labels[name])
    return labels


def clip_loss(
    net: Taught, data: StyledSet, labels: dict[str, np.ndarray], how: Roughness, trainer: Trainer
) -> dict[str, Tensor]:
    """Both terms for one random batch."""
    rng = trainer.rng
    index = torch.randint(len(data), (BATCH,), generator=rng)
    words_rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=rng)))
    device = net.clip.model.logit_scale.device
    image = roughen(data.images(index).to(device), how, rng, roughness(trainer.progress))
    image = image.contiguous(memory_format=torch.channels_last)
    captioned = index[:CAPTIONED]
    captions = caption(
        data.people[captioned.numpy()], [data.styles[i] for i in captioned.tolist()], words_rng, untold(data)
    )
    prompts = {name: prompt_texts(name, words_rng) for name in labels}
    texts = [*captions, *(text for group in prompts.values() for text in group)]
    with autocast(device.type):
        embedding = F.normalize(net.clip.encode_image(image).float(), dim=-1)
        read = encode_tokens(net.clip, tokenize(texts).to(device))
    scale = net.clip.model.logit_scale.clamp(max=np.log(50.0)).exp()
    numbers = torch.tensor(np.unique(captions, return_inverse=True)[1])
    same = (numbers[:, None] == numbers[None]).float().to(device)
    unfair = unfair_pairs(data, captioned.numpy()).to(device)
    terms = {
        "captions": WEIGHTS["captions"]
        * contrast(embedding[:CAPTIONED], read[:CAPTIONED], same, unfair, scale)
    }
    read_by_head = dict(zip(labels, net.head(8 * embedding).split(net.sizes, 1), strict=True))
    first, heads = CAPTIONED, []
    for name, group in prompts.items():
        logits = scale * embedding @ read[first : first + len(group)].t()
        first += len(group)
        known = torch.from_numpy(labels[name][index.numpy()])
        if bool((known >= 0).any()):
            truth = known.to(device)
            both = [F.cross_entropy(x, truth, ignore_index=-1) for x in (logits, read_by_head[name])]
            terms[name] = WEIGHTS[name] * both[0]
            heads.append(WEIGHTS[name] * both[1])
    terms["heads"] = torch.stack(heads).sum()
    return terms


def read_config(name: str) -> ClipConfig:
    """The open_clip config `clip_configs/NAME.json`."""
    return ClipConfig.from_dict(json.loads((CONFIGS / f"{name}.json").read_text("utf-8")))


def train_guide(
    folder: str | os.PathLike[str], *, minutes: float = 20.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train the CLIP that guides text edits; writes `folder/clip_guide.safetensors`."""
    return _train("guide", GUIDE, folder, False, minutes, seed, device)


def train_judge(
    folder: str | os.PathLike[str], *, minutes: float = 20.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train the CLIP that only judges results; writes `folder/clip_judge.safetensors`.

    It alone sees the held-out pairs of style and edit. One that never did took every third true picture of
    such a pair for another style, so that no result could have reached what is asked of it.
    """
    return _train("judge", JUDGE, folder, True, minutes, seed + 1000, device)


def _train(
    name: str, how: Roughness, folder: str | os.PathLike[str], keep_pairs: bool, minutes: float, seed: int,
    device: str,
) -> nn.Module:  # fmt: skip
    """Train `clip_configs/NAME.json`; `keep_pairs`: whether it learns from the held-out pairs too."""
    data = training_set(keep_pairs=keep_pairs)
    labels = fair_labels(data)
    net = Taught(read_config(name), seed).to(device)
    config = LoopConfig(minutes=minutes, seed=seed, average=0.997, hold=0.3)
    trainer = Trainer(f"clip_{name}", net, parameter_groups(net, RATE), folder, config)

    def pictures() -> Iterator[Tensor]:
        rng = torch.Generator().manual_seed(seed)
        for _ in range(SETTLING):
            index = torch.randint(len(data), (BATCH,), generator=rng)
            yield roughen(data.images(index).to(device), how, rng)

    write = exporter(folder, "clip", part="clip", inputs=pictures)
    return trainer.run(lambda t: clip_loss(t.module, data, labels, how, t), write)

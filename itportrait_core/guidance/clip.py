"""CLIP as a frozen judge of pictures and texts (paper Eq. 2; docs/method.md#clip-directions)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import embedded
from ..checkpoints.downloads import where
from ..checkpoints.tensor_file import is_safetensors, open_tensors
from ..errors import ITPortraitError
from .templates import IMAGENET_TEMPLATES, PLAIN_TEMPLATES, fill
from .text_limit import check_words

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
POCKET = {"pocket-guide": "clip_guide", "pocket-judge": "clip_judge"}


class ClipModel(nn.Module):
    """An open_clip network with its tokenizer and its way of preparing pictures.

    Frozen and in eval mode. `name` tells models of an ensemble apart in histories; `about` says in words
    what was opened.
    """

    def __init__(
        self,
        network: nn.Module,
        tokenize: Callable[[list[str]], Tensor],
        *,
        size: int,
        mean: tuple[float, ...] = OPENAI_MEAN,
        std: tuple[float, ...] = OPENAI_STD,
        name: str = "clip",
        templates: tuple[str, ...] = IMAGENET_TEMPLATES,
        about: str = "",
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.tokenize, self.size, self.name = tokenize, size, name
        self.templates, self.about = templates, about
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def prepare(self, images: Tensor, *, antialias: bool = True) -> Tensor:
        """[B,3,H,W] in [-1,1] -> [B,3,size,size] as the network was trained to see. Not clamped."""
        x = (images + 1) / 2
        if x.shape[-2:] != (self.size, self.size):
            shape = (self.size, self.size)
            x = F.interpolate(x, shape, mode="bicubic", antialias=antialias, align_corners=False)
        return (x - self.mean) / self.std

    def embed_image(self, images: Tensor, *, antialias: bool = True) -> Tensor:
        """[B,3,H,W] in [-1,1] -> embeddings [B,D] as the network gives them, with gradients."""
        return self.network.encode_image(self.prepare(images, antialias=antialias))

    def encode_image(self, images: Tensor) -> Tensor:
        """[B,3,H,W] in [-1,1] -> unit embeddings [B,D], with gradients."""
        return F.normalize(self.embed_image(images), dim=-1)

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Tensor:
        """Sentences -> unit embeddings [B,D]."""
        tokens = self.tokenize(texts).to(self.mean.device)
        return F.normalize(self.network.encode_text(tokens), dim=-1)

    @torch.no_grad()
    def text_direction(self, target: str, source: str, *, templates: bool = True) -> Tensor:
        """Unit direction Delta T [D] from `source` to `target` (Eq. 8), averaged over templates.

        Raises:
            ITPortraitError: for empty texts, texts without a single token, or two texts that mean the same to
                this model.
        """
        for text in (target, source):
            check_words(self, text)
        frames = self.templates if templates else PLAIN_TEMPLATES
        difference = self.encode_text(fill(frames, target)) - self.encode_text(fill(frames, source))
        mean = difference.mean(dim=0)
        if float(mean.norm()) < 1e-4:
            raise ITPortraitError(
                f"{target!r} and {source!r} are the same to {self.name}; change the text or the source text."
            )
        return F.normalize(mean, dim=0)


def listed_clips(clip: ClipModel | Sequence[ClipModel] | None, device: torch.device) -> list[ClipModel]:
    """One CLIP or several as a list on `device`; the embedded guide where None."""
    if clip is None:
        return [load_clip("pocket-guide", device=device)]
    models = [clip] if isinstance(clip, ClipModel) else list(clip)
    return [model.to(device) for model in models]


def load_clip(
    source: str | Path,
    architecture: str | None = None,
    *,
    device: str | torch.device = "cpu",
    quick_gelu: bool | None = None,
) -> ClipModel:
    """A frozen `ClipModel`.

    Args:
        source: "pocket-guide", "pocket-judge", one of our `clip` files, or a local OpenAI, open_clip or
            Hugging Face file with both halves of CLIP. Nothing is ever downloaded.
        architecture: open_clip's name of the architecture; told from the shapes where None.
        quick_gelu: whether the network has QuickGELU; told from the content of the file where None.

    Raises:
        ITPortraitError: for a missing, damaged, vision-only or unfitting file.
    """
    with torch.inference_mode(False), torch.no_grad():
        if source in POCKET:
            return _load_ours(embedded.path(POCKET[str(source)]), str(source)).to(device)
        path = Path(source)
        if not os.path.isfile(path):
            raise ITPortraitError(f"No CLIP file at {path}. {where('clip')}")
        if is_safetensors(path) and _is_ours(path):
            return _load_ours(path, path.stem).to(device)
        return _load_foreign(path, architecture, quick_gelu).to(device)


def _is_ours(path: Path) -> bool:
    with open_tensors(path) as file:
        return {"family", "format_version"} <= set(file.metadata() or {})


def _load_ours(path: Path, name: str) -> ClipModel:
    from ..checkpoints.format import load_model, read_header
    from .clip_network import ClipNetwork

    family = read_header(path).family
    if family != "clip":
        raise ITPortraitError(f"{path.name} holds the family {family!r}, not a CLIP; choose another file.")
    network: ClipNetwork = load_model(path)
    config = network.config
    return ClipModel(
        network,
        network.tokenize,
        size=config.vision_cfg["image_size"],
        mean=config.mean,
        std=config.std,
        templates=config.templates,
        name=name,
    )


def _load_foreign(path: Path, architecture: str | None, quick_gelu: bool | None) -> ClipModel:
    from .clip_files import activation_of, guess_architecture, read_tensors, to_open_clip

    stored = read_tensors(path)
    state = to_open_clip(stored, path)
    name = (architecture or guess_architecture(state, path)).replace("/", "-")
    if quick_gelu is None:
        quick, why = activation_of(stored, state, path, name)
    else:
        quick, why = quick_gelu, "as chosen"
    with torch.device("meta"):  # no memory before the file is known to fit
        on_paper, _, _ = _empty_open_clip(name, quick, path, "meta")
    _check_fits(on_paper.state_dict(), state, path, name)
    network, tokenize, picture = _empty_open_clip(name, quick, path)
    network.load_state_dict(state, strict=False)
    side = picture["size"] if isinstance(picture["size"], int) else picture["size"][0]
    return ClipModel(
        network, tokenize, size=side, mean=tuple(picture["mean"]), std=tuple(picture["std"]), name=name,
        about=f"{name}, {'QuickGELU' if quick else 'GELU'} ({why})",
    )  # fmt: skip


def _check_fits(wanted: dict[str, Tensor], state: dict[str, Tensor], path: Path, name: str) -> None:
    """Refuse weights that are not those of an architecture.

    Raises:
        ITPortraitError: naming the first weight that is missing or of another shape.
    """
    other = [
        key
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape and max(value.numel(), state[key].numel()) > 1
    ]
    missing = [key for key in wanted if key not in state and not key.endswith(("attn_mask", "position_ids"))]
    if other:
        first = other[0]
        shapes = f"{first} has the shape {tuple(state[first].shape)}, not {tuple(wanted[first].shape)}"
        raise ITPortraitError(
            f"{path.name} does not fit the architecture {name}; choose the one it was trained as. ({shapes})"
        )
    if missing:
        raise ITPortraitError(
            f"{path.name} lacks {len(missing)} weights of {name} (first: {missing[0]}; "
            f"{len(set(state) - set(wanted))} unknown); choose the architecture it was trained as."
        )


def _empty_open_clip(
    name: str, quick_gelu: bool, path: Path, device: str = "cpu"
) -> tuple[nn.Module, Any, dict[str, Any]]:
    """An untrained open_clip network, its tokenizer, its picture settings. No network access."""
    import open_clip

    from .hub_text import folder_of, load_tokenizer, local_text, needs_folder

    # Only names of open_clip's own list: others, "hf-hub:..." and "local-dir:...", are fetched or opened.
    if name not in open_clip.list_models():
        raise ITPortraitError(
            f"open_clip knows no architecture {name!r:.100}; write a name of its list, for instance "
            "ViT-B-32 or ViT-L-14-quickgelu, or 'auto'."
        )
    config = open_clip.get_model_config(name)
    text, changed = config.get("text_cfg", {}), {}
    if needs_folder(text):
        changed["text_cfg"] = text = local_text(text, folder_of(path), name)
        tokenize = load_tokenizer(text, folder_of(path))
    else:
        tokenize = open_clip.get_tokenizer(name)
    try:
        network = open_clip.create_model(
            name, pretrained=None, quick_gelu=quick_gelu, device=device, **changed
        )
    except Exception as error:  # open_clip and transformers raise of every kind on an odd config.json
        raise ITPortraitError(
            f"open_clip cannot make {name} ({error!s:.200}); get the files beside {path.name} again, or "
            "choose another architecture."
        ) from error
    return network, tokenize, open_clip.get_model_preprocess_cfg(network)

"""Settings of artistic paired transfer, APT (paper Eq. 5-6, docs/method.md#apt)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..shared.config import MODULES, Config, choice, flag, many, number, weight


@dataclasses.dataclass(frozen=True)
class APTConfig(Config):
    """Image-guided one-shot stylisation: new fine layers each step, LPIPS to the style picture.

    Example:
        >>> itp.APTConfig(beta=0.1, l2=0.5).weights()
        {'l2': 0.5, 'lpips': 1.0}
    """

    method: ClassVar[str] = "apt"

    seed: int = number(2, 0, 2**31 - 1, "Seed of the run; same seed, same weights.")
    steps: int = number(400, 1, 5000, "Updates when APT runs alone (200-400 in the paper's setting).")
    start: str = choice(
        "original", ("original", "prior"),
        "Where G_s begins: at the generator as it is, or at what its style prior reads in the picture.",
    )  # fmt: skip
    layers: tuple[int, ...] = many((9, 10, 11, 12, 13), "Layers of 14, 0-based, that Eq. 5 perturbs.")
    beta: float = number(
        0.0, 0.0, 1.0, "Share of the portrait's own latent there; 0 replaces it, 1 keeps it."
    )
    own_share: float = number(
        0.0, 0.0, 1.0, "Share of the steps that look at the portrait's own latent, unperturbed (beta 1)."
    )
    batch: int = number(1, 1, 16, "Perturbed latents per step.")
    lr: float = number(0.002, 0.0, 0.1, "Adam step (paper 5.1).")
    betas: tuple[float, float] = many((0.0, 0.99), "Adam betas.")
    modules: tuple[str, ...] = many(MODULES, "Parts of the generator that are trained (paper 5.1).")
    adaptive_k: int = number(0, 0, 64, "Train only the k latent layers that matter most; 0 = all (NADA).")
    l2: float = weight(0.0, 100.0, "Weight of the pixel difference; the paper uses LPIPS alone.")
    lpips: float = weight(1.0, 100.0, "Weight of LPIPS (Eq. 6).")
    clip: float = weight(
        0.0, 100.0, "Weight of the way to the picture's style in CLIP's space, on other people."
    )
    clip_across: float = weight(
        0.0, 100.0, "Weight of the picture's own way from G_o in CLIP's space, on other people (MindTheGap)."
    )
    clip_within: float = weight(
        0.0, 100.0, "Weight of other people's way from the picture's person in CLIP's space (MindTheGap)."
    )
    clip_reference: float = weight(
        0.0, 100.0, "Weight of the picture's own person in CLIP's space (MindTheGap)."
    )
    style_mix: float = number(
        0.0, 0.0, 1.0,
        "Share of the picture's latent that everybody's `layers` take after training (MindTheGap).",
    )  # fmt: skip
    variety: float = weight(
        0.0, 100.0, "Weight that keeps other people different, unless the picture is grey."
    )
    prior: float = weight(
        0.0, 100.0, "Weight that keeps other people's colours as they are where APT begins, on a coarse grid."
    )
    texture: float = weight(
        0.0, 100.0, "Weight that gives other people the texture that the style gave the picture's person."
    )
    depth: float = weight(0.0, 100.0, "Weight of depth consistency with the untrained generator.")
    shape: float = weight(0.0, 1000.0, "Weight of the same, on other people from other sides.")
    empty: float = weight(
        0.0, 100.0, "Weight that keeps space empty where the untrained generator has nothing."
    )
    background: float = weight(
        0.0, 100.0, "Weight that keeps empty space white, for generators that draw it so."
    )
    colour: float = weight(0.0, 100.0, "Weight that makes other people grey where the picture is.")
    neural_resolution: int = number(0, 0, 512, "Side of the neural rendering; 0 = the generator's own.")
    share_planes: bool = flag(
        False,
        "Make planes once for all generators where nobody trains the backbone; equal but for rounding.",
    )
    ray_chunk: int = number(0, 0, 1 << 20, "Rays kept in memory at once, the rest recomputed; 0 = all.")

    @property
    def asks_clip(self) -> bool:
        """Whether a term compares in CLIP's space."""
        terms = (self.clip, self.clip_across, self.clip_within, self.clip_reference)
        return any(term > 0 for term in terms)

"""Settings of image-text embedding, ITE, and of its alternation with APT (docs/method.md#ite)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..shared.config import MODULES, Config, choice, flag, many, number, text, weight
from ..shared.presets import SMALL_RESOLUTION
from ..stylize.config import APTConfig

MEASURES = ("l2_unit", "cosine_distance", "angle", "l2_raw")
GATES = ("hard", "soft", "bisector", "joint")


def source_text_for(resolution: int) -> str:
    """T_source for the people of a generator of this side in pixels: small ones draw people, not photos."""
    return "a person" if resolution <= SMALL_RESOLUTION else ITEConfig().source_text


@dataclasses.dataclass(frozen=True)
class ITEConfig(Config):
    """CLIP directions, the gate, the views, and the schedule of a coupled run.

    Example:
        >>> itp.ITEConfig(xi=65).replace(apt={"beta": 0.1}).apt.beta
        0.1
    """

    method: ClassVar[str] = "ite"

    seed: int = number(2, 0, 2**31 - 1, "Seed of the run; same seed, same weights.")
    mode: str = choice("coupled", ("coupled", "text_only", "image_only"), "What drives the run.")
    steps: int = number(400, 1, 5000, "Iterations in all; APT and ITE steps both count (paper: 400).")

    # schedule (4.3)
    apt_per_round: int = number(1, 1, 16, "APT steps before each group of ITE steps.")
    ite_per_round: int = number(1, 1, 16, "ITE steps after them.")
    warmup: int = number(0, 0, 1000, "APT steps before the alternation starts; part of `steps`.")
    apt: APTConfig = dataclasses.field(default=APTConfig(), metadata={"about": "Settings of the APT steps."})

    # latents (Eq. 7)
    batch: int = number(2, 1, 16, "Latents per ITE step.")
    pivot_layers: tuple[int, ...] = many(
        (0,), "Layers, from the start, that stay the content portrait's own."
    )
    keep_weight: float = number(0.2, 0.0, 1.0, "Share of the content portrait's latent in the other layers.")
    content_mix: float = number(0.0, 0.0, 1.0, "0 = fresh people each step, 1 = only the content portrait.")

    # views (Eq. 7, paper 5.1)
    views: int = number(3, 1, 8, "Views P_m per step.")
    yaw: tuple[float, float] = many((-50.0, 50.0), "Range of yaw, degrees.")
    pitch: tuple[float, float] = many((-30.0, 30.0), "Range of pitch, degrees.")
    stratify_yaw: bool = flag(True, "One view from each part of the yaw range.")
    pitch_convention: str = choice("true", ("true", "eg3d"), "Real degrees, or EG3D's own vertical argument.")
    focal: float = number(4.2647, 1.0, 10.0, "Focal length of P_m, in picture widths.")
    view_yaws: tuple[tuple[float, ...], ...] = many(
        (), "Fixed choices of yaw per view, degrees; empty = range."
    )
    view_pitches: tuple[float, ...] = many((), "Fixed choices of pitch, degrees; empty = range.")
    source_view: str = choice(
        "canonical", ("canonical", "matched"), "P_c: the front, or the same view as P_m."
    )

    # directions (Eq. 8)
    source_text: str = text("photo", "T_source: what the content is; a photo (paper section 3).")
    text_origin: str = choice(
        "source", ("source", "style"), "Where the text's way begins: G_o, or G_s, so that no style is undone."
    )
    min_text_distance: float = number(
        0.0, 0.0, 2.0,
        "How far the text carries, as a distance of unit embeddings: nearer counts as less; 0 = only the"
        " direction counts (Eq. 8).",
    )  # fmt: skip
    image_text_orthogonality: float = number(
        0.0, 0.0, 1.0, "Share of the text's direction that the picture's steps look past, lest they undo it."
    )
    templates: bool = flag(True, "Average the text over 79 sentence templates.")
    antialias: bool = flag(True, "Filter when pictures are made smaller for CLIP.")
    augment: bool = flag(
        False, "Move and enlarge pictures a little, anew each step, so that no pixels please CLIP alone."
    )

    # gate (Eq. 9)
    gate: str = choice(
        "hard", GATES, "hard = Eq. 9; soft = sigmoid; bisector = one mean direction; joint = both."
    )
    gate_scope: str = choice(
        "shared", ("shared", "per_model"), "One decision per step, or one per CLIP model."
    )
    measure: str = choice("l2_unit", MEASURES, "How the distance delta is measured.")
    tau: float = number(
        0.7, 0.0, 2.0, "Threshold on delta, given as a distance of unit embeddings (l2_unit)."
    )
    xi: int = number(50, 0, 100, "Chance in percent that an open gate still goes the text's way.")
    xi_strict: bool = flag(False, "Compare the draw with < instead of <= (the authors' release).")
    softness: float = number(0.05, 0.001, 1.0, "Width of the soft gate, in the measure's unit.")
    calibrate: float = number(
        0.0, 0.0, 1.0, "rho: tau = start + rho (style picture's delta - start); 0 = off."
    )

    # training (paper 5.1)
    lr: float = number(0.002, 0.0, 1.0, "Adam step of G_t.")
    betas: tuple[float, float] = many((0.0, 0.99), "Adam betas of G_t.")
    modules: tuple[str, ...] = many(MODULES, "Parts of G_t that are trained (paper 5.1).")
    trained: str = choice(
        "weights", ("weights", "styles", "latents", "convolutions"),
        "What is trained there: all weights; styles = only where the style layers begin; latents = one offset"
        " per layer for everybody, which leaves G_t what its beginning can draw; convolutions = all but style"
        " layers and outputs (NADA).",
    )  # fmt: skip
    adaptive_k: int = number(0, 0, 64, "Train only the k latent layers that matter most; 0 = all (NADA).")
    adaptive_loss: str = choice(
        "direction", ("direction", "text"),
        "Which loss tells what matters: the step's own, or the distance of fresh people to the text (NADA).",
    )  # fmt: skip
    patch: float = weight(0.0, 100.0, "Weight of the text's direction in random patches (CLIPstyler).")
    patches: int = number(64, 1, 256, "Patches of each picture.")
    patch_side: float = number(0.25, 0.05, 1.0, "Their side, as a share of the picture's.")
    patch_reject: float = number(0.7, 0.0, 2.0, "Loss up to which a patch is left as it is.")
    rampdown: float = number(0.0, 0.0, 1.0, "Share of the steps over which G_t's step falls, as a cosine.")
    target_start: str = choice(
        "source", ("source", "style"), "What G_t begins as: G_o, or G_s after the warm-up."
    )
    depth: float = weight(0.0, 100.0, "Weight of depth consistency with the untrained generator.")
    empty: float = weight(
        0.0, 100.0, "Weight that keeps space empty where the untrained generator has nothing."
    )
    background: float = weight(
        0.0, 100.0, "Weight that keeps empty space white, for generators that draw it so."
    )
    colour: float = weight(0.0, 100.0, "Weight that keeps people grey where the style picture is.")
    likeness: float = weight(
        0.0, 10.0,
        "Weight of likeness (LPIPS) to the same person before the text, as G_s draws it (text_only: G_o).",
    )  # fmt: skip
    neural_resolution: int = number(0, 0, 512, "Side of the neural rendering in the fast steps; 0 = full.")
    fast_share: float = number(0.0, 0.0, 1.0, "First share of the steps that use `neural_resolution`.")
    share_planes: bool = flag(
        False,
        "Make planes once for all generators where nobody trains the backbone; equal but for rounding.",
    )
    ray_chunk: int = number(0, 0, 1 << 20, "Rays kept in memory at once, the rest recomputed; 0 = all.")

    def with_steps(self, steps: int) -> ITEConfig:
        """The same for another number of steps. The warm-up keeps its share, but leaves an ITE step."""
        room = max(steps - self.apt_per_round - 1, 0)
        return self.replace(steps=steps, warmup=min(self.warmup * steps // self.steps, room))

    def after_warmup(self) -> ITEConfig:
        """What is left of a run whose warm-up was done already, for a G_s that was made by APT alone."""
        left = self.steps - self.warmup
        return self.replace(steps=left, warmup=0, rampdown=min(1.0, self.rampdown * self.steps / left))

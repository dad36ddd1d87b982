"""Strengths of instant styles, blends and edits (docs/style-prior.md, docs/method.md#blending)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..shared.config import MODULES, Config, many, number, text


@dataclasses.dataclass(frozen=True)
class BlendConfig(Config):
    """Strength of a style without training: theta_o + a (theta - theta_o), part by part.

    Below 0 lies the opposite of the style. `at_N` multiplies shape or texture at planes of N pixels.

    Example:
        >>> itp.BlendConfig(shape=0.5).replace(at_4=0.0).shape
        0.5
    """

    method: ClassVar[str] = "blend"

    shape: float = number(1.0, -1.0, 2.0, "Strength of coarse planes (up to `swap_at`): head shape.")
    texture: float = number(1.0, -1.0, 1.2, "Strength of finer planes and their outputs: texture and colour.")
    decoder: float = number(1.0, -1.0, 1.2, "Strength of the decoder: colour and density of every point.")
    superresolution: float = number(1.0, -1.0, 1.2, "Strength of super-resolution: strokes and fine detail.")
    swap_at: int = number(
        0, 0, 256, "Last side, pixels, whose convolutions are shape; 0: an eighth of the backbone's."
    )
    at_4: float = number(1.0, -1.0, 1.0, "Factor on shape or texture at 4 px.")
    at_8: float = number(1.0, -1.0, 1.0, "The same at 8 px.")
    at_16: float = number(1.0, -1.0, 1.0, "The same at 16 px.")
    at_32: float = number(1.0, -1.0, 1.0, "The same at 32 px.")
    at_64: float = number(1.0, -1.0, 1.0, "The same at 64 px.")
    at_128: float = number(1.0, -1.0, 1.0, "The same at 128 px.")
    at_256: float = number(1.0, -1.0, 1.0, "The same at 256 px.")

    @classmethod
    def uniform(cls, strength: float) -> BlendConfig:
        """One strength in all parts."""
        return cls(shape=strength, texture=strength, decoder=strength, superresolution=strength)

    def at(self, side: int) -> float:
        """The factor of one side of the planes' backbone; 1 for sides without one."""
        return float(getattr(self, f"at_{side}", 1.0))


@dataclasses.dataclass(frozen=True)
class InstantConfig(Config):
    """Instant style: one pass of the encoder, no training.

    Example:
        >>> itp.InstantConfig(strength=0.5).to_dict()
        {'strength': 0.5}
    """

    strength: float = number(1.0, 0.0, 2.0, "Factor on the code: 0 the untrained generator, 1 the style.")


@dataclasses.dataclass(frozen=True)
class ColourConfig(Config):
    """A short training that gives a style the people's own colours.

    Example:
        >>> itp.ColourConfig(steps=20).steps
        20
    """

    method: ClassVar[str] = "colours"

    seed: int = number(2, 0, 2**31 - 1, "Seed of the run; same seed, same weights.")
    steps: int = number(60, 1, 5000, "Updates; each sees one made-up person from one side.")
    lr: float = number(0.005, 0.0, 0.1, "Adam step.")
    betas: tuple[float, float] = many((0.5, 0.99), "Adam betas.")
    rampdown: float = number(0.5, 0.0, 1.0, "Share of the steps over which the step size falls, as a cosine.")
    chroma: float = number(20.0, 0.0, 100.0, "Weight of the people's own colours.")
    shade: float = number(1.0, 0.0, 100.0, "Weight of the style's light and dark.")
    depth: float = number(10.0, 0.0, 1000.0, "Weight of the style's shape.")
    modules: tuple[str, ...] = many(MODULES, "Parts of the generator that are trained.")


TEXT_OR_EXAMPLES = "An edit needs a text, or two examples: before and after. Give one of both."


@dataclasses.dataclass(frozen=True)
class EditConfig(Config):
    """One edit in style space, by a text or by example (docs/method.md#edit-portrait).

    Example:
        >>> itp.EditConfig(strength=-0.5).strength
        -0.5
    """

    method: ClassVar[str] = "edit"

    strength: float = number(1.0, -2.0, 2.0, "How far: 0 nothing, 1 the edit, below 0 its opposite.")
    disentangle: float = number(
        0.1, 0.0, 1.0, "Channels that matter less than this share of the one that matters most stay."
    )
    source_text: str = text("a person", "What people are before the text.")
    people: int = number(512, 16, 100_000, "People whose pictures tell what channels matter.")
    seed: int = number(0, 0, 2**31 - 1, "Seed of these people.")


@dataclasses.dataclass(frozen=True)
class LiftConfig(Config):
    """How a painted mask becomes a region of space (docs/method.md#region). Lengths are world units.

    Example:
        >>> itp.LiftConfig(behind=1.0).to_dict()["behind"]
        1.0
    """

    method: ClassVar[str] = "region"

    front: float = number(
        0.08, 0.0, 1.0, "How far the region stands out before the surface: room for a hat or a beard."
    )
    behind: float = number(
        0.1, 0.0, 2.0, "How deep it goes behind the surface; 2 goes through the whole head."
    )
    agree: float = number(
        0.65, 0.05, 0.95, "Share of the views that look at a point which must have it in their mask."
    )
    feather: float = number(0.004, 0.0, 0.2, "Standard deviation of the soft edge.")
    grid: int = number(96, 16, 192, "Points along a side of the box; an edge is about as sharp as one step.")

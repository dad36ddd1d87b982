"""Cross-fade, strength and person of a live head, done with the networks themselves.

The browser mixes planes, which is exact where one weight is 1. Here the weights of the networks are mixed,
as `methods.style.blend` does, and latents of people are interpolated. `web/live_head/mix.mjs` mixes with the
same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ..methods.configs import BlendConfig
from ..methods.style.blend import blend


def style_weights(count: int, fade: float, strength: float) -> list[float]:
    """Weight of each of `count` generators, summing to 1.

    Args:
        fade: 0 to count - 1: runs from one generator to the next.
        strength: 0 the first generator, 1 what `fade` says, up to 1.2 overdone.
    """
    at = min(max(fade, 0.0), count - 1.0)
    weights = [max(0.0, 1.0 - abs(at - index)) * strength for index in range(count)]
    weights[0] += 1.0 - strength
    return weights


def mixed_generator(
    open_generators: Sequence[Callable[[], nn.Module]], weights: Sequence[float]
) -> nn.Module:
    """The generator of these weights; the very one where one weight is 1.

    Args:
        open_generators: each gives its generator when called; only those that count are called.
        weights: from `style_weights`.
    """
    used = [index for index, weight in enumerate(weights) if weight != 0.0]
    if len(used) == 1:
        return open_generators[used[0]]()
    styles = [index for index in used if index > 0]
    configs = [BlendConfig.uniform(weights[index]) for index in styles]
    return blend(open_generators[0](), [open_generators[index]() for index in styles], configs)


def mixed_latent(people: Sequence[Tensor], person: float) -> Tensor:
    """The latent `[1, num_ws, w_dim]` between the first person (0) and the second (1)."""
    if len(people) == 1 or person <= 0.0:
        return people[0]
    return people[1] if person >= 1.0 else people[0].lerp(people[1].to(people[0]), person)

"""The gate of Eq. 9 and its measures: truth table with boundaries, conversions, directions."""

from __future__ import annotations

import math

import pytest
import torch

from itportrait_core.guidance.directions import bisector, cosine, direction, directional_loss, project_out
from itportrait_core.methods.configs import ITEConfig
from itportrait_core.methods.couple.gate import convert_tau, decide, distance, hard_gamma, soft_gamma


@pytest.mark.parametrize(
    ("delta", "draw", "wanted"),
    [
        (0.69, 100, 0.0),  # not styled enough: text
        (0.70, 100, 0.0),  # the threshold itself is still text
        (0.71, 100, 1.0),  # styled enough, no compensation: image
        (0.71, 51, 1.0),
        (0.71, 50, 0.0),  # the draw that equals xi compensates
        (0.71, 1, 0.0),
        (2.00, 50, 0.0),
        (0.00, 100, 0.0),
    ],
)
def test_hard_gate_truth_table(delta, draw, wanted):
    assert hard_gamma(delta, 0.7, draw, xi=50) == wanted


def test_extreme_thresholds_leave_one_direction():
    assert all(hard_gamma(0.9, 0.7, draw, xi=100) == 0.0 for draw in range(1, 101))
    assert all(hard_gamma(0.9, 0.7, draw, xi=0) == 1.0 for draw in range(1, 101))


def test_strict_comparison_moves_the_boundary_by_one():
    assert hard_gamma(0.8, 0.7, 35, xi=35, strict=True) == 1.0
    assert hard_gamma(0.8, 0.7, 34, xi=35, strict=True) == 0.0


def test_soft_gate_is_the_mean_of_the_hard_one_far_from_the_threshold():
    share = sum(hard_gamma(0.9, 0.5, draw, xi=30) for draw in range(1, 101)) / 100
    assert soft_gamma(0.9, 0.5, 30, 0.01) == pytest.approx(share)
    assert soft_gamma(0.1, 0.9, 30, 0.01) == pytest.approx(0.0)
    assert soft_gamma(0.7, 0.7, 0, 0.05) == pytest.approx(0.5)
    assert soft_gamma(-1e6, 0.7, 0, 0.001) == 0.0  # no overflow


def test_measures_agree_with_the_table_of_the_spec():
    """docs/method.md#gate: unit-L2 0.70 is cosine 0.755, 1 - cosine 0.245, 41.0 degrees."""
    angle = math.radians(40.9749)
    a = torch.tensor([[3.0, 0.0]], dtype=torch.float64)
    b = 5 * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    assert float(distance("l2_unit", a, b)) == pytest.approx(0.70, abs=1e-4)
    assert float(distance("cosine_distance", a, b)) == pytest.approx(0.245, abs=1e-4)
    assert float(distance("angle", a, b)) == pytest.approx(angle, abs=1e-6)
    assert float(distance("l2_raw", a, b)) == pytest.approx(float((a - b).norm()))


@pytest.mark.parametrize("measure", ["l2_unit", "cosine_distance", "angle"])
def test_converted_tau_decides_alike_in_every_measure(measure):
    rng = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 500, 8, generator=rng, dtype=torch.float64)
    by_unit = distance("l2_unit", a, b) <= 0.7
    assert torch.equal(distance(measure, a, b) <= convert_tau(0.7, measure), by_unit)


def test_draws_do_not_depend_on_the_decision():
    config = ITEConfig(gate_scope="per_model")
    low, high = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    first = decide(config, [0.0, 0.0], [0.7, 0.7], low)
    second = decide(config, [2.0, 2.0], [0.7, 0.7], high)
    assert first.draw == second.draw
    assert torch.equal(low.get_state(), high.get_state())


def test_shared_gate_uses_the_mean_distance_and_one_draw():
    config = ITEConfig(xi=0)
    gate = decide(config, [0.5, 0.8], [0.7, 0.7], torch.Generator().manual_seed(0))
    assert gate.gamma == [0.0, 0.0] and len(set(gate.draw)) == 1
    gate = decide(config, [0.6, 0.9], [0.7, 0.7], torch.Generator().manual_seed(0))
    assert gate.gamma == [1.0, 1.0]
    separate = decide(config.replace(gate_scope="per_model"), [0.6, 0.9], [0.7, 0.7], torch.Generator())
    assert separate.gamma == [0.0, 1.0]


def test_draws_are_whole_numbers_from_1_to_100_and_fair():
    config, rng = ITEConfig(tau=0.0, xi=30), torch.Generator().manual_seed(2)
    gates = [decide(config, [1.0], [0.0], rng) for _ in range(2000)]
    draws = [gate.draw[0] for gate in gates]
    assert min(draws) == 1 and max(draws) == 100
    assert sum(gate.gamma[0] for gate in gates) / 2000 == pytest.approx(0.7, abs=0.04)


def test_cosine_floor_keeps_the_gradient_finite_where_nothing_moved_yet():
    moved = torch.zeros(1, 4, requires_grad=True)
    cosine(moved, torch.tensor([1.0, 0, 0, 0]), floor=0.05).sum().backward()
    assert torch.isfinite(moved.grad).all() and float(moved.grad.abs().max()) == pytest.approx(20.0)


def test_directions_and_losses_are_those_of_eq_8():
    rng = torch.Generator().manual_seed(3)
    train, style, source = torch.randn(3, 6, 16, generator=rng, dtype=torch.float64)
    text = torch.randn(16, generator=rng, dtype=torch.float64)
    it, i = direction(train, source), direction(style, source)
    image_loss, text_loss = directional_loss(it, i, floor=1e-9), directional_loss(it, text, floor=1e-9)
    assert float(image_loss) == pytest.approx(float((1 - torch.cosine_similarity(it, i, dim=-1)).mean()))
    text = text[None]
    assert float(text_loss) == pytest.approx(float((1 - torch.cosine_similarity(it, text, dim=-1)).mean()))


def test_bisector_has_the_same_angle_to_both():
    rng = torch.Generator().manual_seed(4)
    image, text = torch.randn(2, 16, generator=rng, dtype=torch.float64)
    middle = bisector(image[None], text)
    assert float(cosine(middle, image[None], 0)) == pytest.approx(float(cosine(middle, text[None], 0)))


def test_beside_the_text_changes_along_it_do_not_count():
    """Eq. 8 holds the text's change against G_t in the picture's steps; beside the text it is not seen."""
    way, text = torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([0.0, 0.0, 3.0])
    other = torch.tensor([[0.0, 2.0, 0.0]])
    assert directional_loss(way + text, way, floor=1e-9) > 0.1
    assert directional_loss(
        project_out(way + text, text), project_out(way, text), floor=1e-9
    ) == pytest.approx(0.0, abs=1e-6)
    assert directional_loss(project_out(way + other, text), project_out(way, text), floor=1e-9) > 0.2


def test_a_share_of_the_text_is_projected_out():
    change, text = torch.tensor([[2.0, 0.0, 4.0]]), torch.tensor([0.0, 0.0, 3.0])
    assert project_out(change, text, share=0.25).tolist() == [[2.0, 0.0, 3.0]]
    assert torch.equal(project_out(change, text, share=0.0), change)

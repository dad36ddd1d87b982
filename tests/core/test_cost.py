"""Training at full size costs no more than the committed table says; counted, so without a clock."""

from __future__ import annotations

import pytest
import torch

from benchmarks import cost
from benchmarks.counting import counted
from benchmarks.table import read_rows
from itportrait_core.methods.shared.memory_plan import RESERVE, Load, needed

STORED = {row["unit"]: row for row in read_rows(cost.RESULTS)}
ROOM = 1.02
"""Other versions of torch cut some operations differently."""


def test_a_sum_and_a_product_are_counted_as_what_they_are():
    a, b = torch.empty(30, 20, device="meta"), torch.empty(20, 10, device="meta")
    with counted() as found:
        c = a @ b
        d = c + torch.empty(10, device="meta").expand(30, 10)
        assert float(d.sum()) == 1.0  # a number that is made up, for which the host waits
        d.view(-1)
    assert found.flops == 2 * 30 * 20 * 10
    assert found.kernels == 3 and found.waits == 1
    product, total = 4 * (30 * 20 + 20 * 10 + 30 * 10), 4 * (30 * 10 + 10 + 30 * 10)
    assert found.bytes == product + total + 4 * (30 * 10 + 1)
    assert found.peak >= 2 * 4 * 30 * 10


def test_backward_passes_are_counted():
    weight = torch.empty(8, 8, device="meta", requires_grad=True)
    with counted() as forward:
        loss = (torch.empty(4, 8, device="meta") @ weight).sum()
    with counted() as backward:
        loss.backward()
    assert backward.flops == forward.flops


def test_gradients_of_grouped_convolutions_take_twice_the_operations():
    x = torch.empty(1, 12, 8, 8, device="meta", requires_grad=True)
    weight = torch.empty(10, 6, 3, 3, device="meta", requires_grad=True)
    with counted() as forward:
        y = torch.nn.functional.conv2d(x, weight, padding=1, groups=2)
    with counted() as backward:
        y.backward(torch.empty_like(y))
    assert forward.flops == 2 * y.numel() * 6 * 9
    assert backward.flops == 2 * forward.flops


@pytest.mark.parametrize(
    ("step", "preset", "half", "together"),
    [
        ("planes", "paper", False, False),
        ("view", "paper", False, False),
        ("coupled round", "recommended", True, True),
    ],
)
def test_costs_do_not_grow(step, preset, half, together):
    """If this fails because a step does more on purpose, `python -m benchmarks.cost` renews the table."""
    full = cost.FullSize(preset, half, together)
    found = cost.count(full, step)
    stored = STORED[found.unit]
    for name in ("gigabytes", "teraflop", "kernels", "waits", "peak_gib"):
        assert getattr(found, name) <= ROOM * float(stored[name]) + 0.005, name


@pytest.mark.parametrize("preset", ["paper", "recommended"])
@pytest.mark.parametrize("together", [False, True])
def test_the_table_has_what_the_plan_of_memory_says(preset, together):
    """`memory_plan.needed`, which nodes tell before a run, within a tenth of what was counted."""
    half = preset == "recommended"
    full = cost.FullSize(preset, half, together)
    views, precision = ("at once" if together else "one by one"), ("half" if half else "float32")
    row = STORED[f"coupled round-{preset}-{precision}-{views}-128"]
    counted = float(row["peak_gib"]) * 2**30 - full.networks(3)
    load = Load(people=2, views=3, trained=2)
    assert needed(full.generator, load, full.together) / RESERVE == pytest.approx(counted, rel=0.1)

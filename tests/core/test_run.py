"""The training loop: order of events, stopping, times of resume points; histories and their plot."""

from __future__ import annotations

import pytest
import torch

from benchmarks.ablation.part import text_share
from itportrait_core.methods.shared.history import History, Record, rng_digest
from itportrait_core.methods.shared.lineage import weights_hash
from itportrait_core.methods.shared.plots import plot_history
from itportrait_core.methods.shared.run import KeepBest, StepInfo, run, trainable_mode


class Counter:
    """A task that counts its steps."""

    def __init__(self, total: int, goal: int = 10**9) -> None:
        self.total, self.goal, self.steps, self.saves = total, goal, [], 0

    def step(self, index: int) -> StepInfo:
        self.steps.append(index)
        return StepInfo({"loss": float(index)}, lambda: torch.zeros(1, 3, 2, 2))

    def finished(self) -> bool:
        return len(self.steps) >= self.goal

    def state(self):
        self.saves += 1
        return {"count": torch.tensor(len(self.steps))}, {"steps": self.steps}

    def restore(self, tensors, facts):
        self.steps = list(facts["steps"])

    def identity(self) -> str:
        return f"counter {self.total}"


def test_every_step_is_told_in_order():
    seen = []
    outcome = run(Counter(5), lambda step, total, info: seen.append((step, total, info.losses["loss"])))
    assert seen == [(i, 5, float(i)) for i in range(5)]
    assert (outcome.steps, outcome.reason) == (5, "done")


def test_reaching_the_goal_ends_the_run():
    outcome = run(Counter(9, goal=4))
    assert (outcome.steps, outcome.reason) == (4, "finished")


@pytest.mark.parametrize("raised", [True, False])
def test_keep_best_may_be_raised_or_returned(raised):
    def on_step(step, total, info):
        if step == 2 and raised:
            raise KeepBest
        return KeepBest if step == 2 else None

    task = Counter(9)
    assert run(task, on_step).reason == "kept" and task.steps == [0, 1, 2]


def test_points_are_written_every_so_many_steps_and_removed_at_the_end(tmp_path):
    task, point = Counter(10), tmp_path / "p.safetensors"
    run(task, resume=point, every_steps=3)
    assert task.saves == 3 and not point.exists()


def test_points_are_written_by_time(tmp_path):
    task = Counter(4)
    run(task, resume=tmp_path / "p.safetensors", every_steps=0, every_seconds=1e-9)
    assert task.saves == 3


def test_a_run_continues_where_its_point_lies(tmp_path):
    point = tmp_path / "p.safetensors"
    run(Counter(6), lambda s, n, i: KeepBest if s == 3 else None, resume=point)
    task = Counter(6)
    run(task, resume=point)
    assert task.steps == [0, 1, 2, 3, 4, 5]


def test_trainable_mode_overrules_inference_mode():
    with torch.inference_mode(), trainable_mode():
        x = torch.ones(2, requires_grad=True)
        (x * x).sum().backward()
    assert torch.equal(x.grad, torch.tensor([2.0, 2.0]))


def make_history() -> History:
    apt = Record(0, "apt", {"lpips": 0.1 + 0.2}, 0.002, "00ff")
    gate = {"delta": {"0:a": 0.6}, "tau": {"0:a": 0.7}, "gate": {"0:a": 0.0}, "draw": {"0:a": 7}}
    ite = Record(1, "ite", {"ite": 1.0, "text": 0.5}, 0.002, "ff00", **gate, views=[[1.0, 2.0]])
    return History([apt, ite])


def test_history_survives_json_exactly():
    import json

    history = make_history()
    again = History.from_json(json.loads(json.dumps(history.to_json())))
    assert again.records == history.records and again[0].losses["lpips"] == 0.1 + 0.2


def test_history_table_has_a_row_per_step():
    rows = make_history().to_csv().splitlines()
    assert rows[0].startswith("step,stage,lr,ite,lpips,text,delta 0:a") and len(rows) == 3


def test_text_share_counts_gates_below_a_half():
    assert text_share(make_history()) == 1.0


def test_plot_has_a_panel_for_losses_delta_and_gate():
    picture = plot_history(make_history(), width=200, panel=50)
    assert picture.shape == (1, 3, 150, 200) and float(picture.min()) < 0 < float(picture.max())


def test_rng_digest_tells_states_apart():
    a, b = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    assert rng_digest(a) == rng_digest(b)
    torch.rand(1, generator=a)
    assert rng_digest(a) != rng_digest(b)


def test_a_kept_hash_of_weights_notices_every_write():
    """In place, by loading, by another tensor; in ComfyUI's inference mode as well."""
    layer, seen = torch.nn.Linear(2, 2), set()

    def add() -> None:
        seen.add(weights_hash(layer))
        with torch.inference_mode():
            assert weights_hash(layer) in seen

    add()
    with torch.no_grad():
        layer.weight.add_(1.0)
    add()
    layer.load_state_dict(torch.nn.Linear(2, 2).state_dict())
    add()
    layer.weight.data = layer.weight.data * 2
    add()
    assert len(seen) == 4
    with torch.inference_mode():
        layer.bias.add_(1.0)
        seen.add(weights_hash(layer))
    assert len(seen) == 5

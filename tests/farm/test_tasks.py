"""Tasks and their identity: what is shared is done once, and runs are named as the nodes name theirs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from farm_tools import environment, places_in

from itportrait_core.farm.job import Job, Source, Weights
from itportrait_core.farm.making import make_jobs, seeds, selftests
from itportrait_core.farm.results import Results
from itportrait_core.farm.sheet import write_sheet
from itportrait_core.farm.tasks import Task, plan_tasks, staged

SHA = "0123456789abcdef" * 4
STYLES = [Source("picture", f"s{i}.png", f"{i}" * 64) for i in range(3)]
TEXTS = ["a hat", "a beard"]
PICTURES = [Source("picture", f"p{i}.png", "abcd"[i] * 64) for i in range(2)]


@pytest.fixture
def results(tmp_path):
    return Results(places_in(tmp_path))


def test_styles_are_shared_by_people(results):
    jobs = make_jobs(STYLES, TEXTS, [*seeds("1-40"), *PICTURES], Weights())
    tasks = plan_tasks(jobs, results)
    kinds = [task.kind for task in tasks]
    assert len(jobs) == 3 * 2 * 42 and kinds.count("train") == 6 and kinds.count("invert") == 5
    assert kinds.count("render") == 6 * (2 + 2)  # 32 and 8 made-up people together, pictures one by one
    assert sum(len(task.jobs) for task in tasks if task.kind == "render") == len(jobs)


def test_parents_come_before_children(results):
    tasks = plan_tasks(make_jobs(STYLES, TEXTS, [*seeds("1"), *PICTURES], Weights()), results)
    for order in (tasks, staged(tasks)):
        seen = set()
        for task in order:
            assert set(task.needs) <= seen
            seen.add(task.key)


def test_a_style_is_inverted_once_and_may_be_a_person_too(results):
    tasks = plan_tasks(make_jobs(STYLES[:1], TEXTS, STYLES[:1], Weights()), results)
    assert [task.kind for task in tasks].count("invert") == 1


def test_lines_that_stand_twice_are_done_once(results):
    jobs = make_jobs(STYLES, [""], seeds("1"), Weights())
    assert sum(len(task.jobs) for task in plan_tasks(jobs + jobs, results) if task.kind == "render") == len(
        jobs
    )


@pytest.mark.parametrize(
    "other",
    [
        {"text": "a cap"},
        {"changes": {"ite": {"seed": 3}}},
        {"style": STYLES[1]},
        {"preset": "released"},
        {"changes": {"inversion": {"steps": 11}}},
    ],
)
def test_whatever_decides_a_training_changes_its_key(results, other):
    base = {
        "method": "coupled",
        "base": Weights(),
        "person": seeds("1")[0],
        "style": STYLES[0],
        "text": "a hat",
    }
    assert results.recipe_key(Job(**base)) != results.recipe_key(Job(**{**base, **other}))


def test_the_person_and_the_views_do_not_change_a_training(results):
    base = {"method": "coupled", "base": Weights(), "style": STYLES[0], "text": "a hat"}
    first = Job(**base, person=seeds("1")[0])
    other = Job(**base, person=seeds("2")[0], views=((1.0, 2.0),))
    assert results.recipe_key(first) == results.recipe_key(other)


def test_a_task_survives_the_way_to_another_process(results):
    for task in plan_tasks(make_jobs(STYLES, TEXTS, [*seeds("1-3"), *PICTURES], Weights()), results):
        assert Task.from_json(task.to_json()) == task


def test_planning_loads_neither_torch_nor_ray(tmp_path):
    """A farm's head node plans; it needs no more than the standard library, numpy and safetensors."""
    write_sheet(tmp_path / "s.jsonl", [*make_jobs([], TEXTS, seeds("1-3"), Weights()), *selftests(2, 1, 0.0)])
    code = (
        "import sys; from itportrait_core.__main__ import main; "
        f"assert main(['farm', 'plan', {str(tmp_path / 's.jsonl')!r}]) == 0; "
        "print([name for name in ('torch', 'ray', 'PIL') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]" and "2 distinct trainings" in ran.stdout

"""Plant one fault at a time and see that a test dies of it: `python tests/mutants.py [WORD ...]`.

Each mutant changes one line of a copy of the project and runs the one test that is named for it. A mutant
that survives is a property that no test protects. Words choose mutants by name. Not part of the suites, which
only check that every line is still there (`tests/core/test_mutants.py`).
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import environment
from safety_mutants import SAFETY

METHODS = "itportrait_core/methods"
HEAVY = ("kornia", "lpips", "open_clip", "pytest", "safetensors.torch", "torch")
"""Imported once, before the forks."""
COPIED = ("__init__.py", "itportrait_core", "locales", "nodes", "tests", "web", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """A fault: `old`, which stands once in `file`, becomes `new`; `test` (file::function) must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str


GATE, DIRECTIONS = f"{METHODS}/couple/gate.py", "itportrait_core/guidance/directions.py"
ITE, TASKS = f"{METHODS}/couple/ite.py", f"{METHODS}/couple/tasks.py"
SHARED = f"{METHODS}/shared"
PASSES, RUN, TERMS = f"{SHARED}/passes.py", f"{SHARED}/run.py", f"{SHARED}/terms.py"
TRAINING, LINEAGE, LAYERS = f"{SHARED}/training.py", f"{SHARED}/lineage.py", f"{SHARED}/config.py"
CONFIG, STYLE = "itportrait_core/config.py", f"{METHODS}/stylize/regularizer.py"

MUTANTS = (
    Mutant(
        "gate: either reason is not enough", GATE,
        "0.0 if delta <= tau or compensated", "0.0 if delta <= tau and compensated",
        "test_gate.py::test_hard_gate_truth_table",
    ),
    Mutant(
        "gate: xi counts the picture's way", GATE, "(1 - xi / 100)", "(xi / 100)",
        "test_gate.py::test_soft_gate_is_the_mean_of_the_hard_one_far_from_the_threshold",
    ),
    Mutant(
        "gate: draws from 0", GATE, "torch.randint(1, 101,", "torch.randint(0, 100,",
        "test_gate.py::test_draws_are_whole_numbers_from_1_to_100_and_fair",
    ),
    Mutant(
        "gate: a chord is called an angle", GATE, "return 2 * torch.asin((chord / 2)", "return ((chord)",
        "test_gate.py::test_measures_agree_with_the_table_of_the_spec",
    ),
    Mutant(
        "directions: the text's length counts", DIRECTIONS,
        "(moved * F.normalize(wanted, dim=-1))", "(moved * wanted)",
        "test_gate.py::test_directions_and_losses_are_those_of_eq_8",
    ),
    Mutant(
        "directions: all of the text is projected out", DIRECTIONS,
        "change - share * (change", "change - (change",
        "test_gate.py::test_a_share_of_the_text_is_projected_out",
    ),
    Mutant(
        "directions: the bisector leans", DIRECTIONS,
        "0.5 * F.normalize(text, dim=-1) + 0.5", "0.4 * F.normalize(text, dim=-1) + 0.6",
        "test_gate.py::test_bisector_has_the_same_angle_to_both",
    ),
    Mutant(
        "directions: gamma of both losses is swapped", ITE,
        "gamma[k] * image_loss + (1 - gamma[k]) * text_loss",
        "(1 - gamma[k]) * image_loss + gamma[k] * text_loss",
        "test_ite.py::test_gamma_0_goes_the_text_s_way_and_1_the_picture_s",
    ),
    Mutant(
        "terms: a weight is squared", TERMS,
        "else total + weights[name] * value", "else total + weights[name] ** 2 * value",
        "test_terms.py::test_a_weight_of_ite_counts[depth]",
    ),
    Mutant(
        "terms: depth is another person's", TERMS,
        "fit_depth(view.source.image_depth", "fit_depth(view.render.image_depth",
        "test_terms.py::test_a_weight_of_ite_counts[depth]",
    ),
    Mutant(
        "terms: one is not recorded", TERMS,
        "add_loss(losses, term.label or name, value.detach().mean(), share)",
        "add_loss(losses, term.label or name, value.detach().mean(), 0)",
        "test_terms.py::test_the_sum_is_the_weighted_sum_and_records_each_term",
    ),
    Mutant(
        "terms: one person is compared with nobody", STYLE, '2 if "variety" in weights else 1', "1",
        "test_terms.py::test_a_weight_of_apt_on_random_people_counts[variety]",
    ),
    Mutant(
        "hand-over: G_t begins a step late", TASKS,
        "config.warmup + config.apt_per_round if", "config.warmup + config.apt_per_round + 1 if",
        "test_ite.py::test_target_may_begin_as_the_style_of_the_warmup",
    ),
    Mutant(
        "hand-over: what was taken over is not resumed", TASKS,
        "self.ite.g_t.load_state_dict(untrained, strict=False)", "pass",
        "test_resume.py::test_what_was_taken_over_from_the_style_is_resumed[3-styles]",
    ),
    Mutant(
        "passes: the backbone gets no gradient", PASSES, "planes.backward(leaf.grad)", "pass",
        "test_ite.py::test_views_one_by_one_give_the_joint_gradient",
    ),
    Mutant(
        "passes: every view is the first", PASSES,
        "cameras[views.start : views.stop]", "cameras[: views.stop - views.start]",
        "test_ite.py::test_views_one_by_one_give_the_joint_gradient",
    ),
    Mutant(
        "passes: the loss of the last view is told", PASSES,
        "total += loss.detach()", "total = loss.detach()",
        "test_ite.py::test_views_one_by_one_give_the_joint_gradient",
    ),
    Mutant(
        "configs: layers are counted from the front", LAYERS,
        "num_ws - (given_for - index) for", "index for",
        "test_configs.py::test_layers_are_counted_from_the_end",
    ),
    Mutant(
        "configs: numbers may be too large", CONFIG,
        'meta["low"] <= value <= meta["high"]', 'meta["low"] <= value',
        "test_configs.py::test_values_out_of_range_are_refused_by_name",
    ),
    Mutant(
        "configs: a weight of 0 is a term", CONFIG,
        "for name in names if getattr(self, name) > 0}", "for name in names}",
        "test_configs.py::test_a_weight_of_0_leaves_its_term_out",
    ),
    Mutant(
        "resume: random numbers begin anew", TRAINING, 'self.rng.set_state(tensors["rng"])', "pass",
        "test_resume.py::test_coupled_resume_is_bit_exact_at_random_points[0]",
    ),
    Mutant(
        "resume: Adam's moments begin anew", RUN,
        '"state": state, "param_groups"', '"state": {}, "param_groups"',
        "test_resume.py::test_coupled_resume_is_bit_exact_at_random_points[0]",
    ),
    Mutant(
        "resume: another run's point is taken", RUN,
        'facts.get("run") != task.identity()', "False",
        "test_resume.py::test_a_resume_point_of_another_run_is_refused",
    ),
    Mutant(
        "resume: a step is made twice", RUN, 'done = int(facts["done"])', 'done = int(facts["done"]) - 1',
        "test_run.py::test_a_run_continues_where_its_point_lies",
    ),
    Mutant(
        "resume: tensors of one shape are one run", "itportrait_core/checkpoints/hashes.py",
        "digest = hashlib.sha256(repr(tuple(data.shape)).encode())\n    digest.update(_raw(data))",
        "digest = hashlib.sha256(repr(tuple(data.shape)).encode())",
        "test_resume.py::test_a_resume_point_of_another_run_is_refused",
    ),
    Mutant(
        "inversion: the best latent is the last", f"{METHODS}/inversion/best_runs.py",
        "better = loss < self.loss", "better = loss < math.inf",
        "test_inversion.py::test_the_best_step_is_returned_and_not_the_last",
    ),
    *(Mutant(*fault) for fault in SAFETY),
)  # fmt: skip


def main() -> int:
    """0 when every chosen mutant is killed."""
    environment.enter("tests/requirements.txt")
    os.environ["COMFYUI_PATH"] = str(environment.comfyui())  # the copy has none of its own
    for heavy in HEAVY:
        importlib.import_module(heavy)
    chosen = [m for m in MUTANTS if not sys.argv[1:] or any(word in m.name for word in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as folder:
        for part in COPIED:
            _copy(environment.ROOT / part, Path(folder, part))
        tests = sorted({mutant.test for mutant in chosen})
        if _pytest(folder, *tests) != 0:
            print("The named tests fail without any mutant; repair them first.")
            return 1
        survivors = [mutant.name for mutant in chosen if not _killed(mutant, Path(folder))]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} killed; survived: {survivors or 'none'}")
    return int(bool(survivors))


def _killed(mutant: Mutant, folder: Path) -> bool:
    file = folder / mutant.file
    source = file.read_text(encoding="utf-8")
    file.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    dead = _pytest(str(folder), mutant.test) == 1  # 1: tests failed; others: nothing was tested
    file.write_text(source, encoding="utf-8")
    print(f"{'killed  ' if dead else 'SURVIVED'} {mutant.name}", flush=True)
    return dead


def path_of(test: str) -> str:
    """Where a named test lies; in `tests/core` where no folder is named."""
    return f"tests/{test}" if "/" in test.split("::")[0] else f"tests/core/{test}"


def _pytest(folder: str, *tests: str) -> int:
    """The status of pytest on tests of the copy; a fork, where there is one, imports no torch again."""
    arguments = ["-x", "-q", "-p", "no:cacheprovider", *map(path_of, tests)]
    if not hasattr(os, "fork"):
        command = [sys.executable, "-B", "-m", "pytest", *arguments]
        return subprocess.call(command, cwd=folder, stdout=subprocess.DEVNULL)
    child = os.fork()
    if child == 0:
        os._exit(_in_fork(folder, arguments))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _in_fork(folder: str, arguments: list[str]) -> int:
    import pytest

    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    ours = {"harness", "mutants", "tests", "itportrait_core"}
    for name in [name for name in sys.modules if name.split(".")[0] in ours]:
        del sys.modules[name]
    sys.path[:] = [place for place in sys.path if not place.startswith(str(environment.ROOT / "tests"))]
    sys.dont_write_bytecode = True
    return int(pytest.main(arguments))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    raise SystemExit(main())

"""The version in a run's name: it changes with the method's code, and with nothing else."""

from __future__ import annotations

import pytest

from itportrait_core.methods.shared import code_digest as digests
from itportrait_core.methods.shared.run_facts import run_facts, run_name

SOURCE = '''
"""A module."""
import os


class A:
    """A class."""

    x: int = 1
    """A field."""

    def f(self, a, *, b="text"):  # a comment
        """A function."""
        return [f"{a!r:>{b}}", os.path]
'''


def test_comments_docstrings_and_layout_do_not_count():
    other = """import os
class A:
    x: int = (
        1
    )
    # another comment
    def f(self, a,
          *, b='text'):
        return [f"{a!r:>{b}}",
                os.path]
"""
    assert digests.source_digest(other) == digests.source_digest(SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("= 1", "= 2"),
        ("= 1", "= 1.0"),
        ('b="text"', 'b="Text"'),
        ("a!r", "a!s"),
        ("x: int", "y: int"),
        ("[f", "(f"),
        ("def f", "async def f"),
        ("import os", "import sys as os"),
    ],
)
def test_code_counts(before, after):
    changed = SOURCE.replace(before, after).replace("os.path]", "os.path)" if after == "(f" else "os.path]")
    assert changed != SOURCE and digests.source_digest(changed) != digests.source_digest(SOURCE)


def test_every_version_of_python_finds_the_same():
    """Written down once; fields that newer versions add to syntax trees are left out."""
    assert digests.source_digest(SOURCE)[:16] == "0313a2ccbbf4d29b"


def test_a_method_depends_on_what_it_imports_and_on_no_other_method():
    root = digests.ROOT
    couple = digests._closure([f"{root}.{digests.ENTRIES['couple']}"])
    for part in ("methods.couple.ite", "methods.stylize.apt", "guidance.clip_network", "methods.shared.run"):
        assert f"{root}.{part}" in couple
    assert f"{root}.methods.tuning.tune" not in couple and f"{root}.rendering.mesh" not in couple


def test_networks_count_although_they_are_imported_by_name():
    for name in digests.NETWORKS:
        assert digests._spec(f"{digests.ROOT}.networks.{name}") is not None


def test_methods_have_digests_of_their_own():
    found = {method: digests.code_digest(method) for method in digests.ENTRIES}
    assert len(set(found.values())) == len(found) and all(len(value) == 12 for value in found.values())


def test_weights_that_nobody_names_count(tmp_path, monkeypatch):
    """Another perceptual trunk is another training, although no setting says so."""
    before = digests.code_digest("apt")
    monkeypatch.setattr(digests.embedded, "FOLDER", tmp_path)
    digests._weights_digest.cache_clear()
    digests.code_digest.cache_clear()
    assert digests.code_digest("apt") != before
    monkeypatch.undo()
    digests._weights_digest.cache_clear()
    digests.code_digest.cache_clear()
    assert digests.code_digest("apt") == before


def test_the_name_of_a_run_changes_with_the_code(monkeypatch):
    before = run_name(run_facts("apt", "a" * 64, settings={"steps": 1}))
    monkeypatch.setattr("itportrait_core.methods.shared.run_facts.code_digest", lambda method: "0" * 12)
    assert run_name(run_facts("apt", "a" * 64, settings={"steps": 1})) != before


def test_compiled_code_alone_has_a_digest(monkeypatch):
    name = f"{digests.ROOT}.methods.stylize.apt"
    with_source = digests._module_digest(name)
    monkeypatch.setattr(digests, "_source", lambda name: None)
    digests._module_digest.cache_clear()
    assert len(digests._module_digest(name)) == 64 and digests._module_digest(name) != with_source
    monkeypatch.undo()
    digests._module_digest.cache_clear()

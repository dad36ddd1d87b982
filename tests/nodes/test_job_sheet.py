"""Save Job Sheet: the sheet says what the graph says; the farm names its runs as the nodes do."""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

TEXT = "a person wearing a hat"


@pytest.fixture
def job_sheet(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.job_sheet")


@pytest.fixture
def part(pack: ModuleType) -> Any:
    """Another module of the pack, by its name."""
    return lambda name: importlib.import_module(f"{pack.__name__}.{name}")


@pytest.fixture
def base(part: Any) -> Any:
    """The embedded generator's handle."""
    embedded = part("itportrait_core.checkpoints.embedded")
    return part("nodes.sockets").GeneratorHandle.read(embedded.path("generator"))


def trained(part: Any, base: Any, method: str, **inputs: Any) -> Any:
    """A handle that says it was trained from `base` by a recipe."""
    import dataclasses

    recipe = part("nodes.results").recipe(method, base, **inputs)
    return dataclasses.replace(base, lineage={"recipe": recipe})


def save(job_sheet: ModuleType, part: Any, generator: Any, **inputs: Any) -> tuple[Path, list[Any], str]:
    """Run the node; its file, the jobs in it, and its report."""
    chosen = {"name": "farm/jobs", "texts": "", "seeds": "1-3", "views": "0 35", **inputs}
    sheet, report = job_sheet.SaveJobSheet.execute(generator, **chosen).args
    return Path(sheet), part("itportrait_core.farm.sheet").read_sheet(Path(sheet)), report


def pictures(count: int) -> torch.Tensor:
    """IMAGE `[count, 32, 32, 3]`."""
    return torch.rand(count, 32, 32, 3, generator=torch.Generator().manual_seed(1))


def test_every_style_with_every_text_for_everybody(job_sheet: ModuleType, part: Any, base: Any) -> None:
    given = {"texts": "a hat\n\n a beard ", "styles": pictures(2), "people": pictures(1)}
    sheet, jobs, report = save(job_sheet, part, base, **given)
    assert len(jobs) == 2 * 2 * 4 and {job.text for job in jobs} == {"a hat", "a beard"}
    assert jobs[0].method == "coupled" and jobs[0].views == ((0.0, 0.0), (35.0, 0.0)) and not jobs[0].changes
    files = {source.file for job in jobs for source in (job.style, job.person) if source.kind == "picture"}
    assert all((sheet.parent / file).is_file() for file in files) and len(files) == 3
    assert report.startswith("16 jobs, 4 distinct trainings")


@pytest.mark.skipif(os.name != "posix", reason="reads a command as POSIX shells do")
def test_the_commands_of_the_report_work_in_any_folder(
    job_sheet: ModuleType, part: Any, base: Any, tmp_path: Path
) -> None:
    """They are copied from the node, whose user need not know where ComfyUI keeps what."""
    sheet, _, report = save(job_sheet, part, base, name="a b/jobs", texts="a hat")
    plan, run = (shlex.split(line) for line in report.splitlines()[1:])
    ran = subprocess.run(plan, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"{sheet}: 3 jobs, 1 distinct trainings")
    assert run == [*plan[:3], "run", *plan[4:]] and str(part("nodes.folders").results_folder().parent) in run


def test_the_farm_runs_have_the_names_of_the_nodes_runs(job_sheet: ModuleType, part: Any, base: Any) -> None:
    """Whichever came first, the other takes its file."""
    results, making = part("nodes.results"), part("itportrait_core.farm.results")
    configs, facts = part("itportrait_core.methods.configs"), part("itportrait_core.methods.shared.run_facts")
    portraits = part("itportrait_core.methods.shared.portrait")
    person = part("nodes.sockets").PortraitHandle(portraits.sample_portrait(base.open(), 4))
    config = configs.suited(configs.ITEConfig, base.open(), "coupled").replace(seed=9)
    embedded = part("itportrait_core.checkpoints.embedded").path("clip_guide")
    clips = (f"{embedded.stem} {part('nodes.sockets').file_hash(embedded)[:12]}",)
    inputs = facts.couple_inputs(person.sha256, config, TEXT, clips)
    node = results.run_file(results.recipe("couple", base, **inputs), "-target")
    sheet, jobs, _ = save(job_sheet, part, trained(part, base, "couple", **inputs), portrait=person, seeds="")
    (job,) = jobs
    import dataclasses

    job = dataclasses.replace(job, method="coupled", style=job.person)
    places = part("itportrait_core.farm.places").Places(sheet.parent, None, node.parents[2])
    assert job.text == TEXT and making.Results(places).trained(job)[0] == node


def test_settings_of_a_style_become_those_of_all_jobs(job_sheet: ModuleType, part: Any, base: Any) -> None:
    configs, facts = part("itportrait_core.methods.configs"), part("itportrait_core.methods.shared.run_facts")
    settings = part("itportrait_core.farm.settings")
    config = configs.suited(configs.APTConfig, base.open()).replace(seed=7, steps=33)
    style = trained(part, base, "apt", **facts.apt_inputs("0" * 64, config))
    _, jobs, _ = save(job_sheet, part, style, styles=pictures(1))
    assert jobs[0].method == "picture" and settings.config(jobs[0], configs.APTConfig, 128) == config


def test_people_may_be_portraits_alone(job_sheet: ModuleType, part: Any, base: Any) -> None:
    portraits = part("itportrait_core.methods.shared.portrait")
    person = part("nodes.sockets").PortraitHandle(portraits.sample_portrait(base.open(), 4))
    sheet, jobs, _ = save(job_sheet, part, base, seeds="", texts="a hat", portrait=person)
    assert [job.person.kind for job in jobs] == ["portrait"] and (
        sheet.parent / jobs[0].person.file
    ).is_file()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"seeds": "", "texts": "a"}, "nobody to draw"),
        ({"texts": ""}, "nothing to do"),
        ({"seeds": "1;2", "texts": "a"}, "no seed"),
        ({"seeds": "0-99999999999", "texts": "a"}, "too many"),
        ({"seeds": "1-\u00b2", "texts": "a"}, "no seed"),
        ({"seeds": "9" * 5000, "texts": "a"}, "no seed"),
        ({"seeds": "0-999999", "texts": "a\nb"}, "at most 1000000"),
        ({"views": "left", "texts": "a"}, "no view"),
        ({"views": "nan", "texts": "a"}, "finite"),
        ({"views": "0 " * 65, "texts": "a"}, "1 to 64 views"),
        ({"texts": "a" * 501}, "at most 500 letters"),
        ({"name": "../x", "texts": "a"}, "no file name"),
    ],
)
def test_bad_lists_write_nothing(
    job_sheet: ModuleType, part: Any, base: Any, output: Path, wrong: dict[str, Any], why: str
) -> None:
    before = set(output.rglob("*"))
    with pytest.raises(ValueError, match=why):
        save(job_sheet, part, base, **{"name": "bad/jobs", **wrong})
    assert {path for path in output.rglob("*") if path.is_file()} <= before


def test_pictures_of_an_older_sheet_stay_as_they_are(job_sheet: ModuleType, part: Any, base: Any) -> None:
    """The first sheet was moved away, and the next one gets its number, but not its pictures."""
    given = {"name": "moved/jobs", "texts": "a hat"}
    first, jobs, _ = save(job_sheet, part, base, **given, styles=pictures(1))
    old = first.parent / jobs[0].style.file
    content = old.read_bytes()
    first.rename(first.with_name("final.jsonl"))
    second, jobs, _ = save(job_sheet, part, base, **given, styles=1 - pictures(1))
    assert second == first and old.read_bytes() == content
    assert (second.parent / jobs[0].style.file).read_bytes() != content


def test_with_metadata_disabled_nothing_typed_is_in_a_sheet(
    job_sheet: ModuleType, part: Any, base: Any, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI's --disable-metadata promises it: texts are refused, folders of pictures have names of ours."""
    monkeypatch.setattr(part("nodes.recipes").args, "disable_metadata", True)
    with pytest.raises(ValueError, match="--disable-metadata"):
        save(job_sheet, part, base, name="quiet/jobs", texts="a hat", styles=pictures(1))
    assert not (output / "itportrait" / "quiet").exists()
    sheet, jobs, _ = save(job_sheet, part, base, name="quiet/jobs", styles=pictures(1))
    assert {job.text for job in jobs} == {""}
    again, _, _ = save(job_sheet, part, base, name="quiet/jobs", styles=pictures(1))
    for file in (sheet, again):
        assert "jobs" not in file.read_text(encoding="utf-8")
    assert (sheet.parent / jobs[0].style.file).is_file() and sheet != again


def test_a_base_that_is_gone_is_said(job_sheet: ModuleType, part: Any, base: Any) -> None:
    import dataclasses

    style = dataclasses.replace(base, lineage={"recipe": {"method": "apt", "base": "f" * 64, "settings": {}}})
    with pytest.raises(ValueError, match="base of this style"):
        save(job_sheet, part, style, texts="a hat")

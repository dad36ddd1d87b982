"""Real jobs on a tiny generator: trained, drawn, verified, packed, and continued bit for bit after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from core.tiny import tiny_generator, tiny_portrait
from farm_tools import command, contents, environment, places_in

import itportrait_core as itp
from itportrait_core.checkpoints.hashes import file_hash
from itportrait_core.farm import contact, heads, perform, ray_task
from itportrait_core.farm.job import Source, Weights
from itportrait_core.farm.local import work_through
from itportrait_core.farm.making import make_jobs, seeds, sources
from itportrait_core.farm.pack import pack
from itportrait_core.farm.perform import Bench
from itportrait_core.farm.places import Places
from itportrait_core.farm.sheet import write_sheet
from itportrait_core.farm.tasks import plan_tasks
from itportrait_core.farm.work import work_on
from itportrait_core.recipes.verify import verify

CHANGES = {
    "apt": {"steps": 2, "clip": 0.0},
    "ite": {
        "steps": 4,
        "warmup": 1,
        "apt": {"clip": 0.0},
        "batch": 1,
        "neural_resolution": 0,
        "templates": False,
    },
}
VIEWS = ((0.0, 0.0), (20.0, 5.0))


def prepared(folder: Path, people: list[Source], texts: list[str], **changes):
    """Places with a tiny generator and a style, and jobs of them."""
    places = places_in(folder)
    generator = tiny_generator()
    itp.save_generator(generator, places.models / "tiny.safetensors", license="none")
    (places.input / "styles").mkdir(exist_ok=True)
    tiny_portrait(generator).save(places.input / "styles" / "dots.safetensors")
    base = Weights("tiny.safetensors", file_hash(places.models / "tiny.safetensors"))
    styles = sources(places.input / "styles", places, [".safetensors"])
    return places, make_jobs(styles, texts, people, base, {"views": VIEWS, "changes": {**CHANGES, **changes}})


def run_all(places: Places, jobs) -> Bench:
    """Do all tasks in this process."""
    bench = Bench(places)
    assert work_through(plan_tasks(jobs, bench.results), bench, work_on, lambda *_: None)
    return bench


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Two trainings and two people, done once for the tests that look at them."""
    folder = tmp_path_factory.mktemp("farm")
    places, jobs = prepared(folder, seeds("1,2"), ["", "a hat"])
    return folder, places, jobs, run_all(places, jobs)


def test_everything_is_made_and_the_pictures_verify(done):
    _, places, jobs, bench = done
    assert set(bench.states.values()) == {perform.MADE}
    files = [file for job in jobs for file in bench.results.pictures(job)]
    assert len(set(files)) == 4 * len(VIEWS)
    for job in (jobs[0], jobs[-1]):
        for file in bench.results.pictures(job):
            assert verify(file, [places.runs]).result == "identical"


def test_people_differ_and_styles_differ(done):
    from PIL import Image

    _, _, jobs, bench = done
    front = [np.asarray(Image.open(bench.results.pictures(job)[0])).tobytes() for job in jobs]
    assert len(set(front)) == 4


def test_a_style_carries_its_recipe_and_licence(done):
    from itportrait_core.checkpoints.format import read_header

    _, places, jobs, bench = done
    header = read_header(bench.results.trained(jobs[-1])[0])
    recipe = header.lineage["recipe"]
    assert recipe["method"] == "couple" and recipe["text"] == "a hat" and recipe["settings"]["steps"] == 4
    assert header.license == "none" and recipe["base"] == file_hash(places.models / "tiny.safetensors")


def test_contact_sheet_and_page_show_every_picture(done, tmp_path):
    _, _, jobs, bench = done
    grid = contact.grid_of(jobs, bench.results)
    assert grid.missing == 0 and len(grid.rows) == 2 and grid.people == ["seed 1", "seed 2"]
    picture = contact.picture(grid, 16)
    assert picture.size == (contact.MARGIN + 4 * 16, contact.BAND + 2 * 16)
    page = contact.write_page(grid, tmp_path / "p.html", "<script>").read_text()
    assert page.count("<img") == 8 and "<script>" not in page and "&lt;script&gt;" in page


def test_hostile_labels_are_text_on_the_page(done, tmp_path):
    import dataclasses

    _, _, jobs, bench = done
    text = "<img src=x onerror=alert(1)>"
    other = dataclasses.replace(jobs[-1], text=text)
    page = contact.write_page(contact.grid_of([other], bench.results), tmp_path / "p.html", "t").read_text()
    assert text not in page and "&lt;img src=x" in page and "missing" in page


def test_the_zip_holds_styles_cards_and_pictures(done, tmp_path):
    _, _, jobs, bench = done
    sheet = write_sheet(tmp_path / "s.jsonl", jobs)
    out, missing = pack(jobs, bench.results, sheet, tmp_path / "a.zip", pictures=True)
    again, _ = pack(jobs, bench.results, sheet, tmp_path / "b.zip", pictures=True)
    assert missing == 0 and out.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        assert sum(name.endswith(".png") for name in names) == 8
        styles = [name for name in names if name.endswith(".safetensors")]
        assert len(styles) == 3  # of the picture alone, and both of picture and text
        for name in styles:
            card = json.loads(archive.read(f"{name}.recipe.json"))
            assert card["kind"] == "generator" and card["weights"]["lineage"]["recipe"]["settings"]


def test_doing_it_again_makes_nothing(done):
    _, places, jobs, _ = done
    before = contents(places.output)
    bench = run_all(places, jobs)
    assert set(bench.states.values()) == {perform.DONE} and contents(places.output) == before


def test_as_rays_tasks_with_weights_sent_along(done, tmp_path, monkeypatch):
    """What a node does that sees no models folder: bytes come in, the same files come out."""
    _, places, jobs, _ = done
    monkeypatch.setattr(ray_task, "_node", lambda: "node")
    words = ray_task.bench_json(Bench(Places(places.input, None, tmp_path / "output")))
    file = places.models / "tiny.safetensors"
    given = (json.dumps([file_hash(file)]), b"", file.read_bytes())
    known = Bench(Places(places.input, places.models, tmp_path / "output"))
    train, render = plan_tasks(jobs[:2], known.results)
    state, weights = ray_task.try_task(train.to_json(), words, *given)
    assert state == "made@node" and len(weights) > 1000
    hashes, _, parcel = given
    assert ray_task.try_task(render.to_json(), words, hashes, weights, state, parcel) == ("made@node", b"")
    made, wanted = contents(tmp_path / "output"), contents(places.output)
    assert made.items() <= wanted.items() and len(made) == 1 + 2 * len(VIEWS)


def test_weights_that_were_changed_on_the_way_are_refused(done, tmp_path):
    _, places, jobs, bench = done
    train = plan_tasks(jobs[:1], bench.results)[0].to_json()
    words = ray_task.bench_json(Bench(Places(places.input, None, tmp_path / "output")))
    with pytest.raises(ValueError, match="arrived damaged"):
        ray_task.try_task(train, words, json.dumps(["0" * 64]), b"", b"other")


def test_live_heads_are_made_once_and_linked(done, tmp_path):
    _, places, jobs, bench = done
    try:
        assert heads.make(jobs, bench) == 2 and heads.make(jobs, bench) == 0
        page = contact.write_page(contact.grid_of(jobs, bench.results), tmp_path / "p.html", "t").read_text()
        assert page.count("live head</a>") == 2
        text = heads.file_of(jobs[-1], bench.results).read_text()
        assert "dots, a hat" in text and "Weights: none" in text and 'src="http' not in text
    finally:
        for file in places.runs.glob("*.html"):
            file.unlink()


def test_a_failing_person_does_not_stop_the_others(tmp_path):
    """One of two portraits is of another generator; the message names it, the other is drawn."""
    places, _ = prepared(tmp_path, [], [""])
    (places.input / "people").mkdir()
    tiny_portrait(tiny_generator(), 5).save(places.input / "people" / "anna.safetensors")
    person = tiny_portrait(tiny_generator(), 6)
    itp.Portrait(person.ws[:, :-1], person.camera, person.image).save(
        places.input / "people" / "bob.safetensors"
    )
    people = sources(places.input / "people", places, [".safetensors"])
    _, jobs = prepared(tmp_path, people, [""])
    bench, heard = Bench(places), []
    work_through(
        plan_tasks(jobs, bench.results), bench, work_on, lambda state, task: heard.append((state, task.kind))
    )
    assert heard.count((perform.FAILED, "render")) == 2 and (perform.PARKED, "render") in heard
    (record,) = bench.failures.all().values()
    assert "bob: The portrait has 7 latent layers" in record["error"] and "dots" in record["error"]
    assert [all(file.is_file() for file in bench.results.pictures(job)) for job in jobs] == [True, False]


@pytest.mark.skipif(os.name != "posix", reason="kills processes as POSIX systems do")
def test_a_killed_training_continues_bit_for_bit(tmp_path):
    places, jobs = prepared(tmp_path, seeds("1"), [""], apt={"steps": 60, "clip": 0.0})
    sheet = write_sheet(places.input / "s.jsonl", jobs)
    words = command(
        "run", sheet, "--models", places.models, "--device", "cpu", "--resume-every", 0.001, "--output"
    )
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run(
        [*words, str(whole)], env=environment(), check=True, stdout=subprocess.DEVNULL, timeout=300
    )
    run = subprocess.Popen([*words, str(cut)], env=environment(), stdout=subprocess.DEVNULL)
    while not list(cut.glob("itportrait/runs/*.resume")):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    (point,) = cut.glob("itportrait/runs/*.resume")
    assert not list(cut.glob("itportrait/runs/apt-*.safetensors")) and point.stat().st_size > 1000
    subprocess.run([*words, str(cut)], env=environment(), check=True, stdout=subprocess.DEVNULL, timeout=300)
    made, wanted = contents(cut), contents(whole)
    assert made == wanted and len(made) == 1 + len(VIEWS)
    events = "".join(file.read_text() for file in cut.glob("itportrait/farm/journal/*"))
    assert '"event": "resume"' in events

"""Real servers under fire: hostile workflows, cancels, two servers on one folder, many cycles. The long part
only."""

from __future__ import annotations

import contextlib
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from harness import stand_ins
from harness.client import ComfyClient, Rejected
from harness.graph import Graph
from harness.server import ComfyServer

from tests.trust.counts import SEED, Tally, batches, long, rounds, tally
from tests.trust.hostile import hostile
from tests.trust.prompts import RAW, Prompt

pytestmark = pytest.mark.skipif(not long(), reason="the long part: python tests/run.py --trust")
BATCH = 20
"""Prompts that wait in the queue at once."""
SLOWEST = 120.0
"""Seconds that one of them may take on a busy machine."""
LARGEST = 6000
"""Megabytes that the server may hold."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins.write(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def server(weights: Path) -> Any:
    with ComfyServer(weights=weights) as running:
        yield running


def saving(definitions: dict[str, Any], seed: int) -> Prompt:
    """A prompt that makes a person up and saves it."""
    graph = Graph(definitions)
    person = graph.add("SamplePortrait", generator=graph.add("GeneratorLoader"), seed=seed)
    graph.add("SavePortrait", portrait=person, name="same")
    return graph.prompt


def test_hostile_workflows_leave_the_server_alive(server: ComfyServer) -> None:
    """Values of every wrong kind in every input; what our nodes say is in words."""
    dice, client = random.Random(SEED), ComfyClient(server.url, patience=SLOWEST)
    definitions = client.nodes()
    with tally("hostile workflows") as line:
        for numbers in batches(line, BATCH):
            queued: dict[str, str] = {}
            for number in numbers:
                prompt, about = hostile(definitions, dice)
                with contextlib.suppress(Rejected, requests.HTTPError, UnicodeError, ValueError):
                    queued[client.queue(prompt)] = f"{number} {about}"
            for id, run in client.ends(queued).items():
                line.slowest = max(line.slowest, round(run.seconds, 1))
                if run.failed.startswith("ITportrait_") and any(word in run.error for word in RAW):
                    line.failures.append(f"{queued[id]}: {run.error[:160]}")
            if not requests.get(f"{server.url}/system_stats", timeout=60).ok:
                line.failures.append(f"{numbers}: the server is dead")
        line.megabytes = round((server.peak_memory() or 0) / 2**20)
        assert line.megabytes < LARGEST


LONG = ("Stylize", "Fuse", "PivotalTuning", "Inversion")
"""Nodes that train; each is cancelled in turn."""


def training(definitions: dict[str, Any], kind: str, number: int) -> tuple[Prompt, str]:
    """A prompt with a training that would take an hour, and the id of its node."""
    graph = Graph(definitions)
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=number)
    given: dict[str, Any] = {"generator": base, "portrait": person, "steps": 5000}
    if kind == "Inversion":
        given = {"generator": base, "image": person[1], "steps": 5000, "seed": number}
        given["photo_prior"] = graph.add("PhotoPriorLoader")
    elif kind != "PivotalTuning":
        given["seed"] = number
    if kind == "Fuse":
        given["clip"] = graph.add("ClipLoader")
    node = graph.add(kind, **given)
    graph.add("PreviewAny", source=node)
    return graph.prompt, node.id


def results(server: ComfyServer) -> set[Path]:
    """Files below the server's results but resume points, which a cancelled run leaves to go on from."""
    files = (server.base / "output").rglob("*")
    return {path for path in files if path.is_file() and path.suffix != ".resume"}


def test_cancels_leave_nothing_and_the_next_prompt_runs(server: ComfyServer) -> None:
    client, dice = ComfyClient(server.url), random.Random(SEED)
    definitions = client.nodes()
    with tally("cancels") as line:
        for number in rounds(line):
            prompt, node = training(definitions, LONG[number % len(LONG)], number)
            before, left = results(server), [dice.randint(1, 3)]

            def cancel(kind: str, data: dict[str, Any], node: str = node, left: list[int] = left) -> None:
                if kind == "progress" and data["node"] == node:
                    left[0] -= 1
                    if left[0] == 0:
                        client.cancel()

            run = client.run(prompt, cancel)
            if run.end != "execution_interrupted" or results(server) != before:
                line.failures.append(f"{number}: {run.end} {run.error[:100]}, {results(server) - before}")
            if client.run(saving(definitions, number)).end != "execution_success":
                line.failures.append(f"{number}: the next prompt failed")


def test_two_servers_on_one_folder_lose_no_save(weights: Path, tmp_path: Path) -> None:
    said = {"one": 0, "two": 0}
    with tally("two servers, saves each") as line:
        arguments = ("--output-directory", str(tmp_path))
        with (
            ComfyServer(weights=weights, arguments=arguments) as one,
            ComfyServer(weights=weights, arguments=arguments) as two,
        ):

            def save(name: str, server: ComfyServer) -> None:
                client = ComfyClient(server.url)
                definitions = client.nodes()
                for numbers in batches(Tally(line.name), BATCH):
                    try:
                        queued = [client.queue(saving(definitions, number)) for number in numbers]
                    except requests.Timeout as error:
                        line.failures.append(f"{name} took no prompt: {error}")
                        return
                    ends = [run.end for run in client.ends(queued).values()]
                    said[name] += ends.count("execution_success")

            threads = [threading.Thread(target=save, args=pair) for pair in (("one", one), ("two", two))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        there = len(list((tmp_path / "itportrait").glob("same_*.safetensors")))
        line.done = min(said.values())
        if line.done == 0 or there < sum(said.values()):
            line.failures.append(f"{said} said saved, {there} are there")


PLAIN = '{"apt": {"steps": 2, "clip": 0}}'
"""Settings of a training that asks no CLIP: to look at 64 people first is nine tenths of a short one."""
ASKING = 10
"""Every so many cycles one asks CLIP, by the settings that suit the generator."""


def test_memory_stays_over_many_cycles(server: ComfyServer) -> None:
    client = ComfyClient(server.url)
    definitions = client.nodes()
    first = 0
    with tally("train-render cycles") as line:
        for number in rounds(line):
            graph = Graph(definitions)
            base = graph.add("GeneratorLoader")
            person = graph.add("SamplePortrait", generator=base, seed=number)
            given = {} if number % ASKING == 0 else {"settings": graph.add("MethodSettings", changes=PLAIN)}
            style = graph.add("Stylize", generator=base, portrait=person, steps=2, seed=number, **given)
            graph.show(graph.add("MultiViewRender", generator=style, portrait=person))
            if client.run(graph.prompt).end != "execution_success":
                line.failures.append(f"cycle {number} failed")
            if number <= 20:
                first = resident(server)
        growth = (resident(server) - first) / 2**20
        if growth > 200:
            line.failures.append(f"{growth:.0f} MB more after {line.done} cycles")


def resident(server: ComfyServer) -> int:
    """Bytes of memory that a server holds now; 0 but on Linux."""
    try:
        text = Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.split()[1]) * 4096

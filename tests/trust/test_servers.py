"""Real servers under fire: hostile workflows, cancels, two servers on one folder, many cycles. The long part
only."""

from __future__ import annotations

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

from tests.trust.counts import SEED, Tally, long, rounds, tally
from tests.trust.prompts import RAW

pytestmark = pytest.mark.skipif(not long(), reason="the long part: python tests/run.py --trust")
ODD: list[Any] = [
    *(None, True, -1, 0, 2**63, 1.5, 1e308, "nan", "NaN", "inf", "", "x" * 5000, "../../x", "\ud800", "\x00"),
    *(
        [],
        {},
        [[]],
        [None],
        ["1"],
        ["1", 99],
        ["99", 0],
        ["2", 0],
        [["1", 0]],
        {"a": [1]},
        "hf-hub:x/y",
        "0 0",
    ),
    *("{}", "[1]", '{"apt": {"steps": "many"}}', '{"apt": {"lr": NaN}}', '{"ite": {"apt": []}}', "[" * 3000),
    *('{"apt": {"layers": {"a": 1}}}', "0.5,0.5 " * 5, "#zzzzzz", "1-99999999", "a\n" * 2000),
]
"""Values in place of others; links among them."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins.write(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def server(weights: Path) -> Any:
    with ComfyServer(weights=weights) as running:
        yield running


def saved_person(graph: Graph, seed: int, name: str = "p") -> None:
    person = graph.add("SamplePortrait", generator=graph.add("GeneratorLoader"), seed=seed)
    graph.add("SavePortrait", portrait=person, name=name)


def test_hostile_workflows_leave_the_server_alive(server: ComfyServer) -> None:
    """Values of every wrong kind in every input; what our nodes say is in words."""
    dice, client = random.Random(SEED), ComfyClient(server.url)
    definitions = client.nodes()
    ours = [name for name in definitions if name.startswith("ITportrait_")]
    with tally("hostile workflows") as line:
        for number in rounds(line):
            graph = Graph(definitions)
            base = graph.add("GeneratorLoader")
            parts = {"generator": base, "portrait": graph.add("SamplePortrait", generator=base)}
            kind = dice.choice(ours)
            spec = definitions[kind]["input"]
            names = [*spec.get("required", {}), *spec.get("optional", {})]
            given: dict[str, Any] = {name: part for name, part in parts.items() if name in names}
            given |= {
                name: dice.choice(ODD) for name in dice.sample(names, min(len(names), dice.randint(1, 2)))
            }
            node = graph.add(kind, **given)
            for name in ("steps", "views", "resolution", "columns", "rows"):
                entry = graph.prompt[node.id]["inputs"]
                if isinstance(entry.get(name), int) and name not in given:
                    entry[name] = 32 if name == "resolution" else 2
            if not definitions[kind]["output_node"]:
                graph.add("PreviewAny", source=node)
            try:
                run = client.run(graph.prompt)
                if any(word in run.error for word in RAW):
                    line.failures.append(f"{number} {kind} {given}: {run.error[:160]}")
            except (Rejected, requests.HTTPError, UnicodeError, ValueError):
                pass
        if not requests.get(f"{server.url}/system_stats", timeout=60).ok:
            line.failures.append("the server is dead")


def test_cancels_leave_nothing_and_the_next_prompt_runs(server: ComfyServer) -> None:
    client = ComfyClient(server.url)
    definitions = client.nodes()
    with tally("cancels") as line:
        for number in rounds(line):
            graph = Graph(definitions)
            base = graph.add("GeneratorLoader")
            person = graph.add("SamplePortrait", generator=base, seed=number)
            style = graph.add("Stylize", generator=base, portrait=person, steps=5000, seed=number)
            graph.show(style[2])
            before, asked = set(server.base.rglob("apt-*.safetensors")), []

            def cancel(
                kind: str, data: dict[str, Any], node: str = style.id, asked: list[bool] = asked
            ) -> None:
                if kind == "progress" and data["node"] == node and not asked:
                    asked.append(True)
                    client.cancel()

            run = client.run(graph.prompt, cancel)
            if run.end != "execution_interrupted" or set(server.base.rglob("apt-*.safetensors")) != before:
                line.failures.append(f"{number}: {run.end} {run.error[:100]}")
            fresh = Graph(definitions)
            saved_person(fresh, number)
            if client.run(fresh.prompt).end != "execution_success":
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
                for number in rounds(Tally(line.name)):
                    graph = Graph(definitions)
                    saved_person(graph, number, "same")
                    said[name] += client.run(graph.prompt).end == "execution_success"

            threads = [threading.Thread(target=save, args=pair) for pair in (("one", one), ("two", two))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        there = len(list((tmp_path / "itportrait").glob("same_*.safetensors")))
        line.done = min(said.values())
        if there != sum(said.values()):
            line.failures.append(f"{said} said saved, {there} are there")


def test_memory_stays_over_many_cycles(server: ComfyServer) -> None:
    client = ComfyClient(server.url)
    definitions = client.nodes()
    first = 0
    with tally("train-render cycles") as line:
        for number in rounds(line):
            graph = Graph(definitions)
            base = graph.add("GeneratorLoader")
            person = graph.add("SamplePortrait", generator=base, seed=number)
            style = graph.add("Stylize", generator=base, portrait=person, steps=2, seed=number)
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

"""Live heads of a training on a real server, and moments that are kept afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from harness.client import ComfyClient
from harness.graph import Graph
from harness.server import ComfyServer

from itportrait_core.checkpoints.format import read_header
from itportrait_core.live.unpack import unpack
from itportrait_core.recipes.verdict import IDENTICAL
from itportrait_core.recipes.verify import verify

KEEP = "/api/itportrait/keep_moment"


def keep(server: ComfyServer, body: dict[str, Any], **headers: str) -> requests.Response:
    """Ask for a moment's generators as files."""
    return requests.post(f"{server.url}{KEEP}", json=body, headers=headers, timeout=60)


def test_a_moment_is_kept_as_a_run_that_was_stopped_there(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph, tmp_path: Path
) -> None:
    """Heads come while it trains, small and readable; after the run one is kept, and its recipe, run anew and
    stopped at that step, gives the same file. What is no run, or no page of the editor, gets nothing."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=19)
    style = graph.add("Stylize", generator=base, portrait=person, steps=4000, seed=19)
    graph.show(style[2])
    heads: list[dict[str, Any]] = []

    def listen(kind: str, data: dict[str, Any]) -> None:
        if kind == "itportrait.live" and not any(head["moment"] for head in heads):
            heads.append(data)
            file = quick.fetch(data["file"], tmp_path)
            assert file.stat().st_size <= 2_000_000
            assert unpack(file.read_bytes()).header["facts"]["step"] == data["step"]
            assert not data["moment"] or quick.stop_and_keep()

    run = quick.run(graph.prompt, listen)
    assert (run.end, run.error) == ("execution_success", "")
    moment = heads[-1]
    assert moment["moment"] and moment["node"] == style.id
    (shown,) = run.outputs[style.id]["itp_moments"]
    assert shown["run"] == moment["run"] and shown["moments"][0]["step"] == moment["step"]
    answer = keep(quick_server, {"run": moment["run"], "step": moment["step"]})
    (name,) = answer.json()["files"]
    (kept,) = quick_server.base.rglob(name)
    assert kept.stem == f"{moment['run']}-kept-{moment['step']}"
    assert len(read_header(kept).lineage["history"]) == moment["step"]
    assert verify(kept).result == IDENTICAL
    for wrong in ({"run": moment["run"], "step": 1}, {"run": "../secret", "step": 1}):
        assert keep(quick_server, wrong).status_code == 404
    assert keep(quick_server, {"run": moment["run"]}).status_code == 400
    assert keep(quick_server, {"run": moment["run"], "step": 1}, Origin="null").status_code == 403

"""The registry's archive, unpacked into a fresh `custom_nodes` without git, does the main job."""

from __future__ import annotations

import json
from pathlib import Path

from harness import pack, workflows
from harness.client import ComfyClient
from harness.environment import ROOT
from harness.server import ComfyServer


def test_the_archive_runs_where_nothing_else_is(tmp_path: Path) -> None:
    """Built by the registry's own tool; all nodes load, and the coupled example draws its pictures."""
    (tmp_path / "base").mkdir()
    home = pack.unpack_archive(tmp_path / "base")
    assert not (home / ".git").exists() and not (home / "tests").exists()
    with ComfyServer(base=tmp_path / "base") as server:
        client = ComfyClient(server.url)
        definitions = client.nodes()
        assert sum(name.startswith("ITportrait_") for name in definitions) == len(
            json.loads((ROOT / "tests" / "nodes" / "node_ids.json").read_text(encoding="utf-8"))
        )
        prompt = workflows.to_prompt(workflows.read("Every step, explained"), definitions)
        run = client.run(workflows.shortened(prompt))
        assert (run.end, run.error) == ("execution_success", "")
        assert any(shown.get("images") for shown in run.outputs.values())
        client.close()

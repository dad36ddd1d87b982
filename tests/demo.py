"""Show the main job: `python tests/demo.py`. Sets itself up, then runs an example workflow on a real ComfyUI.

Queues `example_workflows/Every step, explained.json` (or the names given) over HTTP, fetches everything that
it saves into `output/demo/<name>`, and lays it out on a contact sheet. `--thumbnails` also renews the
pictures that ComfyUI's template browser shows beside the workflows, and README's first picture.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import environment

FIRST = "Every step, explained"
RESULTS = {"3D model and splats": "Fine, with colours"}
"""Template -> saving node whose picture is large in the thumbnail, where it is not the last."""
SAVES_NOTHING = "Start here"
"""The template that does what `FIRST` does and ends in a live head; `FIRST` gives its thumbnail too."""


def main() -> int:
    """0 when every picture is on disk."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", default=[FIRST], help="example workflows to run")
    options.add_argument("--thumbnails", action="store_true", help="renew example_workflows/<name>.jpg")
    options.add_argument("--weights", type=Path, help="folder of networks in place of the embedded ones")
    asked = options.parse_args()
    environment.enter()

    from harness import workflows
    from harness.client import ComfyClient
    from harness.server import ComfyServer

    print("Starting ComfyUI ...", flush=True)
    with ComfyServer(weights=asked.weights and asked.weights.resolve()) as server:
        print(f"ComfyUI answers on {server.url}", flush=True)
        client = ComfyClient(server.url)
        for name in asked.names:
            workflow = workflows.read(name)
            prompt = workflows.to_prompt(workflow, client.nodes())
            print(f"Queued {name}", flush=True)
            run = client.run(prompt, Narrator(prompt), workflow)
            if run.end != "execution_success":
                print(f"{name} ended with {run.end}: {run.error}\n{server.said()}")
                return 1
            folder = environment.ROOT / "output" / "demo" / name
            sheet, rows = _keep(client, run.outputs, workflow, folder)
            if not rows:
                print(f"{name} took {run.seconds:.0f} seconds; it saves nothing, its head turns in ComfyUI")
                continue
            if asked.thumbnails:
                _thumbnail(rows, RESULTS.get(name, ""), workflows.EXAMPLES / f"{name}.jpg")
            if asked.thumbnails and name == FIRST:
                _first_picture(folder, environment.ROOT / "web" / "docs" / "pictures" / "coupled.jpg")
                _thumbnail(_turned(rows), "", workflows.EXAMPLES / f"{SAVES_NOTHING}.jpg")
            print(
                f"{name} took {run.seconds:.0f} seconds; its pictures are in {folder}, all of them on {sheet}"
            )
    return 0


class Narrator:
    """Prints what the server is doing, one line for each node, with a percentage now and then."""

    def __init__(self, prompt: dict) -> None:
        self.titles = {node: entry["_meta"]["title"] for node, entry in prompt.items() if "_meta" in entry}
        self.said = 0.0

    def __call__(self, kind: str, data: dict) -> None:
        if kind == "executing" and data.get("node"):
            print(f"  {self.titles.get(data['node'], data['node'])}", flush=True)
        elif kind == "progress" and time.monotonic() - self.said > 10:
            self.said = time.monotonic()
            print(f"    {data['value']} of {data['max']}", flush=True)


def _keep(client, outputs: dict, workflow: dict, folder: Path) -> tuple[Path, dict[str, list[Path]]]:
    """Fetch what the workflow saved; a sheet with one row for each saving node, and its rows."""
    from harness.exhibits import exhibits
    from harness.sheet import contact_sheet

    for old in folder.glob("*.*"):
        old.unlink()
    sheet = folder / "contact_sheet.png"
    rows = exhibits(client, outputs, workflow, folder)
    if rows:
        contact_sheet(rows).save(sheet)
    return sheet, rows


def _thumbnail(rows: dict[str, list[Path]], result: str, target: Path) -> None:
    from harness.sheet import thumbnail

    thumbnail(rows, result).save(target, quality=88)


def _turned(rows: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """The style picture and the last row, a little from the side in its middle: a head that turns."""
    (first, style), *_, (last, files) = rows.items()
    front = len(files) // 2
    return {first: style, last: [files[front], files[front - 1], files[front + 1]]}


def _first_picture(folder: Path, target: Path) -> None:
    from harness.sheet import banner

    rows = [sorted(folder.glob(f"{name}_0*.png")) for name in ("source", "source_g_s", "source_g_t")]
    banner(folder / "style_00001_.png", rows).save(target, quality=90)


if __name__ == "__main__":
    raise SystemExit(main())

"""Screenshots of every template, to be looked at: `python tests/web/template_pictures.py [NAME ...] [--run]`.

Each is opened in both frontends and both renderers, with the whole graph in view; with `--run` it is also
run, its trainings held short, and shown with its results. The browser of templates comes with each pair.
Files go to .cache/screenshots; `templates-PAIR.png` has all of a pair on one sheet.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import environment

RENDERERS = ("classic", "nodes2")
FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WIDTH, HEIGHT = 1800, 1200
"""Of the window, so that the whole graph can be read."""
COLUMNS, SIDE = 3, 640
"""Of a sheet: pictures in a row, and pixels of each."""
PATIENCE = 1800.0
THUMBNAILS = """() => {
    const cards = [...document.querySelectorAll("[data-testid^='template-workflow-']")].slice(0, 8);
    const there = (image) => image?.complete && image.naturalWidth > 0;
    return cards.length === 8 && cards.every((card) => there(card.querySelector("img"))); }"""
"""Those that can be seen without scrolling are there; frontend 1.32.9 gives them addresses of its own."""
HOLD = """(short) => { const graphs = [app.graph, ...(app.graph.subgraphs?.values() ?? [])];
    const most = ({ type, subgraph }, { name }) =>
        short[type]?.[name] ?? (subgraph && name === "steps" ? 32 : undefined);
    for (const node of graphs.flatMap(({ nodes }) => nodes))
        for (const widget of (node.widgets ?? []).filter((one) => most(node, one))) {
            widget.value = Math.min(widget.value || Infinity, most(node, widget));
            widget.callback?.(widget.value); } }"""
"""Fewer steps wherever a template asks for more, or leaves the number to the node."""


def main() -> int:
    """0 when every template was opened, and run where asked."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", help="templates; all when left out")
    options.add_argument("--run", action="store_true", help="show their results too")
    options.add_argument("--frontend", nargs="*", help="versions of the frontend")
    options.add_argument("--renderer", nargs="*", default=RENDERERS, choices=RENDERERS)
    options.add_argument("--language", default="en", help="of the editor: en, zh or ja")
    asked = options.parse_args()
    environment.enter("tests/requirements.txt")
    from harness.frontends import VERSIONS, static
    from harness.server import ComfyServer
    from playwright.sync_api import sync_playwright

    failed = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for version in asked.frontend or VERSIONS:
            with ComfyServer(arguments=("--front-end-root", str(static(version)))) as server:
                for renderer in asked.renderer:
                    failed += _pair(browser, server, version, renderer, asked)
        browser.close()
    print("\n".join(failed) or "every template was opened without a complaint")
    return bool(failed)


def _pair(browser: object, server: object, version: str, renderer: str, asked: argparse.Namespace) -> list:
    """Screenshots by one frontend in one renderer; what went wrong, in words."""
    from harness import workflows
    from harness.editor import Editor

    pair = f"{version}-{renderer}" + ("" if asked.language == "en" else f"-{asked.language}")
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(300_000)
    editor = Editor(page, server, pair, renderer == "nodes2")
    editor.open(asked.language)
    failed, files = [], []
    for name in asked.names or workflows.names():
        print(f"{pair}: {name}", flush=True)
        files += _template(editor, name, asked.run, failed)
        failed += [f"{pair}: {name}: {line}" for line in editor.complaints]
        editor.complaints.clear()
    files.append(_grid(editor))
    page.close()
    _sheet(files).save(files[0].with_name(f"templates-{pair}.png"))
    return failed


def _grid(editor: object) -> Path:
    """The browser of templates with the pack's own, which stays open."""
    from harness.pack import NAME

    editor.js("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    editor.page.get_by_text(NAME, exact=True).first.click()
    editor.page.wait_for_function(THUMBNAILS, timeout=PATIENCE * 1000)
    return editor.shoot("grid")


def _template(editor: object, name: str, run: bool, failed: list[str]) -> list[Path]:
    """One template as it opens, and after a run."""
    from harness import workflows
    from harness.layout import covered, fit

    editor.load(workflows.read(name))
    editor.js("() => { app.canvas.min_font_size_for_lod = 0; }")  # words are drawn however small
    fit(editor)
    editor.page.wait_for_timeout(1500)
    files = [editor.shoot(f"template-{name}")]
    if run:
        editor.js(HOLD, workflows.SHORT)
        editor.queue()
        done = editor.finish(PATIENCE)
        if done["ended"] != "execution_success":
            failed.append(f"{editor.name}: {name} ended with {done['error'] or done['ended']}")
        fit(editor)
        editor.page.wait_for_timeout(8000)
        files.append(editor.shoot(f"result-{name}"))
    failed += [f"{editor.name}: {name}: {pair} lie on one another" for pair in covered(editor)]
    return files


def _sheet(files: list[Path]) -> object:
    """All pictures of a pair, in rows."""
    from PIL import Image

    tall = SIDE * HEIGHT // WIDTH
    sheet = Image.new("RGB", (COLUMNS * SIDE, -(-len(files) // COLUMNS) * tall), "white")
    for number, file in enumerate(files):
        with Image.open(file) as picture:
            small = picture.convert("RGB").resize((SIDE, tall), Image.Resampling.LANCZOS)
        sheet.paste(small, (number % COLUMNS * SIDE, number // COLUMNS * tall))
    return sheet


if __name__ == "__main__":
    raise SystemExit(main())

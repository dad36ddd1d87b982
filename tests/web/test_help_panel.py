"""The help panel of a node: its page opens in the editor, and the pictures on it are really served."""

from __future__ import annotations

from harness.editor import Editor

SELECT = "(id) => app.canvas.selectItems([app.graph.getNodeById(id)])"
SHOWN = """() => {
    const all = [...document.querySelectorAll("img")].filter((image) => image.src.includes("/docs/pic"));
    return all.length > 0 && all.every((image) => image.complete && image.naturalWidth > 0); }"""


def test_a_help_page_shows_its_pictures(editor: Editor) -> None:
    """As an artist opens it: select the node, press Node Info in the toolbox above it."""
    node = editor.add("ITportrait_MultiViewRender", (600, 260))
    editor.js(SELECT, node)
    editor.page.locator('[data-testid="info-button"]').first.click(timeout=20_000)
    editor.page.wait_for_function(SHOWN, timeout=60_000)
    editor.shoot("help")
    # the editor looks for a page in a folder `en` first, and complains that there is none
    editor.complaints[:] = [text for text in editor.complaints if "404" not in text]

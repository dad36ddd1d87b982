"""ComfyUI's editor in a browser page, as the tests use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import ConsoleMessage, ElementHandle, Error, Locator, Page

from .environment import ROOT
from .pack import NAME
from .server import ComfyServer
from .waiting import frames, laid_out, still

ARTIFACTS = ROOT / ".cache" / "screenshots"
READY = """() => window.app?.graph && app.extensionManager?.setting
    && LiteGraph.registered_node_types["ITportrait_CameraOrbit"]
    && app.extensionManager.workflow?.activeWorkflow?.changeTracker && !app.configuringGraph
    && !document.body.classList.contains("p-overflow-hidden")"""
"""Nodes are known, the first workflow is open, and no veil lies over it."""
CLEAR = """() => { app.canvas.finalizeGhostPlacement?.(true); app.clean?.();
    app.graph.clear(); app.canvas.ds.scale = 1; app.canvas.ds.offset = [40, 60]; }"""
"""Frontend 1.58.1 lets a new node hang at the pointer, and takes Escape for it, until it is put down. Results
of earlier runs go too, or nodes with the same ids would show them."""


class Editor:
    """One page with one frontend in one renderer.

    Args:
        page: a fresh page.
        server: a running ComfyUI.
        name: for the screenshots.
        nodes2: the Vue renderer instead of the canvas.
    """

    def __init__(self, page: Page, server: ComfyServer, name: str, nodes2: bool) -> None:
        self.page, self.name, self.nodes2 = page, name, nodes2
        self.url, self.base = server.url, server.base
        self.complaints: list[str] = []
        self.errors: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on(
            "dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )

    def open(self, language: str = "en") -> None:
        """Load the page as someone who has used ComfyUI before."""
        known = {
            "Comfy.TutorialCompleted": True,
            "Comfy.VueNodes.Enabled": self.nodes2,
            "Comfy.Locale": language,
            "Comfy.Window.UnloadConfirmation": False,
        }
        requests.post(f"{self.url}/settings", json=known, timeout=30).raise_for_status()
        self.page.goto(self.url, timeout=300_000)
        self.settle()

    def reload(self) -> None:
        """Load the page again."""
        self.page.reload(timeout=300_000)
        self.settle()

    def settle(self) -> None:
        """Wait until nodes are known and the first workflow is loaded."""
        self.page.wait_for_function(READY, timeout=300_000)
        laid_out(self.page)
        self.page.keyboard.press("Escape")

    def js(self, script: str, argument: Any = None) -> Any:
        """The value of a script in the page; `app` is ComfyUI's."""
        return self.page.evaluate(script, argument)

    def clear(self) -> None:
        """An empty graph at scale 1, without the dialog that an earlier failure has opened."""
        for _ in range(self.page.get_by_role("dialog").count()):
            self.page.keyboard.press("Escape")
        self.js(CLEAR)
        frames(self.page)

    def add(self, kind: str, at: tuple[int, int], **values: Any) -> int:
        """Place a node; returns its id."""
        script = """([kind, at, values]) => {
            const node = LiteGraph.createNode(kind); node.pos = at; app.graph.add(node);
            for (const [name, value] of Object.entries(values))
                node.widgets.find((w) => w.name === name).value = value;
            return node.id; }"""
        found = self.js(script, [kind, list(at), values])
        laid_out(self.page)
        return int(found)

    def connect(self, source: int, output: int, target: int, name: str) -> None:
        """Draw a cable from output number `output` of `source` to the input `name` of `target`."""
        script = """([source, output, target, name]) => {
            const [from, to] = [source, target].map((id) => app.graph.getNodeById(id));
            from.connect(output, to, to.inputs.findIndex((input) => input.name === name)); }"""
        self.js(script, [source, output, target, name])

    def load(self, workflow: dict[str, Any]) -> None:
        """Open a workflow in the editor's format, nothing else being open.

        In Nodes 2.0, frontend 1.32.9 spreads the nodes by a factor that depends on what was shown before.
        """
        self.clear()
        self.js("(workflow) => app.loadGraphData(workflow)", workflow)
        laid_out(self.page)

    def load_prompt(self, prompt: dict[str, Any]) -> None:
        """Open a workflow in API format; node ids stay.

        Nodes are put side by side: frontend 1.32.9 lays them on top of each other in Nodes 2.0.
        """
        self.js("(prompt) => app.loadApiJson(prompt, 'test')", prompt)
        laid_out(self.page)
        workflow = self.workflow()
        for index, node in enumerate(sorted(workflow["nodes"], key=lambda node: int(node["id"]))):
            node["pos"] = [60 + 400 * (index % 3), 60 + 760 * (index // 3)]
        self.load(workflow)
        self.js("() => { app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; }")
        frames(self.page)

    def queue(self) -> None:
        """Press Run, and listen to what comes back."""
        self.js("""async () => {
            const heard = (window.itportraitTest = { ended: "", previews: 0, progress: 0, error: "" });
            const api = app.api ?? (await import("/scripts/api.js")).api;
            const on = (name, action) => api.addEventListener(name, (e) => action(e.detail));
            for (const end of ["execution_success", "execution_interrupted", "execution_error"])
                on(end, (detail) => {
                    heard.ended ||= end;
                    heard.error ||= detail?.exception_message ?? ""; });
            on("b_preview", () => (heard.previews += 1));
            on("progress", () => (heard.progress += 1));
            await app.queuePrompt(0); }""")

    def heard(self) -> dict[str, Any]:
        """What the queued prompt has said so far: `ended`, `error`, counts of `previews` and `progress`."""
        return dict(self.js("() => window.itportraitTest"))

    def finish(self, seconds: float = 180.0) -> dict[str, Any]:
        """Wait for the end of the queued prompt."""
        self.page.wait_for_function("() => window.itportraitTest.ended", timeout=seconds * 1000)
        frames(self.page)
        return self.heard()

    def interrupt(self) -> None:
        """Press Cancel."""
        self.js("async () => (app.api ?? (await import('/scripts/api.js')).api).interrupt()")

    def workflow(self) -> dict[str, Any]:
        """What would be saved now."""
        return dict(self.js("() => JSON.parse(JSON.stringify(app.graph.serialize()))"))

    def prompt(self) -> dict[str, Any]:
        """What would be queued now, in API format."""
        return dict(self.js("async () => (await app.graphToPrompt()).output"))

    def values(self, node: int) -> dict[str, Any]:
        """The widgets of a node."""
        script = (
            """(id) => Object.fromEntries(app.graph.getNodeById(id).widgets.map((w) => [w.name, w.value]))"""
        )
        return dict(self.js(script, node))

    def place(self, node: int) -> list[float]:
        """Where a node stands, and the scale of the graph: what a drag in a view must not change."""
        return list(self.js("(id) => [...app.graph.getNodeById(id).pos, app.canvas.ds.scale]", node))

    def stage(self, kind: str = "camera", index: int = 0) -> Locator:
        """The drawing area of a view, `camera` or `points`."""
        return self.page.locator(f".itportrait-{kind} .stage").nth(index)

    def show_node(self, node: int) -> None:
        """Bring a node to the middle of the window at scale 1."""
        script = """(id) => { const [x, y] = app.graph.getNodeById(id).pos; const { ds } = app.canvas;
            ds.scale = 1; ds.offset = [480 - x, 120 - y]; app.canvas.setDirty(true, true); }"""
        self.js(script, node)
        frames(self.page)

    def stage_of(self, node: int) -> ElementHandle:
        """The drawing area of the view of one node among several."""
        script = """(id) => app.graph.getNodeById(id).widgets.find((w) => w.name === "view")
            .element.shadowRoot.querySelector(".stage")"""
        found = self.page.evaluate_handle(script, node).as_element()
        assert found is not None
        return found

    def drag(
        self,
        stage: Locator | ElementHandle,
        start: tuple[float, float],
        by: tuple[float, float],
        key: str = "",
    ) -> None:
        """Drag once the stage stands still, from a point in shares of its size, by pixels, a key held."""
        still(stage)
        box = stage.bounding_box()
        assert box is not None
        x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by[0], y + by[1], steps=6)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)
        frames(self.page)

    def shoot(self, what: str) -> Path:
        """Keep a screenshot to be looked at."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        file = ARTIFACTS / f"{what}-{self.name}.png"
        self.page.screenshot(path=file)
        return file

    def keep_errors(self) -> Path:
        """Keep every error of the console beside the screenshots, the frontend's own too."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        file = ARTIFACTS / f"console-{self.name}.txt"
        file.write_text("\n\n".join(dict.fromkeys(self.errors)), encoding="utf-8")
        return file

    def _console(self, message: ConsoleMessage) -> None:
        """Complaints that name one of our files; the frontends have their own."""
        ours = f"/extensions/{NAME}/"
        if message.type not in ("error", "warning"):
            return
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")
        if ours in message.location.get("url", "") + message.text:
            self.complaints.append(message.text)

    def _page_error(self, error: Error) -> None:
        self.errors.append(f"{error}\n{error.stack or ''}")
        if f"/extensions/{NAME}/" in (error.stack or ""):
            self.complaints.append(str(error))

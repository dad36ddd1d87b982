"""Hostile strings in titles, values, outputs and metadata run nothing in the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.editor import Editor
from harness.environment import ROOT
from harness.waiting import frames

from tests.trust.counts import tally

HOSTILE: list[str] = json.loads(Path(__file__).with_name("hostile.json").read_text(encoding="utf-8"))
NODES: list[str] = list(json.loads((ROOT / "tests" / "nodes" / "node_ids.json").read_text(encoding="utf-8")))
KNOWN = {"STYLE", "DIV", "CANVAS", "BUTTON", "SPAN", "IMG", "LABEL", "INPUT"}
"""Elements that a view is made of."""
INSIDE = """() => [...document.querySelectorAll(".itportrait-camera, .itportrait-points, .itportrait-live")]
    .flatMap((host) => [...host.shadowRoot.querySelectorAll("*")].map((element) => element.tagName))"""


def quiet(editor: Editor) -> None:
    """Nothing ran, and the views hold only what they are made of."""
    frames(editor.page, 12)
    assert editor.js("() => window.hacked") is None
    assert editor.js("() => ({}).hacked") is None
    assert set(editor.js(INSIDE)) <= KNOWN


def test_values_titles_and_outputs(editor: Editor) -> None:
    """Each string as title, as points, as file name of a run's picture, and as detected points."""
    camera, align = editor.add("ITportrait_CameraOrbit", (60, 40)), editor.add("ITportrait_Align", (520, 40))
    live = editor.add("ITportrait_LiveHead", (900, 40))
    script = """async ([text, ids]) => {
        const api = app.api ?? (await import("/scripts/api.js")).api;
        const [camera, align] = ids.map((id) => app.graph.getNodeById(id));
        camera.title = align.title = text;
        const points = align.widgets.find((w) => w.name === "points");
        points.value = text; points.callback?.(text);
        const file = { filename: text + ".png", subfolder: text, type: text };
        const head = { filename: text + ".itplive", subfolder: text, type: text };
        const output = { images: [file], itp_source: [file], itp_points: [text], itp_live: [head],
            itp_render: [file], itp_live_state: [{ yaw: text, background: text, shading: text }],
            itp_strip: [file], itp_strip_views: [[text, text]] };
        const background = app.graph.getNodeById(ids[2]).widgets.find((w) => w.name === "background");
        background.value = text; background.callback?.(text);
        for (const id of ids) api.dispatchCustomEvent
            ? api.dispatchCustomEvent("executed", { node: String(id), display_node: String(id), output })
            : api.dispatchEvent(new CustomEvent("executed", { detail: { node: String(id), output } })); }"""
    for text in HOSTILE:
        editor.js(script, [text, [camera, align, live]])
    quiet(editor)
    editor.shoot("hostile")


def test_every_text_widget(editor: Editor) -> None:
    """Each string typed into every text widget of every node of ours: as its value, and into its field."""
    for number, kind in enumerate(NODES):
        editor.add(kind, (60 + 420 * (number % 5), 40 + 420 * (number // 5)))
    script = """(text) => {
        let typed = 0;
        for (const node of app.graph._nodes) {
            for (const widget of node.widgets ?? []) {
                if (typeof widget.value !== "string" || widget.options?.values) { continue; }
                const field = widget.inputEl ?? widget.element;
                if (field && "value" in field) {
                    field.value = text;
                    field.dispatchEvent(new Event("input", { bubbles: true }));
                }
                widget.value = text;
                widget.callback?.(text, app.canvas, node);
                typed += 1;
            }
        }
        app.graph.setDirtyCanvas(true, true);
        return typed; }"""
    with tally("strings in Chromium") as line:
        for text in HOSTILE:
            typed = editor.js(script, text)
            if typed < 14 or editor.js("() => window.hacked ?? ({}).hacked ?? null") is not None:
                line.failures.append(f"{text!r:.60}: {typed} widgets, or it ran")
            line.done += 1
        quiet(editor)


def test_loaded_workflows(editor: Editor) -> None:
    """Workflows, as people find them in pictures, full of such strings in every place that takes one."""
    editor.add("ITportrait_CameraOrbit", (60, 40))
    editor.add("ITportrait_Align", (520, 40))
    editor.add("ITportrait_LiveHead", (900, 40))
    workflow = editor.workflow()
    for text in HOSTILE[::4]:
        editor.load(poisoned(workflow, text))
    quiet(editor)


def poisoned(workflow: dict[str, Any], text: str) -> dict[str, Any]:
    """A copy of a workflow with `text` as titles, labels, values, properties and extras."""
    copy: dict[str, Any] = json.loads(json.dumps(workflow))
    for node in copy["nodes"]:
        node["title"] = text
        node["properties"] = {**node.get("properties", {}), "note": text}
        node["widgets_values"] = [text if isinstance(v, str) else v for v in node["widgets_values"]]
        for slot in [*node.get("inputs", []), *node.get("outputs", [])]:
            slot["label"] = slot["localized_name"] = text
    copy["extra"] = {"info": {"name": text, "author": text, "description": text}}
    return copy

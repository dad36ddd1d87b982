"""How a graph lies on the canvas: whether nodes cover one another, and all of it in view."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from .editor import Editor
from .waiting import frames, laid_out

BOXES = """() => app.graph._nodes.map((node) => {
    const id = `${node.id} ${node.type}`, { scale } = app.canvas.ds;
    const drawn = document.querySelector(`[data-node-id="${node.id}"]`)?.getBoundingClientRect();
    if (drawn) return { id, left: drawn.left / scale, right: drawn.right / scale,
        top: drawn.top / scale, bottom: drawn.bottom / scale };
    const [left, y] = node.pos, [width, height] = node.size;
    return { id, left, right: left + width, top: y - LiteGraph.NODE_TITLE_HEIGHT, bottom: y + height }; })"""
"""Nodes as they are drawn: the editor makes a node larger where its widgets and pictures need the room."""
FIT = """() => {
    const boxes = [...app.graph._groups, ...app.graph._nodes].map((item) => [...item.pos, ...item.size]);
    const [left, top] = [0, 1].map((i) => Math.min(...boxes.map((box) => box[i])) - 60);
    const [right, bottom] = [0, 1].map((i) => Math.max(...boxes.map((box) => box[i] + box[i + 2])) + 60);
    const view = app.canvas.ds, canvas = app.canvas.canvas.getBoundingClientRect();
    view.scale = Math.min((canvas.width - 60) / (right - left), (canvas.height - 170) / (bottom - top), 1);
    view.offset = [60 / view.scale - left, 130 / view.scale - top]; app.canvas.setDirty(true, true); }"""
"""The whole graph beside the bars that lie over the canvas."""


def fit(editor: Editor) -> None:
    """Bring the whole graph into view."""
    editor.js(FIT)
    frames(editor.page, 12)


def covered(editor: Editor) -> list[str]:
    """Pairs of nodes of the open graph that lie on one another."""
    laid_out(editor.page)
    boxes = editor.js(BOXES)
    return [f"{a['id']} and {b['id']}" for a, b in combinations(boxes, 2) if _overlap(a, b)]


def _overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    across = a["left"] < b["right"] and b["left"] < a["right"]
    return across and a["top"] < b["bottom"] and b["top"] < a["bottom"]

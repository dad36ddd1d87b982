"""Waiting in a browser page for what is to be seen, never for an amount of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import ElementHandle, Locator, Page

Value = TypeVar("Value")

LONGEST = 120.0
"""Seconds after which a wait ends; what did not come by then is told by the test's own assertion. Long, for
pages that draw by the processor beside a training."""
FRAMES = """async (count) => {
    for (let i = 0; i < count; i += 1) await new Promise(requestAnimationFrame); }"""
STILL = """async (element, [wanted, longest]) => {
    const end = performance.now() + longest * 1000;
    for (let before = "", same = 0; same < wanted && performance.now() < end; ) {
        await new Promise(requestAnimationFrame);
        const { x, y, width, height } = element.getBoundingClientRect();
        const now = width > 0 && height > 0 ? [x, y, width, height].join() : "";
        same = now && now === before ? same + 1 : 0;
        before = now; } }"""
LAID_OUT = """async ([wanted, longest]) => {
    const end = performance.now() + longest * 1000;
    const shown = (node) => node.widgets?.find(({ name }) => name === "view")?.element?.isConnected ?? true;
    for (let before = "", same = 0; same < wanted && performance.now() < end; ) {
        await new Promise(requestAnimationFrame);
        const nodes = app.graph._nodes, boxes = nodes.map((node) => [...node.pos, ...node.size]);
        const now = nodes.every(shown) ? JSON.stringify(boxes) : "";
        same = now && now === before ? same + 1 : 0;
        before = now; } }"""
KEPT = """(text) => [localStorage, sessionStorage].some((store) =>
    Object.keys(store).some((key) => store.getItem(key).includes(text)))"""
SAME = 4
"""Frames in a row in which nothing may move."""


def frames(page: Page, count: int = SAME) -> None:
    """Let the page draw; handlers that wait for the next frame have run after two."""
    page.evaluate(FRAMES, count)


def still(element: Locator | ElementHandle) -> None:
    """Wait until an element is visible and stays in its place."""
    element.evaluate(STILL, [SAME, LONGEST])


def laid_out(page: Page) -> None:
    """Wait until every node has its view, its place and its size."""
    page.evaluate(LAID_OUT, [SAME, LONGEST])


def kept(page: Page, text: str) -> None:
    """Wait until the editor's draft of the workflow, from which a reloaded page takes it, holds a text."""
    eventually(lambda: bool(page.evaluate(KEPT, text)), True)


def eventually(read: Callable[[], Value], wanted: Any, seconds: float = LONGEST) -> Value:
    """What `read()` gives once it equals `wanted`, or fulfils it where that is a function; else the last."""
    end = time.monotonic() + seconds
    while True:
        found = read()
        good = wanted(found) if callable(wanted) else found == wanted
        if good or time.monotonic() > end:
            return found
        time.sleep(0.05)

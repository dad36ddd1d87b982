"""'Stop now and keep': the editor asks, the training that runs answers at its next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from . import prompt_server

if TYPE_CHECKING:
    from aiohttp.web import Request, Response

ROUTE = "/itportrait/stop_and_keep"

_running, _asked = Event(), Event()


def register() -> None:
    """Open the route on ComfyUI's server. Without a running server, as in a script, there is none to open."""
    server = prompt_server.running()
    if server is not None:
        server.routes.post(ROUTE)(_answer)


async def _answer(request: Request) -> Response:
    from aiohttp.web import HTTPForbidden, json_response

    if not is_own_page(request.headers):
        raise HTTPForbidden(text="Only the editor's own page may stop a training.")
    return json_response({"running": ask()})


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from the editor or from a program, not from a page of another site.

    ComfyUI compares `Origin` with `Host` itself, but lets "null" pass, which sandboxed pages send.
    """
    return headers.get("Origin") != "null" and headers.get("Sec-Fetch-Site") not in (
        "cross-site",
        "same-site",
    )


@contextmanager
def heard() -> Iterator[None]:
    """Requests count while this is open; ComfyUI runs one prompt at a time, so one training at most hears."""
    _asked.clear()
    _running.set()
    try:
        yield
    finally:
        _running.clear()
        _asked.clear()


def ask() -> bool:
    """Ask the training that runs to stop and keep its result; False, and nothing asked, when none runs."""
    if _running.is_set():
        _asked.set()
    return _running.is_set()


def take() -> bool:
    """Whether it was asked since the last call."""
    asked = _asked.is_set()
    _asked.clear()
    return asked

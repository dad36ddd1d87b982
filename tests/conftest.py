"""Fixtures that several suites share: one real ComfyUI for the whole session, and a client per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.client import ComfyClient
from harness.server import ComfyServer

LAST = "web"
"""Browser tests come last: Playwright keeps an event loop in this thread, beside which no other can be."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what stays in one process, where there are several: a file; and what comes last."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: item.path.parent.name == LAST)


@pytest.fixture(scope="session")
def server() -> Iterator[ComfyServer]:
    """A running ComfyUI with this pack."""
    with ComfyServer() as running:
        yield running


@pytest.fixture
def client(server: ComfyServer) -> Iterator[ComfyClient]:
    """A fresh client of that server."""
    connected = ComfyClient(server.url)
    yield connected
    connected.close()

"""Fixtures that several suites share: one real ComfyUI for the whole session, and a client per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.client import ComfyClient
from harness.server import ComfyServer

SUITES = ("server", "web")
"""Suites that start servers: each stays in one process, and they come first, for they take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what stays in one process, where there are several: a suite with servers, or else a file."""
    for item in items:
        suite = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(suite if suite in SUITES else item.path.stem))
    items.sort(key=lambda item: item.path.parent.name not in SUITES)


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

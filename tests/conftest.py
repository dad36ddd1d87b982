"""Fixtures that several suites share: one real ComfyUI for the whole session, and a client per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.client import ComfyClient
from harness.server import ComfyServer


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

"""A second ComfyUI whose embedded networks are untrained stand-ins: a step takes a moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import stand_ins
from harness.client import ComfyClient
from harness.graph import Graph
from harness.server import ComfyServer


@pytest.fixture(scope="session")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A running ComfyUI with stand-in networks."""
    folder = stand_ins.write(tmp_path_factory.mktemp("weights"))
    with ComfyServer(weights=folder) as running:
        yield running


@pytest.fixture
def quick(quick_server: ComfyServer) -> Iterator[ComfyClient]:
    """A fresh client of that server."""
    connected = ComfyClient(quick_server.url)
    yield connected
    connected.close()


@pytest.fixture
def graph(quick: ComfyClient) -> Graph:
    """An empty workflow for that server."""
    return Graph(quick.nodes())

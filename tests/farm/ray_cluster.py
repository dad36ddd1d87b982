"""Clusters of Ray for the tests: raylets on this machine, with token authentication."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import ExitStack
from typing import Any

import pytest

SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_gcs_server_request_timeout_seconds": "300",
    "RAY_worker_register_timeout_seconds": "300",
}
"""A machine that is busy otherwise starts processes late."""
os.environ |= SETTINGS  # before ray is imported
ASKED_FOR = pytest.mark.skipif(
    not os.environ.get("ITPORTRAIT_RAY"),
    reason="raylets do not start beside dozens of busy processes: set ITPORTRAIT_RAY=1 on a quiet machine",
)
MEMORY = {"object_store_memory": 80 << 20}
"""Bytes."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def start_nodes(*nodes: dict[str, Any], tries: int = 6) -> Any:
    """A cluster whose first node is the head.

    A raylet ends itself where its agents need more than fifteen seconds to start, which nothing changes: on a
    busy machine it is tried again.
    """
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        for node in nodes:
            made.add_node(**MEMORY, **node)
        made.wait_for_nodes()
    except Exception:
        made.shutdown()
        if tries == 1:
            raise
        return start_nodes(*nodes, tries=tries - 1)
    return made

"""Clusters of Ray for the tests: raylets on this machine, with token authentication."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from contextlib import ExitStack, suppress
from importlib.util import find_spec
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
MARKS = [
    pytest.mark.cluster,
    pytest.mark.skipif(find_spec("ray") is None, reason="ray has no wheel here, or is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="Ray has clusters of several nodes on Linux alone"),
]
MEMORY = {"object_store_memory": 80 << 20}
"""Bytes."""
TRIES = 5


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def start_nodes(*nodes: dict[str, Any], tries: int = TRIES) -> Any:
    """A cluster whose first node is the head; without one the tests that want it are skipped.

    A raylet ends itself where its agents need more than fifteen seconds to start, which no setting changes.
    That is a slow machine and no fault of the farm, so it is tried again. Settings that Ray does not
    know raise.
    """
    import psutil
    from ray.cluster_utils import Cluster

    before = set(psutil.Process().children(recursive=True))
    made = Cluster()
    try:
        for node in nodes:
            made.add_node(**MEMORY, **node)
        made.wait_for_nodes()
    except (TypeError, ValueError, ImportError, AttributeError):
        made.shutdown()
        raise
    except Exception as error:
        made.shutdown()
        for left in set(psutil.Process().children(recursive=True)) - before:  # of a node that was late
            with suppress(psutil.Error):
                left.kill()
        if tries == 1:
            pytest.skip(f"this machine is too slow for Ray: {TRIES} times no node came up in time ({error})")
        return start_nodes(*nodes, tries=tries - 1)
    return made


def skip_where_a_node_has_died(cluster: Any) -> None:
    """Skip the test when a raylet or the head's own server ended that no test has killed.

    They do so where this machine is too slow for their agents. While all of them live, what goes wrong is a
    fault of the farm.
    """
    dead = [
        name
        for node in cluster.list_all_nodes()
        for name, processes in node.all_processes.items()
        if name in ("raylet", "gcs_server") and any(one.process.poll() is not None for one in processes)
    ]
    if dead:
        pytest.skip(f"this machine is too slow for Ray: {', '.join(dead)} ended by itself")

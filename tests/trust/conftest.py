"""The pack in this process, as the tests of the nodes have it."""

from __future__ import annotations

from tests.nodes.conftest import output, pack

__all__ = ["output", "pack"]

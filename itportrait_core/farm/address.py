"""Which Ray clusters may be used: this machine's own, or one that asks for a token."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors import ITPortraitError

MODE = "RAY_AUTH_MODE"
"""Environment variable that turns Ray's token authentication on (Ray 2.52 and newer)."""


def check_address(address: str, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a cluster on a network that runs anybody's code.

    Args:
        address: as `ray.init` takes it; "" or "local" starts one of this machine's own.
        environment: where the token mode is looked for.

    Raises:
        ITPortraitError: for an address that is not loopback while token authentication is off.
    """
    if address in ("", "local") or _is_loopback(address):
        return
    if environment.get(MODE, "").lower() == "token":
        return
    raise ITPortraitError(
        f"The Ray address {address!r} is not on this machine, and token authentication is off. Ray's job "
        "interface runs whatever code it is sent, so without a token everybody on that network can run "
        f"programs on every node. On the head node: `export {MODE}=token`, `ray get-auth-token --generate`, "
        "`ray start --head`; copy ~/.ray/auth_token to every node and to this machine, set the variable "
        "there too, and try again."
    )


def _is_loopback(address: str) -> bool:
    """Whether HOST:PORT or SCHEME://HOST:PORT is this machine; words that name no host are not."""
    try:
        host = urlsplit(address if "://" in address else f"ray://{address}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Join Portraits: chains flatten in order, the first stays the one person, and the hash tells of all."""

from __future__ import annotations

import importlib
from types import ModuleType

import torch


def test_chains_flatten_and_every_member_counts(pack: ModuleType) -> None:
    def part(name: str) -> ModuleType:
        return importlib.import_module(f"{pack.__name__}.{name}")

    portrait, sockets = part("itportrait_core").Portrait, part("nodes.sockets")
    handles = [
        sockets.PortraitHandle(
            portrait(torch.full((1, 2, 3), float(k)), torch.zeros(1, 25), torch.zeros(1, 3, 8, 8))
        )
        for k in range(3)
    ]
    join = part("nodes.portraits").JoinPortraits.execute
    two = join(handles[0], handles[1]).args[0]
    three = join(two, handles[2]).args[0]
    assert [float(one.ws[0, 0, 0]) for one in three.joined] == [0.0, 1.0, 2.0]
    assert three.portrait is handles[0].portrait
    assert len({handles[0].sha256, two.sha256, three.sha256}) == 3
    assert three.get_ram_usage() > two.get_ram_usage()

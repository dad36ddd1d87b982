"""Through which files and under which names a style picture, its `ws` and its camera go.

`python -m benchmarks.follow` inverts a picture, adapts a generator to it, couples it with a text and tunes,
with tiny networks, and looks at every function of the core that returns: which of its variables, or of its
object's, hold the very numbers. Networks and files, which serve any tensor, are counted in the second line.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from types import FrameType
from typing import Any

import torch
from torch import Tensor

import itportrait_core as itp
from tests.core.tiny import tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait

STEPS = 2


class Follower:
    """Where the numbers of some tensors were seen: thing -> file -> names."""

    def __init__(self, things: dict[str, Tensor]) -> None:
        self.things = {name: value.detach().clone() for name, value in things.items()}
        self.seen: dict[str, dict[str, set[str]]] = {n: defaultdict(set) for n in things}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """A profile function."""
        file = frame.f_code.co_filename.rpartition("/itportrait_core/")[2]
        if event != "return" or file == frame.f_code.co_filename:
            return
        sys.setprofile(None)
        own = getattr(frame.f_locals.get("self"), "__dict__", {})
        for name, value in [*frame.f_locals.items(), *own.items()]:
            if isinstance(value, Tensor):
                self._compare(file, name, value)
        sys.setprofile(self)

    def _compare(self, file: str, name: str, value: Tensor) -> None:
        for thing, wanted in self.things.items():
            if value.shape == wanted.shape and torch.equal(value.detach().to(wanted), wanted):
                self.seen[thing][file].add(name)


def travel() -> Follower:
    """All methods on one portrait."""
    generator, clips = tiny_generator(), [tiny_clip()]
    person = tiny_portrait(generator)
    follower = Follower({"style picture": person.image, "ws": person.ws, "camera": person.camera})
    common: dict[str, Any] = {"perceptual": tiny_perceptual()}
    start = itp.InversionConfig(steps=STEPS, start_samples=8, pose_init="user")
    apt, ite = itp.APTConfig(steps=STEPS, clip=1.0, shape=1.0, colour=1.0), itp.ITEConfig(steps=4, colour=1.0)
    sys.setprofile(follower)
    itp.invert(generator, person.image, None, start, camera=person.camera, **common)
    itp.stylize(generator, person, apt, clip=clips, **common)
    itp.couple(generator, person, "a hat", clips, ite.replace(apt=apt), **common)
    itp.pivotal_tune(generator, person, itp.TuningConfig(steps=STEPS), **common)
    sys.setprofile(None)
    return follower


def main() -> None:
    """Print the way of each."""
    for thing, files in travel().seen.items():
        methods = {file: names for file, names in files.items() if file.startswith("methods/")}
        for kind, chosen in (("methods", methods), ("whole core", files)):
            names = sorted(set().union(*chosen.values()))
            print(f"{thing}, {kind}: {len(chosen)} files, {len(names)} names: {', '.join(names)}")
        for file, names in sorted(methods.items()):
            print(f"    {file}: {', '.join(sorted(names))}")


if __name__ == "__main__":
    main()

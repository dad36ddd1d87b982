"""Measures what the embedded guide sees of the embedded generator's people, for edits by text.

`python -m itportrait_core.pocket.training.relevance [FOLDER]` writes `relevance.safetensors` for the networks
that lie there; the folder of the pack when left out. Half a minute on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ...checkpoints import embedded
from ...checkpoints.format import load_generator
from ...guidance.clip import load_clip
from ...methods.style.config import EditConfig
from ...methods.style.relevance import KIND, facts_of, measure_relevance


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=embedded.FOLDER)
    folder, config = parser.parse_args().folder, EditConfig()
    generator = load_generator(folder / "generator.safetensors")
    clip = load_clip(folder / "clip_guide.safetensors")
    measured = measure_relevance(generator, clip, config.people, config.seed)
    facts = facts_of(generator, clip, config.people, config.seed)
    print(measured.save(folder / f"{KIND}.safetensors", facts))


if __name__ == "__main__":
    main()

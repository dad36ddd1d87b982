"""Renew the pictures of the help pages: `python tests/help_pictures.py`. Sets itself up.

Every picture in `web/docs/pictures` that shows what a control does is made here with the embedded networks,
on the CPU, from fixed seeds. Names on the command line renew only those. Some minutes for all of them.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import environment

FOLDER = environment.ROOT / "web" / "docs" / "pictures"
LARGEST = 60_000
"""Bytes of one picture: help pages are loaded over the network, and every renewal stays in the history."""


def main() -> int:
    """0 when every picture is on disk."""
    environment.enter("tests/requirements.txt")
    sys.path.insert(0, str(environment.ROOT))
    from harness.help_files import FILES
    from harness.help_live import LIVE
    from harness.help_looking import LOOKING
    from harness.help_studio import Studio
    from harness.help_training import TRAINING
    from harness.sheet import labelled_grid

    makers = LOOKING | LIVE | TRAINING | FILES
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", help="pictures to renew; all when left out")
    names = options.parse_args().names or list(makers)
    if unknown := sorted(set(names) - set(makers)):
        options.error(f"there is no picture {unknown[0]!r}; there are {', '.join(makers)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    studio = Studio()
    for name in [name for name in makers if name in names]:
        start = time.monotonic()
        data = compact(labelled_grid(makers[name](studio)))
        (FOLDER / f"{name}.jpg").write_bytes(data)
        print(f"{name}.jpg: {len(data) / 1000:.0f} kB, {time.monotonic() - start:.0f} s", flush=True)
    return 0


def compact(picture) -> bytes:
    """The picture as a JPEG of at most `LARGEST` bytes, as good as that allows."""
    for quality in (88, 80, 72, 64, 56, 48):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= LARGEST:
            break
    return data.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())

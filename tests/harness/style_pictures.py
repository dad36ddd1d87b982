"""Draw the style pictures that come with the pack: `python tests/harness/style_pictures.py`.

People of the procedural portraits in every art style, at four times the embedded generator's size, framed as
it frames them. Needs numba (`tests/requirements.txt`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from itportrait_core.pocket.attributes import Z_DIM, attributes  # noqa: E402
from itportrait_core.pocket.render import render  # noqa: E402
from itportrait_core.rendering.cameras import orbit  # noqa: E402

SIDE = 512
SEED = 11
PICTURES = {
    "zombie man": ("zombie", 9, 12.0, 4.0),
    "cartoon woman": ("cartoon", 13, -15.0, 3.0),
    "oil painting": ("oil", 2, 18.0, 0.0),
    "marble statue": ("marble", 26, -20.0, 5.0),
    "pencil sketch": ("sketch", 39, 10.0, -4.0),
    "anime girl": ("anime", 36, -12.0, 2.0),
    "caricature": ("caricature", 38, 15.0, 5.0),
    "pixel art": ("pixel", 31, -8.0, 0.0),
    "photo of a man": ("photo", 9, 14.0, 2.0),
}
"""Name -> style, person (a row of the random latents), yaw and pitch in degrees."""


def main() -> None:
    """Write one PNG for each entry of `PICTURES`."""
    people = torch.randn(40, Z_DIM, generator=torch.Generator().manual_seed(SEED))
    folder = ROOT / "example_workflows" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (style, person, yaw, pitch) in PICTURES.items():
        who = attributes(people[person : person + 1])
        seen = render(who, orbit(yaw, pitch).float(), style=style, size=SIDE)
        values = ((seen.image[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        file = folder / f"{name}.png"
        Image.fromarray(values.movedim(0, -1).contiguous().numpy()).save(file, optimize=True)
        print(file)


if __name__ == "__main__":
    main()

"""What a picture file of ComfyUI's folders holds, told before Load Image reads it."""

from __future__ import annotations

from pathlib import Path

SINGLE_FRAME = {"MPO"}
"""Files of several pictures of which Load Image takes the first."""
OPAQUE = 128
"""Opacity, 0 to 255, from which on a pixel is seen."""
MOST_PIXELS = 1 << 26
"""Pixels of a file that is looked through; a larger one waits for the run."""


def frames(name: object) -> int | None:
    """How many pictures a file holds; None where it cannot be read."""
    from PIL import Image

    path = _path(name)
    try:
        with Image.open(path or "") as file:
            return 1 if file.format in SINGLE_FRAME else int(getattr(file, "n_frames", 1))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def cut_away(name: object) -> float:
    """Share, 0 to 1, of a file's first picture that is transparent; its colours there are not to be seen."""
    from PIL import Image

    path = _path(name)
    try:
        with Image.open(path or "") as file:
            clear = "A" in file.getbands() or "transparency" in file.info
            if not clear or file.width * file.height > MOST_PIXELS:
                return 0.0
            counts = file.convert("RGBA").getchannel("A").histogram()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 0.0
    return sum(counts[:OPAQUE]) / sum(counts)


def _path(name: object) -> Path | None:
    import folder_paths

    if not isinstance(name, str) or not folder_paths.exists_annotated_filepath(name):
        return None
    return Path(folder_paths.get_annotated_filepath(name))

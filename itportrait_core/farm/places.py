"""The folders of a farm, under the rules of the nodes: reads below input and models, writes below output."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..checkpoints import embedded
from ..checkpoints.hashes import file_hash
from ..checkpoints.names import safe_name
from ..errors import ITPortraitError

EMBEDDED = "pocket"
"""What stands in a sheet for a file of the embedded family."""


@dataclass(frozen=True)
class Places:
    """Folders that every machine of the farm sees under its own paths.

    Attributes:
        input: pictures and portraits that a sheet names, relative to here.
        models: weights that a sheet names, relative to here; None where only embedded ones are used.
        output: what ComfyUI calls its output folder; results lie in its `itportrait/runs`, as the nodes'.
        parcels: weights by SHA-256 that came with a job instead of lying in `models`.
    """

    input: Path
    models: Path | None
    output: Path
    parcels: Path | None = None

    @cached_property
    def runs(self) -> Path:
        """Results and resume points, named by their run."""
        return self.output / "itportrait" / "runs"

    @cached_property
    def state(self) -> Path:
        """Locks, journals and failures."""
        return self.output / "itportrait" / "farm"

    def input_file(self, name: str) -> Path:
        """The file that a sheet names.

        Raises:
            ITPortraitError: for a name that leads out of the folder, or where there is no file.
        """
        return _inside(self.input, name, "input")

    def weights(self, name: str, sha256: str, part: str) -> Path:
        """A file of weights: embedded, sent along with the job, or below the models.

        Args:
            name: `EMBEDDED`, or the file's name.
            sha256: hash that it must have; "" where that is not known yet.
            part: the embedded network that `EMBEDDED` stands for.

        Raises:
            ITPortraitError: for a missing file, or one of another hash.
        """
        if name == EMBEDDED:
            file = embedded.path(part)
        elif self.parcels is not None and sha256 and os.path.isfile(self.parcels / f"{sha256}.safetensors"):
            return self.parcels / f"{sha256}.safetensors"
        elif self.models is None:
            raise ITPortraitError(f"The sheet wants the weights {name!r}; name their folder with --models.")
        else:
            file = _inside(self.models, name, "models")
        if sha256 and file_hash(file) != sha256:
            raise ITPortraitError(
                f"{file} has the hash {file_hash(file)[:12]}, the sheet was made with {sha256[:12]}; "
                "bring the same file, or plan anew."
            )
        return file


def _inside(folder: Path, name: str, what: str) -> Path:
    """A name leads nowhere else; links below the folder were made by its owner and are followed."""
    file = Path(os.path.abspath(folder), safe_name(name))
    if not os.path.isfile(file):
        raise ITPortraitError(f"There is no file {file}; check the sheet and the folder --{what}.")
    return file

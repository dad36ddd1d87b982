"""What the names of a composite's parameters say: those of its layers behind `layers.N.`."""

from __future__ import annotations

from ..eg3d.names import NAMES as EG3D
from ..eg3d.official import OFFICIAL as EG3D_OFFICIAL
from ..family import Names, Official

WEIGHTS = "weights"
"""Buffer of the grid of weights."""


def of_layer(name: str) -> str:
    """The name within its layer; the families of layers all name their parameters as EG3D does."""
    parts = name.split(".", 2)
    return parts[2] if parts[0] == "layers" and len(parts) == 3 else name


class LayerNames(Names):
    """EG3D's names, whichever layer they are of."""

    def part_of(self, name: str) -> str:
        """As `Names.part_of`."""
        return EG3D.part_of(of_layer(name))


def _latent_of(name: str, num_ws: int) -> int | None:
    return EG3D.latent_of(of_layer(name), num_ws)


NAMES = LayerNames(
    EG3D.parts,
    _latent_of,
    lambda name: EG3D.side_of(of_layer(name)),
    lambda name: EG3D.writes_planes(of_layer(name)),
)
OFFICIAL = Official(
    label="composite",
    license="",
    recognise=lambda rendering_kwargs: False,  # nobody publishes composites
    read_config=EG3D_OFFICIAL.read_config,
    axes=EG3D_OFFICIAL.axes,
)

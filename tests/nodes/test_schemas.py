"""Every node's schema: the core's defaults and ranges, and words everywhere."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from types import ModuleType
from typing import Any

import pytest

MINIMUM = 12
"""Characters below which a tooltip says nothing."""


@pytest.fixture(scope="session")
def schemas(pack: ModuleType) -> dict[str, Any]:
    """Every node's schema by id."""
    nodes = asyncio.run(pack.extension.get_node_list())
    made = [node.GET_SCHEMA() for node in nodes]
    assert len({schema.node_id for schema in made}) == len(made)
    return {schema.node_id: schema for schema in made}


def test_ids_are_ours_and_plain(schemas: dict[str, Any]) -> None:
    """Ids carry our prefix, so that they never meet another pack's."""
    assert all(re.fullmatch(r"ITportrait_[A-Za-z]+", name) for name in schemas)


def test_everything_is_explained(schemas: dict[str, Any]) -> None:
    """Every node has a description, every input and output a tooltip, as sentences."""
    silent = []
    for name, schema in schemas.items():
        words = {"description": schema.description}
        words |= {item.id: item.tooltip for item in schema.inputs}
        words |= {item.display_name: item.tooltip for item in schema.outputs or []}
        silent += [
            f"{name}.{key}"
            for key, text in words.items()
            if len(text or "") < MINIMUM or text[-1] not in ".:"
        ]
    assert not silent


def test_numbers_have_ranges_that_hold_their_defaults(schemas: dict[str, Any]) -> None:
    """A default outside its own range would be refused when the untouched node is queued."""
    for schema in schemas.values():
        for item in schema.inputs:
            if getattr(item, "min", None) is not None:
                assert item.min <= item.default <= item.max, item.id


@pytest.mark.parametrize(
    ("node", "config"),
    [
        ("Inversion", "InversionConfig"),
        ("Stylize", "APTConfig"),
        ("Fuse", "ITEConfig"),
        ("PivotalTuning", "TuningConfig"),
        ("Blend", "BlendConfig"),
    ],
)
def test_defaults_are_the_core_s(pack: ModuleType, schemas: dict[str, Any], node: str, config: str) -> None:
    """A node's defaults and ranges equal the settings' own: an untouched node runs the published method.

    Steps and the source text are exceptions: 0 and "" ask for what suits the generator.
    """
    import importlib

    from comfy_api.latest._io import WidgetInput

    settings = getattr(importlib.import_module(f"{pack.__name__}.itportrait_core.methods.configs"), config)
    fields = {field.name: field for field in dataclasses.fields(settings)}
    widgets = [item for item in schemas[f"ITportrait_{node}"].inputs if isinstance(item, WidgetInput)]
    shared = [item for item in widgets if item.id in fields]
    assert len(shared) >= 2
    for item in shared:
        if item.id in ("steps", "source_text") or not isinstance(fields[item.id].default, (int, float, str)):
            continue
        assert item.default == fields[item.id].default, item.id
        if "low" in fields[item.id].metadata:
            limits = fields[item.id].metadata
            assert (item.min, item.max) == (limits["low"], limits["high"]), item.id


def test_mesh_defaults_are_the_core_s(pack: ModuleType, schemas: dict[str, Any]) -> None:
    """Extract Mesh starts from the core's settings."""
    import importlib

    config = importlib.import_module(f"{pack.__name__}.itportrait_core.rendering.mesh").MeshConfig()
    inputs = {item.id: item for item in schemas["ITportrait_ExtractMesh"].inputs}
    assert inputs["resolution"].default == config.resolution
    assert inputs["smoothing"].default == config.smoothing
    assert inputs["least_piece"].default == config.least_piece
    assert (inputs["level"].default, config.level) == (0.0, None)  # 0 stands for "find it"


def test_schemas_stay_inside_comfyui_0_3_75(schemas: dict[str, Any]) -> None:
    """Ids of inputs and outputs may not meet: that floor refuses them."""
    for schema in schemas.values():
        schema.validate()

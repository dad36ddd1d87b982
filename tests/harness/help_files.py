"""Help pictures of nodes that read and write files: what went in, what came out, and what differs."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw

import itportrait_core as itp
from itportrait_core.checkpoints import embedded
from itportrait_core.checkpoints.format import load_model
from itportrait_core.recipes import carriers
from itportrait_core.recipes.card import Card, bytes_hash, describe_weights, parse, versions
from itportrait_core.recipes.drawing import picture_pixels, view_pixels
from itportrait_core.recipes.notes import make_notes
from itportrait_core.rendering import cameras
from itportrait_core.rendering.glb import glb_bytes
from itportrait_core.rendering.mesh import MeshConfig, extract_mesh
from itportrait_core.rendering.views import render_views

from .exhibits import paint, read_glb
from .help_studio import Row, Rows, Studio, photos
from .official_files import persistent, write_snapshot

LOUD = 20
"""Differences are multiplied by this, or nobody would see them."""
SEEDS = (3, 5, 8)
TURNS = (-40.0, 0.0, 40.0)
GREY = 0.75


def saved(studio: Studio) -> Rows:
    """A picture that was saved, drawn again from its own recipe; and one that was painted over afterwards."""
    label = cameras.orbit(20.0).float()
    pixels = picture_pixels(render_views(studio.generator, studio.person.ws, label).images[0])
    facts, ws = describe_weights(embedded.path("generator")), studio.person.ws
    card = Card("picture", facts, {}, {}, versions(), ws, label, proof=bytes_hash(pixels))
    painted = Image.fromarray(pixels.numpy())
    ImageDraw.Draw(painted).ellipse((70, 52, 84, 66), fill="#2a7fff")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "seen.png")
        file.write_bytes(carriers.png_bytes(pixels, make_notes(card, None, None, private=False)))
        read = parse(carriers.read_notes(file)[carriers.KEY])
        again = Image.fromarray(view_pixels(itp.load_generator("pocket"), read).numpy())
        kept = Image.open(file).convert("RGB")
    return {
        "verify: identical": _compared("the file", kept, "its recipe", again),
        "verify: different": _compared("painted over", painted, "its recipe", again),
    }


def glb(studio: Studio) -> Rows:
    """A saved model, read back and turned, with its colours and without."""
    mesh = extract_mesh(studio.generator, studio.person.ws, MeshConfig(resolution=112))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "head.glb")
        file.write_bytes(glb_bytes(mesh))
        vertices, faces, colors = read_glb(file)

    def row(painted: np.ndarray) -> Row:
        return {f"{turn:g}": paint(vertices, faces, painted, math.radians(turn)) for turn in TURNS}

    return {"with its colours": row(colors), "its shape alone": row(np.full_like(colors, GREY))}


def imported(studio: Studio) -> Rows:
    """A network in an official pickle, before and after the import."""
    before = load_model(embedded.path("photo"))
    with tempfile.TemporaryDirectory() as folder:
        source = write_snapshot(Path(folder, "faces.pkl"), G_ema=persistent(before, "Generator"))
        (file,) = itp.import_checkpoint(source, Path(folder, "faces.safetensors"))
        after = load_model(file)
    rows: Rows = {}
    for title, network in (("in the .pkl", before), ("in the .safetensors", after)):
        z = torch.cat([torch.randn(1, network.z_dim, generator=_rng(seed)) for seed in SEEDS])
        with torch.no_grad():
            seen = network(z, truncation_psi=0.7)
        rows[title] = dict(zip([f"seed {seed}" for seed in SEEDS], photos(seen), strict=True))
    return rows


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _compared(one: str, first: Image.Image, other: str, second: Image.Image) -> Row:
    gap = ImageChops.difference(first, second).point(lambda value: 255 - min(255, LOUD * value))
    return {one: first, other: second, f"difference x {LOUD}": gap}


FILES = {"saved": saved, "glb": glb, "imported": imported}
"""Name of the picture file -> what makes its rows."""

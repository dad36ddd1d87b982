"""Small files that ask for much memory or time, and what reads each."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from harness import stand_ins
from harness.official_files import rosinality_state

from itportrait_core.checkpoints.format import load_model, read_header, save_generator
from itportrait_core.checkpoints.official import import_checkpoint
from itportrait_core.checkpoints.tensor_file import write_tensors
from itportrait_core.guidance.clip import load_clip
from itportrait_core.guidance.hub_text import local_text
from itportrait_core.methods.shared.history import History
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.methods.shared.storage import read_tensors
from itportrait_core.methods.style.style_file import load_style, save_style
from itportrait_core.recipes import carriers
from itportrait_core.recipes.card import parse
from tests.core.hostile_pickles import big, known, opcodes, text, zip_with


def bomb(name: str, rows: int, columns: int) -> dict[str, torch.Tensor]:
    """Tensors of a style file that multiply to `rows` x `columns`."""
    return {
        f"left.{name}": torch.zeros(rows, 1, dtype=torch.int8),
        f"right.{name}": torch.zeros(columns, 1, dtype=torch.int8),
        f"scale.{name}": torch.ones(1),
    }


def png_with(*chunks: tuple[bytes, bytes], width: int = 4, height: int = 4) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*part) for part in chunks) + chunk(b"IEND", b"")


def glb_with(text: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", 0, b"BIN\0")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def tensors_with(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def noted(note: str, key: str = "itportrait") -> bytes:
    return tensors_with(json.dumps({"__metadata__": {key: note}}).encode())


def portrait_note(facts: str) -> str:
    return f'{{"kind": "portrait", "version": "1", "facts": {facts}}}'


def model_with(change: dict[str, Any]) -> Callable[[Path], None]:
    """A generator's file whose settings ask for a larger network."""

    def make(path: Path) -> None:
        source = save_generator(stand_ins.generator(), path)
        config = json.dumps({**read_header(source).config, **change})
        write_tensors(
            {"x": torch.zeros(9)}, path, {"family": "eg3d", "format_version": "1", "config": config}
        )

    return make


def style_with(tensors: dict[str, torch.Tensor]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        generator = stand_ins.generator()
        with save_style(generator, generator, path).open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        write_tensors(tensors, path, header["__metadata__"])

    return make


def portrait_with(note: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write_tensors({"ws": torch.zeros(1, 8, 16)}, path, {"itportrait": note})

    return make


def clip_of(name: str) -> Callable[[Path], object]:
    """Loads a file as an architecture that it is not."""
    return lambda path: load_clip(path, name)


def written(data: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data())  # type: ignore[return-value]


def foreign(content: Callable[[], object]) -> Callable[[Path], None]:
    return lambda path: torch.save(content(), path)


def views(count: int, kind: str) -> object:
    """Many tensors of half numbers that are one storage of 20 MB."""
    whole = torch.zeros(10 << 20, dtype=torch.float16)
    return {kind: {f"style.{number}.weight": whole for number in range(count)}}


def long_names(names: tuple[str, ...]) -> object:
    """A StyleGAN2 with names of layers that no network has."""
    state = rosinality_state(8, w_dim=8, width=4)
    return {"g_ema": state | {name: torch.zeros(1) for name in names}}


def wide_mapping() -> object:
    """A first layer of 20,000 and many small ones, which would each be 20,000 x 20,000."""
    state = rosinality_state(8, w_dim=8, width=4)
    state |= {
        f"style.{number}.{part}": torch.zeros(1) for number in range(2, 90) for part in ("weight", "bias")
    }
    return {"g_ema": state | {"style.1.weight": torch.zeros(8000, 1)}}


def many_styles() -> object:
    """An encoder whose mean latent would have 200 x 1,000,000 numbers."""
    state = {f"encoder.styles.{number}.linear.weight": torch.zeros(1) for number in range(200)}
    state |= {"encoder.styles.0.linear.weight": torch.zeros(1_000_000, 1)}
    state |= {"encoder.styles.0.convs.0.weight": torch.zeros(1)}
    state |= {
        f"encoder.{name}": torch.zeros(8, 3, 1, 1)
        for name in ("input_layer.0.weight", "body.0.res_layer.1.weight")
    }
    return {
        "state_dict": state,
        "opts": {"encoder_type": "Encoder4Editing"},
        "latent_avg": torch.zeros(1_000_000),
    }


def packed_zip(path: Path) -> None:
    """A zip of 200 KB whose pickle unpacks to 200 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(200 << 20))


def style(path: Path) -> object:
    return load_style(path, stand_ins.generator())


def pixels(path: Path) -> object:
    carriers.read_notes(path)
    return carriers.png_pixels(path)


def tower(path: Path) -> object:
    """The settings of a text tower beside a CLIP's weights."""
    (path.parent / "tokenizer.json").write_text("{}")
    return local_text({"hf_model_name": "somebody/tower"}, path.parent, "tower")


def take(path: Path) -> object:
    return import_checkpoint(path, path.parent / "imported.safetensors")


PLY = b"ply\nformat binary_little_endian 1.0\n"
LISTS, OBJECTS, PAIRS, NUMBERS = "[],", "{},", '{"":1},', "1.5,"
COSTLY: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "settings: wide.safetensors": (model_with({"w_dim": 1 << 20, "z_dim": 1 << 20}), load_model),
    "settings: planes.safetensors": (
        model_with({"backbone_resolution": 4096, "channel_max": 1 << 19, "channel_base": 1 << 20}),
        load_model,
    ),
    "settings: layers.safetensors": (model_with({"mapping_layers": 1 << 30}), load_model),
    "style: product.safetensors": (style_with(bomb("decoder.net.0.weight", 60_000, 60_000)), style),
    "style: many.safetensors": (style_with({f"full.{i}": torch.zeros(1) for i in range(20_000)}), style),
    "portrait: objects.safetensors": (
        portrait_with(portrait_note(f'{{"a": [{OBJECTS * 1_300_000}0]}}')),
        Portrait.load,
    ),
    "portrait: pairs.safetensors": (
        portrait_with(portrait_note(f'{{"a": [{PAIRS * 900_000}0]}}')),
        Portrait.load,
    ),
    "portrait: deep.safetensors": (portrait_with("[" * 10_000 + "]" * 10_000), Portrait.load),
    "portrait: digits.safetensors": (
        portrait_with(portrait_note('{"a": ' + "9" * 4_000_000 + "}")),
        Portrait.load,
    ),
    "resume: lists.safetensors": (
        portrait_with('{"kind": "resume", "facts": [' + LISTS * 3_000_000 + "0]}"),
        lambda path: read_tensors(path, "resume"),
    ),
    "header: 60 MB.safetensors": (
        written(lambda: tensors_with(b"[" + b"[]," * (20 << 20) + b"0]")),
        carriers.read_notes,
    ),
    "header: pairs.safetensors": (
        written(lambda: tensors_with(f'{{"a":[{PAIRS * 1_700_000}0]}}'.encode())),
        carriers.read_notes,
    ),
    "header: numbers.safetensors": (
        written(lambda: tensors_with(f'{{"a":[{NUMBERS * 3_000_000}0]}}'.encode())),
        carriers.read_notes,
    ),
    "header: tensors.safetensors": (
        written(
            lambda: tensors_with(
                json.dumps(
                    {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(150_000)}
                ).encode()
            )
        ),
        load_model,
    ),
    "card: pairs.json": (
        written(lambda: f'{{"person": [{PAIRS * 1_700_000}0]}}'.encode()),
        lambda path: parse(path.read_text(encoding="utf-8")),
    ),
    "history.json": (
        written(lambda: b"[" + b"{}," * 100_000 + b"{}]"),
        lambda path: History.from_json(json.loads(path.read_text(encoding="utf-8"))),
    ),
    "pixels.png": (
        written(
            lambda: png_with(
                (b"IDAT", zlib.compress(bytes(3 * 13_000 + 1) * 13_000)), width=13_000, height=13_000
            )
        ),
        pixels,
    ),
    "more pixels than bytes.png": (
        written(lambda: png_with((b"IDAT", b""), width=4096, height=4096)),
        pixels,
    ),
    "unpacks to 3 GB.png": (
        written(lambda: png_with((b"IDAT", zlib.compress(bytes(100 << 20)) * 2), width=64, height=64)),
        pixels,
    ),
    "notes.png": (
        written(lambda: png_with(*[(b"zTXt", b"a\0\0" + zlib.compress(bytes(40 << 20)))] * 9)),
        pixels,
    ),
    "international notes.png": (
        written(lambda: png_with(*[(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(60 << 20)))] * 9)),
        pixels,
    ),
    "parts.png": (written(lambda: png_with(*[(b"tEXt", b"a\0b")] * 300_000)), pixels),
    "json.glb": (
        written(lambda: glb_with(b'{"asset":[' + b"[]," * (20 << 20) + b"0]}")),
        carriers.read_notes,
    ),
    "pairs.glb": (
        written(lambda: glb_with(f'{{"asset":[{PAIRS * 1_700_000}0]}}'.encode())),
        carriers.read_notes,
    ),
    "deep.glb": (written(lambda: glb_with(b"[" * (1 << 20))), carriers.read_notes),
    "comments.ply": (
        written(lambda: PLY + b"comment a b\n" * 5_000_000 + b"end_header\n"),
        carriers.read_notes,
    ),
    "short comments.ply": (
        written(lambda: PLY + b"comment a b\n" * 50_000 + b"end_header\n"),
        carriers.read_notes,
    ),
    "notes.ply": (
        written(
            lambda: (
                PLY
                + b"end_header\n"
                + (body := f'{{"a":[{PAIRS * 1_700_000}0]}}'.encode())
                + struct.pack("<Q", len(body))
                + b"itportrait-notes"
            )
        ),
        carriers.read_notes,
    ),
    "import: packed.pth": (packed_zip, take),
    "import: memo.pkl": (written(lambda: opcodes(text("x" * 1_000_000), b"\x94" + b"h\0" * 3_000_000)), take),
    "import: empty lists.pkl": (written(lambda: opcodes(b"]" * 20_000_000)), take),
    "import: doubling.pkl": (written(lambda: opcodes(b"(" + text("x" * 1000), b"2" * 900_000, b"t")), take),
    "import: marks.pkl": (written(lambda: opcodes(b"(" * 20_000_000)), take),
    "import: digits.pkl": (
        written(lambda: opcodes(b"\x8b" + struct.pack("<I", 50_000_000) + bytes(50_000_000))),
        take,
    ),
    "import: storage.pth": (
        written(
            lambda: zip_with(
                opcodes(
                    b"("
                    + text("storage")
                    + known("torch", "FloatStorage")
                    + text("0")
                    + text("cpu")
                    + big(1 << 40)
                    + b"tQ"
                )
            )
        ),
        take,
    ),
    "import: views.pth": (foreign(lambda: views(1000, "g_ema")), take),
    "import: more views.pth": (foreign(lambda: views(1000, "net_recon")), take),
    "clip: views.pth": (foreign(lambda: views(1000, "visual")), load_clip),
    "import: power of two.pth": (foreign(lambda: long_names(("to_rgbs.99999999999.bias",))), take),
    "import: power of three.pth": (foreign(lambda: long_names(("convs.999999999999.conv.weight",))), take),
    "import: long number.pth": (foreign(lambda: long_names((f"noises.noise_{'9' * 5000}",))), take),
    "import: wide mapping.pth": (foreign(wide_mapping), take),
    "import: many styles.pth": (foreign(many_styles), take),
    "import: tensors.safetensors": (
        written(
            lambda: tensors_with(
                json.dumps(
                    {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(150_000)}
                ).encode()
            )
        ),
        take,
    ),
    "clip: header.safetensors": (
        written(lambda: tensors_with(f'{{"a":[{LISTS * 3_000_000}0]}}'.encode())),
        load_clip,
    ),
    "clip: another.safetensors": (
        lambda path: write_tensors(
            {
                "visual.conv1.weight": torch.zeros(64, 3, 8, 8),  # type: ignore[dict-item,return-value]
                "token_embedding.weight": torch.zeros(9, 64),
            },
            path,
            {},
        ),
        clip_of("ViT-bigG-14"),
    ),
    "config.json": (written(lambda: b'{"a":"' + b"x" * (60 << 20) + b'"}'), tower),
}
"""Name -> how it is made, what reads it. Each is refused, or read at little cost."""

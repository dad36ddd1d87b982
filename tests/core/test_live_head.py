"""The file of a live head holds the field that the generator renders; nothing damaged or foreign is read."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import struct
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import itportrait_core as itp
from itportrait_core.errors import ITPortraitError
from itportrait_core.live.container import MAGIC, from_bytes
from itportrait_core.live.mix import mixed_generator, mixed_latent, style_weights
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.live.page import needed_modules, page
from itportrait_core.live.timeline import Timeline, load_moment, save_moment
from itportrait_core.live.unpack import LiveHead, unpack
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator
from itportrait_core.networks.panohead import PanoHeadConfig, PanoHeadGenerator
from itportrait_core.networks.triplane import sample_planes

from .tiny import tiny_generator

WEB = Path(__file__).resolve().parents[2] / "web"


def person(generator: EG3DGenerator, seed: int = 1) -> Person:
    """Somebody."""
    rng = torch.Generator().manual_seed(seed)
    return Person(f"person {seed}", torch.randn(1, generator.num_ws, generator.w_dim, generator=rng))


def field(head: LiveHead, points: torch.Tensor, axes: object) -> tuple[torch.Tensor, torch.Tensor]:
    """Colours and raw density at points, by what the file holds alone."""
    planes, decoder = head.planes[0][0], head.decoders[0]
    read = sample_planes(planes[None], points, head.header["rendering"]["box_warp"], axes).mean(dim=1)
    hidden = F.softplus(read.transpose(1, 2) @ decoder["w0"].T + decoder["b0"])
    out = hidden @ decoder["w1"].T + decoder["b1"]
    return torch.sigmoid(out[..., 1:]) * 1.002 - 0.001, out[..., :1]


@pytest.mark.parametrize(
    "make", [tiny_generator, lambda: itp.load_generator("pocket")], ids=["tiny", "pocket"]
)
def test_the_file_holds_the_field_of_the_generator(make) -> None:
    """Colours and density come out of the file alone, up to half precision of the planes."""
    generator = make()
    who = person(generator)
    head = unpack(pack([Style("one", generator)], [who]))
    points = torch.rand(1, 500, 3, generator=torch.Generator().manual_seed(0)) * 1.1 - 0.55
    colours, density = field(head, points, generator.config.plane_axes)
    wanted, sigma = generator.field(generator.planes(who.ws), points)
    assert float((colours - wanted[..., :3]).square().mean()) < 1e-6
    assert float((density - sigma).square().mean()) < 1e-5 * float(sigma.square().mean())


def test_a_head_of_the_embedded_family_is_small() -> None:
    generator = itp.load_generator("pocket")
    data = pack([Style("pocket", generator, "terms")], [person(generator)], camera={"yaw": 12.0})
    assert len(data) < 1.7e6
    header = unpack(data).header
    assert header["camera"] == {"yaw": 12.0, "pitch": 0.0, "roll": 0.0, "fov": 13.37}
    assert header["generators"][0]["license"] == "terms"


def test_a_limit_of_bytes_is_kept_with_bytes_and_fewer_texels() -> None:
    generator = tiny_generator()
    whole = pack([Style("one", generator)], [person(generator)])
    less = pack([Style("one", generator)], [person(generator)], largest=len(whole) * 2 // 3)
    least = pack([Style("one", generator)], [person(generator)], largest=len(whole) // 3)
    assert len(whole) * 2 // 3 >= len(less) > len(whole) // 3 >= len(least)
    full, eight = unpack(whole).planes[0][0], unpack(less).planes[0][0]
    assert (full - eight).abs().max() <= (full.max() - full.min()) / 250
    assert unpack(least).header["side"] == 16


def test_every_array_begins_at_a_multiple_of_16_and_carries_its_shape() -> None:
    generator = tiny_generator()
    data = pack([Style("one", generator)] * 2, [person(generator), person(generator, 2)])
    header, arrays = from_bytes(data)
    assert all(entry["offset"] % 16 == 0 for entry in header["arrays"])
    assert [list(array.shape) for array in arrays] == [entry["shape"] for entry in header["arrays"]]


def test_damaged_files_are_refused_in_words() -> None:
    """Cut, flipped and invented files: never anything but our own error, or a file that still fits."""
    generator = tiny_generator()
    data = pack([Style("one", generator)], [person(generator)])
    rng = random.Random(0)
    huge = json.dumps({"version": 1, "arrays": [{"type": "f4", "shape": [1 << 40], "offset": 16}]}).encode()
    damaged = [b"", data[:11], data[:200], data[:-1], MAGIC + struct.pack("<I", 1 << 31)]
    damaged.append(MAGIC + struct.pack("<I", len(huge)) + huge)
    one = {"type": "u1", "shape": [4096], "offset": 0}
    many = json.dumps({"version": 1, "arrays": [one] * 100, "generators": []}).encode().ljust(8000)
    damaged.append(MAGIC + struct.pack("<I", len(many)) + many)  # a hundred arrays in one place
    for piece in damaged:
        with pytest.raises(ITPortraitError):
            unpack(piece)
    for _ in range(200):
        flipped = bytearray(data)
        flipped[rng.randrange(1200)] ^= 1 << rng.randrange(8)
        with contextlib.suppress(ITPortraitError):
            unpack(bytes(flipped))


def test_what_the_browser_cannot_draw_is_refused() -> None:
    """PanoHead's tri-grids, limits from the box, and styles of another base: each is named."""
    small = {
        "z_dim": 8,
        "w_dim": 12,
        "backbone_resolution": 32,
        "plane_channels": 8,
        "channel_base": 256,
        "channel_max": 8,
    }
    grids = PanoHeadGenerator(PanoHeadConfig(**small, background=False, raw_to_rgb=False)).eval()
    with pytest.raises(ITPortraitError, match="panohead"):
        pack([Style("grids", grids)], [person(grids)])
    plain = tiny_generator()
    rendering = dataclasses.replace(plain.config.rendering, ray_start="auto", ray_end="auto")
    boxed = EG3DGenerator(dataclasses.replace(plain.config, rendering=rendering))
    with pytest.raises(ITPortraitError, match="auto"):
        pack([Style("boxed", boxed)], [person(boxed)])
    other = EG3DGenerator(EG3DConfig(**{**small, "plane_channels": 4}))
    with pytest.raises(ITPortraitError, match="shapes or settings"):
        pack([Style("plain", plain), Style("other", other)], [person(plain)])
    with pytest.raises(ITPortraitError, match="1 to 4"):
        pack([Style("plain", plain)] * 5, [person(plain)])


def test_weights_of_a_mixture_sum_to_one_and_are_single_at_its_ends() -> None:
    for fade in (0.0, 0.4, 1.0, 2.7, 3.0, 9.0):
        for strength in (0.0, 0.5, 1.0, 1.2):
            assert sum(style_weights(4, fade, strength)) == pytest.approx(1.0)
    assert style_weights(4, 2, 1.0) == [0, 0, 1, 0]
    assert style_weights(4, 2, 0.0) == [1, 0, 0, 0]
    assert style_weights(3, 1.5, 0.5) == [0.5, 0.25, 0.25]


def test_ends_of_a_mixture_are_the_generators_themselves() -> None:
    models = [tiny_generator(seed) for seed in (0, 1, 2)]
    opened = [lambda model=model: model for model in models]
    assert mixed_generator(opened, style_weights(3, 2, 1.0)) is models[2]
    assert mixed_generator(opened, style_weights(3, 2, 0.0)) is models[0]
    half = mixed_generator(opened, style_weights(3, 0.5, 1.0)).state_dict()
    name = "backbone.synthesis.b32.torgb.weight"
    middle = (models[0].state_dict()[name] + models[1].state_dict()[name]) / 2
    assert torch.allclose(half[name], middle, atol=1e-6)


def test_people_are_interpolated_in_latent_space() -> None:
    a, b = torch.zeros(1, 8, 12), torch.ones(1, 8, 12)
    assert mixed_latent([a, b], 0) is a
    assert mixed_latent([a, b], 1) is b
    assert float(mixed_latent([a, b], 0.25).mean()) == pytest.approx(0.25)


def test_a_moment_gives_the_very_weights_back(tmp_path: Path) -> None:
    """Bit for bit, with what was noted; only on the base it was taken from."""
    base, trained = tiny_generator(0), tiny_generator(0)
    trained.backbone.synthesis.b32.torgb.weight.add_(1e-7)
    trained.decoder.net[0].bias.fill_(float("-0.0"))
    file = save_moment(tmp_path / "m.safetensors", trained, base, {"step": 3})
    again, facts = load_moment(file, base)
    assert facts == {"step": 3}
    for name, value in trained.state_dict().items():
        found = again.state_dict()[name]
        assert found.numpy().tobytes() == value.numpy().tobytes(), name
    assert file.stat().st_size < 20_000  # equal tensors take no room
    with pytest.raises(ITPortraitError, match="another base"):
        load_moment(file, tiny_generator(5))


def test_a_damaged_moment_is_refused(tmp_path: Path) -> None:
    base, trained = tiny_generator(0), tiny_generator(1)
    file = save_moment(tmp_path / "m.safetensors", trained, base, {})
    data = bytearray(file.read_bytes())
    data[-200:] = bytes(200)
    file.write_bytes(data)
    with pytest.raises(ITPortraitError):
        load_moment(file, base)


@pytest.mark.parametrize(("total", "most"), [(400, 20), (33, 20), (5, 20), (1000, 7)])
def test_moments_are_spread_over_the_run(tmp_path: Path, total: int, most: int) -> None:
    """Never more than asked for, evenly apart, the last near the end."""
    base = tiny_generator(0)
    line = Timeline(tmp_path, base, total, most)
    for step in range(1, total + 1):
        if line.due(step):
            line.take(step, {"": base})
    assert len(line.steps) <= most
    assert len({b - a for a, b in zip(line.steps, line.steps[1:], strict=False)}) <= 1
    assert line.steps[-1] > total - 2 * (total / most) - 1


def test_large_moments_become_fewer(tmp_path: Path) -> None:
    base, trained = tiny_generator(0), tiny_generator(1)
    line = Timeline(tmp_path, base, 100, 20, budget=1)
    for step in range(1, 101):
        if line.due(step):
            line.take(step, {"": trained})
    assert len(line.steps) == 1


def modules() -> dict[str, str]:
    files = [*WEB.glob("*.mjs"), *WEB.glob("live_head/*.mjs")]
    return {file.relative_to(WEB).as_posix(): file.read_text(encoding="utf-8") for file in files}


def test_a_page_of_the_official_size_is_at_most_20_mb() -> None:
    """By a narrower backbone, which is not in it."""
    config = EG3DConfig(channel_base=2048, channel_max=32, z_dim=64, w_dim=64)
    generator = EG3DGenerator(config, seed=0).eval()
    data = pack([Style("official", generator)], [person(generator)])
    assert len(page(data, modules(), title="", license="")) <= 20e6


def test_a_page_holds_everything_and_asks_for_nothing() -> None:
    text = page(b"data", modules(), title="<b>&", license="terms </footer>", recipe='{"a": "</pre>"}')
    assert "http:" not in text.replace("http-equiv", "") and "https:" not in text
    assert "<b>&" not in text and "</footer></footer>" not in text and "&lt;/pre&gt;" in text
    assert all(f'"itportrait/{name}": "data:' in text for name in needed_modules(modules()))
    assert {"live_head/shader.mjs", "camera_math.mjs"} <= set(needed_modules(modules()))
    with pytest.raises(ITPortraitError, match="missing"):
        page(b"", {"live_head/page.mjs": 'import { a } from "../gone.mjs";'}, title="", license="")

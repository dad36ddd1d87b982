"""Regions: exact ends, edits that stay inside, stacks, files, meshes, and masks lifted to the right place."""

from __future__ import annotations

import pytest
import torch

import itportrait_core as itp
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.networks.rays import make_rays, split_label
from itportrait_core.networks.region import RegionConfig, RegionGenerator
from itportrait_core.networks.region.compositing import mix_densities
from itportrait_core.rendering import cameras
from itportrait_core.rendering.mesh import MeshConfig, extract_mesh
from tests.core.tiny import same_weights, tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait
from tests.core.toy_head import NOSE, ToyHead, toy_ws

LABELS = cameras.orbit([-30.0, 0.0, 25.0], [0.0, 10.0, 0.0])


@pytest.fixture(scope="module")
def base():
    return tiny_generator()


def whole(value, n=8, box=1.0):
    return itp.Region(torch.full((n, n, n), float(value)), box)


def half(n=8):
    """The half of the box at x > 0."""
    weights = torch.zeros(n, n, n)
    weights[:, :, n // 2 :] = 1.0
    return itp.Region(weights, 1.0)


def edit(generator, region=None, **fields):
    people = [sample_portrait(layer_zero(generator), seed) for seed in (1, 2)]
    config = itp.EditConfig(disentangle=0.0, **fields)
    return itp.edit_portrait(generator, config=config, before=people[0], after=people[1], region=region)


def layer_zero(generator):
    return getattr(generator, "layers", [generator])[0]


def outputs(generator, ws):
    planes = generator.planes(ws)
    out = generator.render(planes, ws, LABELS)
    points = torch.rand(1, 200, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    volume = generator.render_volume(planes, LABELS)
    return [
        out.image, out.image_raw, out.image_depth, out.image_weights, volume.features,
        *generator.field(planes, points), *generator.colors(planes, points),
        generator.density(planes, points),
    ]  # fmt: skip


def equal(first, second, ws):
    pairs = zip(outputs(first, ws), outputs(second, ws), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("white_back", [False, True])
def test_an_empty_region_is_the_base_and_a_whole_one_the_edit_bit_for_bit(white_back):
    generator = tiny_generator()
    settings = generator.config.rendering.replace(white_back=white_back)
    object.__setattr__(generator.config, "rendering", settings)
    ws, edited = sample_portrait(generator, 3).ws, edit(generator)
    assert not equal(generator, edited, ws)
    assert equal(edit(generator, whole(0)), generator, ws)
    assert equal(edit(generator, whole(1)), edited, ws)
    blended = itp.blend(generator, [edited], region=whole(1))
    assert equal(blended, edited, ws)
    assert equal(itp.blend(generator, [edited], region=whole(0)), generator, ws)


def test_rays_that_pass_the_region_by_are_the_base_s_bit_for_bit(base):
    ws, made, edited = sample_portrait(base, 3).ws, edit(base, half()), edit(base)
    front = cameras.front()
    first, mixed, second = (one.render(one.planes(ws), ws, front) for one in (base, made, edited))
    raw = slice(0, 3)  # of 8 pixels; the fourth reads the soft edge
    assert torch.equal(mixed.image_raw[..., raw], first.image_raw[..., raw])
    assert not torch.equal(mixed.image_raw[..., 5:], first.image_raw[..., 5:])
    assert torch.allclose(mixed.image_raw[..., 5:], second.image_raw[..., 5:], atol=1e-6)
    assert torch.equal(mixed.image_depth[..., raw], first.image_depth[..., raw])


def test_densities_mix_by_their_weight_and_colours_by_the_light_they_stop():
    sigma = [torch.tensor([[[-200.0], [30.0]]]), torch.tensor([[[40.0], [10.0]]])]
    weights = torch.tensor([0.75, 0.25]).reshape(2, 1, 1, 1).expand(2, 1, 2, 1)
    mixed, shares = mix_densities(weights, sigma)
    density = [torch.nn.functional.softplus(s - 1) for s in sigma]
    wanted = 0.75 * density[0] + 0.25 * density[1]
    assert torch.allclose(torch.nn.functional.softplus(mixed - 1), wanted, rtol=1e-5)
    assert torch.allclose(shares.sum(dim=0), torch.ones(1, 2, 1))
    assert float(shares[1, 0, 0]) > 0.999  # what is empty lends no colour
    assert torch.allclose(shares[1, 0, 1], 0.25 * density[1][0, 1] / wanted[0, 1], atol=1e-5)


def test_a_composite_is_a_file_with_a_mesh_and_all_views(base, tmp_path):
    ws, made = sample_portrait(base, 3).ws, edit(base, half())
    path = itp.save_generator(made, tmp_path / "region.safetensors", made.lineage)
    again = itp.load_generator(path)
    assert isinstance(again, RegionGenerator) and same_weights(again, made) and again.config == made.config
    assert equal(again, made, ws) and again.lineage["region"] == half().sha256
    config = MeshConfig(resolution=32, level=-1.0)
    meshes = [extract_mesh(one, ws, config) for one in (again, made)]
    assert torch.equal(meshes[0].vertices, meshes[1].vertices)
    half_precision = itp.load_generator(path, half=True)
    assert all(layer.superresolution.half for layer in half_precision.layers)


def test_edits_of_two_regions_stack_and_generators_drawn_nowhere_are_left_out(base):
    left = itp.Region(half().weights.flip(2), 1.0)
    one = edit(base, half())
    both = edit(one, left, strength=-1.0)
    assert len(one.layers) == 2 and len(both.layers) == 3
    ws, front = sample_portrait(base, 3).ws, cameras.front()
    raw = [g.render(g.planes(ws), ws, front).image_raw for g in (both, one, edit(base, strength=-1.0))]
    assert torch.allclose(raw[0][..., 6:], raw[1][..., 6:], atol=1e-6)
    assert torch.allclose(raw[0][..., :2], raw[2][..., :2], atol=1e-5)
    again = edit(one, half(), strength=-1.0)  # in the same place: there and back
    assert len(again.layers) <= 4
    back = again.render(again.planes(ws), ws, front).image_raw
    start = base.render(base.planes(ws), ws, front).image_raw
    assert torch.allclose(back[..., 6:], start[..., 6:], atol=1e-4)


def test_a_composite_is_edited_with_its_base_and_trained_like_any_generator(base):
    one = edit(base, half())
    people = [sample_portrait(base, seed) for seed in (4, 5)]
    config = itp.EditConfig(disentangle=0.0)
    more = itp.edit_portrait(one, config=config, before=people[0], after=people[1], base=base)
    for old, new in zip(one.layers, more.layers, strict=True):
        alone = itp.edit_portrait(old, config=config, before=people[0], after=people[1])
        for (name, value), (_, wanted) in zip(new.named_parameters(), alone.named_parameters(), strict=True):
            assert torch.allclose(value, wanted, atol=1e-5), name
    style = itp.stylize(one, tiny_portrait(base), itp.APTConfig(steps=1), perceptual=tiny_perceptual())
    assert isinstance(style, RegionGenerator) and torch.equal(style.weights, one.weights)
    assert not any(same_weights(a, b) for a, b in zip(one.layers, style.layers, strict=True))
    assert same_weights(itp.blend(one, [style]), style)


def test_the_text_of_a_coupled_run_stays_inside(base):
    config = itp.ITEConfig(steps=2, batch=1, views=1, mode="text_only")
    given = {"clip": tiny_clip(), "config": config}
    free = itp.couple(base, None, "a hat", **given).target
    ws = sample_portrait(base, 3).ws
    assert equal(itp.couple(base, None, "a hat", region=whole(1), **given).target, free, ws)
    assert equal(itp.couple(base, None, "a hat", region=whole(0), **given).target, base, ws)
    coupled = itp.ITEConfig(steps=2, batch=1, views=1, warmup=0)
    made = itp.couple(
        base,
        tiny_portrait(base),
        "a hat",
        tiny_clip(),
        coupled,
        perceptual=tiny_perceptual(),
        region=whole(0),
    )
    assert equal(made.target, made.style, ws)


def test_regions_join_and_wrong_ones_are_refused(base):
    right, left = half(), itp.Region(half().weights.flip(2), 1.0)
    assert torch.equal(right.joined(left).weights, whole(1).weights)
    assert torch.equal(right.common(left).weights, whole(0).weights)
    assert torch.equal(whole(1).without(right).weights, left.weights)
    assert torch.equal(right.joined(itp.Region(torch.zeros(4, 4, 4), 1.0)).weights, right.weights)
    with pytest.raises(ITPortraitError, match="lift both with one generator"):
        right.joined(whole(1, box=2.0))
    with pytest.raises(ITPortraitError, match="cube"):
        itp.Region(torch.zeros(2, 3, 3), 1.0)
    with pytest.raises(ITPortraitError, match="0 to 1"):
        whole(2)
    with pytest.raises(ITPortraitError, match="lift the mask with this generator"):
        edit(base, whole(1, box=2.0))
    with pytest.raises(ITPortraitError, match="restrict the result"):
        itp.blend(base, [edit(base, half())])
    with pytest.raises(ITPortraitError, match="use fewer regions"):
        RegionConfig(layers=9)
    with pytest.raises(ITPortraitError, match="no composite"):
        _ = RegionConfig(kind="region").layer


class Head(ToyHead):
    """The formula also where depth alone is asked for."""

    def _noisy_field(self, planes, points, rng, colors=True):
        features, sigma = self.field(planes, points)
        return features if colors else features[..., :0], sigma


@pytest.fixture(scope="module")
def head():
    return Head(), Portrait(toy_ws(), cameras.front(), torch.zeros(1, 3, 16, 16))


def nose_masks(toy, labels):
    """[V, 1, R, R]: pixels that see the nose, the tip of it beyond the egg."""
    masks = []
    for label in labels.split(1):
        volume = toy.render_volume(toy.planes(toy_ws()), label, colors=False)
        origins, directions = make_rays(*split_label(label), volume.image_depth.shape[-1])
        points = origins + directions * volume.image_depth.reshape(1, -1, 1)
        near = (points - points.new_tensor(NOSE[0])).norm(dim=-1) < NOSE[1] + 0.01
        masks.append((near.reshape(volume.image_weights.shape) & (volume.image_weights > 0.5)).float())
    return torch.cat(masks)


def overlap(first, second):
    first, second = first > 0.5, second > 0.5
    return float((first & second).sum() / (first | second).sum())


def test_a_mask_from_the_side_lands_on_the_nose_in_every_view(head):
    toy, person = head
    side = cameras.orbit(40.0)
    region = itp.lift_region(toy, person, nose_masks(toy, side), side, itp.LiftConfig(grid=64))
    points = torch.tensor([[[0.0, -0.02, 0.40], [0.28, 0.0, 0.0], [0.0, 0.25, 0.2], [0.0, -0.02, -0.3]]])
    tip, *others = region.at(points)[0, :, 0].tolist()
    assert tip > 0.9 and others == [0.0, 0.0, 0.0]
    views = cameras.orbit([0.0, 30.0, 45.0])
    assert overlap(itp.region_masks(toy, toy_ws(), region, views), nose_masks(toy, views)) > 0.7
    two = cameras.orbit([40.0, -40.0])
    both = itp.lift_region(toy, person, nose_masks(toy, two)[:, 0], two, itp.LiftConfig(grid=64))
    views = cameras.orbit([-30.0, 0.0, 20.0])
    assert overlap(itp.region_masks(toy, toy_ws(), both, views), nose_masks(toy, views)) > 0.8


def test_a_mask_beyond_the_head_goes_on_at_its_depth_and_thickness_decides_how_deep(head):
    toy, person = head
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, 24:40, 50:] = 1.0  # from the cheek to beyond the head
    points = torch.tensor([[[0.29, 0.0, 0.06], [0.2, 0.0, 0.2], [0.2, 0.0, -0.15]]])
    thin = itp.lift_region(toy, person, mask, config=itp.LiftConfig(grid=48))
    beyond, on, behind = thin.at(points)[0, :, 0].tolist()
    assert beyond > 0.9 and on > 0.9 and behind == 0.0
    deep = itp.lift_region(toy, person, mask, config=itp.LiftConfig(grid=48, behind=2.0))
    assert float(deep.at(points).min()) > 0.9


def test_masks_that_mean_nothing_are_refused(head):
    toy, person = head
    wrong = {
        "is empty": torch.zeros(1, 16, 16),
        "on no render": torch.ones(1, 16, 12),
    }
    for message, mask in wrong.items():
        with pytest.raises(ITPortraitError, match=message):
            itp.lift_region(toy, person, mask)
    with pytest.raises(ITPortraitError, match="3 masks and 2 cameras"):
        itp.lift_region(toy, person, torch.ones(3, 16, 16), cameras.orbit([0.0, 10.0]))
    corner = torch.zeros(1, 16, 16)
    corner[:, :1, :1] = 1.0
    with pytest.raises(ITPortraitError, match="meets no head"):
        itp.lift_region(toy, person, corner, config=itp.LiftConfig(front=0.0, behind=0.0))
    with pytest.raises(ITPortraitError, match="no head in the picture"):
        away = cameras.orbit(0.0, pivot=(2.0, 0.0, 0.2))
        itp.lift_region(toy, person, torch.ones(1, 16, 16), away)

"""Several pictures of one person: a batch or joined alignments at the inversion, all in the tuning."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from harness.graph import Graph, Node

POINTS = torch.tensor([[40.0, 50.0], [60.0, 50.0], [50.0, 62.0], [42.0, 72.0], [58.0, 72.0]]).double()


@pytest.fixture(scope="module")
def part(pack: ModuleType) -> Callable[[str], Any]:
    return lambda name: importlib.import_module(f"{pack.__name__}.{name}")


@pytest.fixture
def handles(part) -> list[Any]:
    """Alignments of three pictures."""
    rng = torch.Generator().manual_seed(0)
    kind = part("nodes.alignments").AlignmentHandle
    return [kind(torch.rand(1, 3, 100, 100, generator=rng) * 2 - 1, POINTS, True, 64) for _ in range(3)]


def test_alignments_join_in_a_chain(part, handles) -> None:
    """Align Portrait puts its picture before the others; every picture counts in the memory."""
    align, images = part("nodes.align").Align, [(one.picture.movedim(1, -1) + 1) / 2 for one in handles]
    text = " ".join(f"{(x + 0.5) / 100},{(y + 0.5) / 100}" for x, y in POINTS.tolist())
    given = {"points": text, "face": 0, "level": True, "size": 64}
    align.hidden = None
    chain = None
    for image in images[::-1]:
        chain = align.execute(image=image, others=chain, **given).args[1]
    assert [
        torch.allclose(one.picture, two.picture, atol=1e-5)
        for one, two in zip(chain.joined, handles, strict=True)
    ]
    assert len(chain.joined) == 3 and chain.get_ram_usage() == 3 * handles[0].get_ram_usage()


def test_the_frames_of_all_pictures_follow_the_prior(part, handles) -> None:
    """Imported photo networks get the wider cuts too; the embedded ones the generator's cut alone."""
    invert = part("nodes.invert")
    first = type(handles[0])(handles[0].picture, POINTS, True, 64, tuple(handles[1:]))
    picture = torch.zeros(1, 3, 64, 64)
    wide = invert._pictures(picture, [], first, "ffhq", "twin")
    assert len(wide) == 3 and all(one.photo_frame is not None and one.realign for one in wide)
    own = invert._pictures(picture, [], first, "eg3d", "twin")
    assert len(own) == 3 and all(one.photo_frame is None for one in own)
    assert torch.equal(own[0].image, picture) and torch.equal(own[2].image, handles[2].aligned().image)


def test_others_come_one_way(part, handles) -> None:
    invert = part("nodes.invert")
    joined = type(handles[0])(handles[0].picture, POINTS, True, 64, tuple(handles[1:]))
    batch = [torch.zeros(1, 3, 64, 64)]
    assert len(invert._pictures(batch[0], batch, handles[0], "ffhq", "twin")) == 2
    with pytest.raises(
        part("itportrait_core.errors").ITPortraitError, match="1 more pictures come at 'others' and 2"
    ):
        invert._pictures(batch[0], batch, joined, "ffhq", "twin")


@pytest.fixture(scope="module")
def made(part) -> tuple[Any, Any]:
    """The base, and what a short inversion of two pictures gives."""
    base = part("nodes.sockets").GeneratorHandle.read(
        part("itportrait_core.checkpoints.embedded").path("generator")
    )
    prior = part("itportrait_core.methods.inversion.photo_prior").load_photo_prior()
    held = part("nodes.sockets").PriorHandle(
        prior, tuple(part("nodes.runtime").patcher(n) for n in prior.networks())
    )
    return base, invert(part, base, held, 2)


def invert(part: Any, base: Any, prior: Any, count: int, **changes: Any) -> Any:
    pictures = torch.rand(count, 128, 128, 3, generator=torch.Generator().manual_seed(1))
    given = {"pose_init": "frontal", "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "steps": 1, "seed": 2, **changes}
    node = part("nodes.invert").Inversion
    return node.execute(
        generator=base, photo_prior=prior, image=pictures[:1], others=pictures[1:] if count > 1 else None,
        space="W+", lpips=1.0, identity=0.1, depth=1.0, **given,
    )  # fmt: skip


def test_the_inversion_takes_a_batch_of_others(part, made) -> None:
    handle, reconstruction, _, report = made[1].args
    assert handle.portrait.cameras.shape == (2, 25) and reconstruction.shape == (2, 128, 128, 3)
    assert report.count('"first_yaw"') == 3
    first = type(handle)(part("itportrait_core").Portrait(*handle.portrait.hashed[:3]))
    assert first.sha256 != handle.sha256 and first.get_ram_usage() < handle.get_ram_usage()


def test_tuning_is_of_all_pictures(part, made, monkeypatch: pytest.MonkeyPatch) -> None:
    base, out = made
    itp, handle, portraits = part("itportrait_core"), out.args[0], []
    tune = itp.pivotal_tune
    monkeypatch.setattr(
        itp,
        "pivotal_tune",
        lambda model, person, *more, **points: (
            portraits.append(person) or tune(model, person, *more, **points)
        ),
    )
    part("nodes.tune").PivotalTuning.execute(
        generator=base, portrait=handle, steps=1, lpips_stop=0.06, lr=0.0003, depth=1.0, seed=2
    )
    assert portraits[0].images.shape[0] == 2


def test_a_saved_portrait_brings_all_pictures_back(part, made, output) -> None:
    portraits = part("nodes.portraits")
    handle = made[1].args[0]
    path = output / "several.safetensors"
    handle.portrait.save(path)
    again = portraits.sockets.PortraitHandle(part("itportrait_core").Portrait.load(path))
    assert again.sha256 == handle.sha256


@pytest.mark.parametrize("count", [2, 8])
def test_poses_by_hand_and_too_many_are_refused_in_words(part, made, count) -> None:
    base, prior = made[0], None
    error = part("itportrait_core.errors").ITPortraitError
    loaded = part("itportrait_core.methods.inversion.photo_prior").load_photo_prior()
    prior = part("nodes.sockets").PriorHandle(loaded, ())
    with pytest.raises(error, match="are of one picture" if count == 2 else "9 pictures of one person"):
        invert(part, base, prior, 2 if count == 2 else 9, pose_init="user" if count == 2 else "frontal")


@pytest.fixture
def graph(nodes: dict[str, Any]) -> Graph:
    """An empty graph of our nodes and one of the core's."""
    size = {"input": {"required": {"batch_size": ["INT", {"default": 1}]}}}
    return Graph({**nodes, "EmptyImage": size})


@pytest.mark.parametrize(
    ("batch", "pose", "words"),
    [
        (7, "twin", ""),
        (8, "twin", "9 pictures of one person; give 1 to 8."),
        (2, "user", "are of one picture"),
    ],
)
def test_a_queue_is_refused_before_it_runs(
    pack: ModuleType, graph: Graph, batch: int, pose: str, words: str
) -> None:
    others = graph.add("EmptyImage", batch_size=batch)
    node: Node = graph.add("Inversion", image=graph.add("EmptyImage"), others=others, pose_init=pose)
    pack.nodes.queued.remember({"prompt": graph.prompt})
    said = pack.nodes.queued.objection(pack.nodes.invert.Inversion, node.id)
    assert (words in said) if words else said == ""

"""The one writer: whole files or none, names that nobody else gets, drafts that do not stay."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from harness.environment import ROOT

from itportrait_core.checkpoints import atomic, sweeping
from itportrait_core.errors import ITPortraitError

SAVER = """
import sys
from pathlib import Path
from itportrait_core.checkpoints import atomic, sweeping
for number in range(int(sys.argv[2])):
    with atomic.reserved(Path(sys.argv[1]), "x", ".bin") as place:
        place.draft.write_bytes(f"{sys.argv[3]} {number}".encode() * 1000)
    print(place.path.name)
"""
HOLDER = """
import sys, time
from pathlib import Path
from itportrait_core.checkpoints import atomic, sweeping
with atomic.reserved(Path(sys.argv[1]), "x", ".bin") as place:
    place.draft.write_bytes(b"half")
    print("held", flush=True)
    time.sleep(60)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_processes_that_save_under_one_name_lose_nothing(tmp_path: Path) -> None:
    """Every save of three processes at once is there, under a name of its own, whole."""
    saves = [start(SAVER, tmp_path, 60, word) for word in ("one", "two", "three")]
    names = [name for process in saves for name in process.communicate(timeout=120)[0].split()]
    assert len(names) == len(set(names)) == 180
    contents = Counter((tmp_path / name).read_bytes() for name in names)
    assert contents == {
        f"{word} {n}".encode() * 1000: 1 for word in ("one", "two", "three") for n in range(60)
    }
    assert sorted(names) == sorted(os.listdir(tmp_path))


def test_a_killed_save_leaves_a_draft_that_is_swept_when_nobody_holds_it(tmp_path: Path) -> None:
    """A living process's draft stays, however old; a dead one's goes, but not on its first day."""
    process = start(HOLDER, tmp_path)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    (draft,) = tmp_path.iterdir()
    assert draft.name.endswith(atomic.DRAFT) and draft.name.startswith(".")
    old = time.time() - 2 * sweeping.STALE_SECONDS
    os.utime(draft, (old, old))
    if os.name != "nt":
        assert sweeping.sweep(tmp_path) == 0
    process.kill()
    process.wait()
    os.utime(draft)
    assert sweeping.sweep(tmp_path) == 0
    os.utime(draft, (old, old))
    (tmp_path / "x_00001.bin").write_bytes(b"a result")
    assert sweeping.sweep(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x_00001.bin"]


def test_drafts_of_the_first_version_are_swept_too(tmp_path: Path) -> None:
    names = [f".{'ab' * 16}.safetensors", f".x.safetensors.{'cd' * 16}.part", ".x_00001.png.part"]
    for name in (*names, ".hidden.safetensors", "x.part"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    assert sweeping.sweep(tmp_path) == 0  # in a folder of the user's they may be somebody else's
    assert sweeping.sweep(tmp_path, earlier=True) == 3
    assert sorted(os.listdir(tmp_path)) == [".hidden.safetensors", "x.part"]


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_drafts_behind_a_linked_folder_are_swept(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    draft = drive / f".x_00001.png{atomic.DRAFT}"
    draft.touch()
    os.utime(draft, (0, 0))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "more").symlink_to(drive)
    (drive / "loop").symlink_to(tmp_path / "results")
    assert sweeping.sweep(tmp_path / "results") == 1
    assert not draft.exists()


@pytest.mark.parametrize("in_the_way", ["folder", "link to nowhere", "pipe"])
@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_what_is_no_file_and_stands_in_the_way_is_set_aside(tmp_path: Path, in_the_way: str) -> None:
    """An hour's run must not be dropped because its name is taken by something that nobody can read."""
    path = tmp_path / "run.bin"
    if in_the_way == "folder":
        path.mkdir()
    elif in_the_way == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    with atomic.creating(path) as draft:
        draft.write_bytes(b"result")
    assert path.read_bytes() == b"result"
    assert sorted(other.suffix for other in tmp_path.iterdir()) == [".bin", ".damaged"]


def test_a_name_that_is_being_written_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listdir", lambda folder: [])  # both have looked before either has written
    with atomic.reserved(tmp_path, "x", ".bin") as one, atomic.reserved(tmp_path, "x", ".bin") as two:
        assert one.draft != two.draft and one.path != two.path
        one.draft.write_bytes(b"one")
        two.draft.write_bytes(b"two")
    assert (one.path.read_bytes(), two.path.read_bytes()) == (b"one", b"two")


def test_what_another_program_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with atomic.reserved(tmp_path, "x", ".bin") as place:
        place.draft.write_bytes(b"ours")
        place.path.write_bytes(b"theirs")
    assert (tmp_path / "x_00001.bin").read_bytes() == b"theirs"
    assert place.path.name == "x_00002.bin" and place.path.read_bytes() == b"ours"


def test_equal_names_of_equal_contents_keep_the_first(tmp_path: Path) -> None:
    with atomic.creating(tmp_path / "run.bin") as first, atomic.creating(tmp_path / "run.bin") as second:
        assert first != second
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert (tmp_path / "run.bin").read_bytes() == b"2"  # the inner block ended first
    assert os.listdir(tmp_path) == ["run.bin"]


def test_file_systems_without_hard_links_do_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for content in (b"1", b"2"):
        with atomic.reserved(tmp_path, "x", ".bin", plain=True) as place:
            place.draft.write_bytes(content)
    assert (tmp_path / "x.bin").read_bytes() == b"1" and (tmp_path / "x_00001.bin").read_bytes() == b"2"
    with atomic.creating(tmp_path / "x.bin") as draft:
        draft.write_bytes(b"3")
    assert (tmp_path / "x.bin").read_bytes() == b"1" and len(os.listdir(tmp_path)) == 2


def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    said = r"x_00001\.bin' cannot be written \(No space left"
    reserved = atomic.reserved(tmp_path, "x", ".bin")
    with pytest.raises(ITPortraitError, match=said) as caught, reserved as place:
        place.draft.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(place.draft))
    assert atomic.DRAFT not in str(caught.value) and not os.listdir(tmp_path)


def test_files_reach_the_disk_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves the old or the new: the draft is synchronised, then named, then its folder is."""
    order: list[str] = []
    for name in ("fsync", "replace", "link"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (order.append(name), real(*a))[1])
    with atomic.replacing(tmp_path / "x.bin") as draft:
        draft.write_bytes(b"new")
    with atomic.reserved(tmp_path, "x", ".bin") as place:
        place.draft.write_bytes(b"new")
    folder = [] if os.name == "nt" else ["fsync"]
    assert order == ["fsync", "replace", *folder, "fsync", "link", *folder]


def test_a_rewritten_draft_stays_held(tmp_path: Path) -> None:
    """Notes that are attached to a draft rewrite it; the lock and the reservation go on."""
    with atomic.reserved(tmp_path, "x", ".bin") as place:
        for content in (b"weights", b"weights and notes"):
            with atomic.replacing(place.draft) as inner:
                inner.write_bytes(content)
        os.utime(place.draft, (0, 0))
        if os.name != "nt":
            assert sweeping.sweep(tmp_path) == 0
        assert os.listdir(tmp_path) == [place.draft.name]
    assert place.path.read_bytes() == b"weights and notes" and len(os.listdir(tmp_path)) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ITPortraitError, match="Permission denied"), atomic.reserved(tmp_path, "x", ".bin"):
        pass

"""What others leave in the folder of shared memory keeps nobody from the topics there."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podring import CorruptRing, segment
from podring.topic import TopicSpec

SPEC = TopicSpec("64Ki", 1024)
FOLDER = Path("/dev/shm")


@pytest.fixture
def owner() -> Iterator[str]:
    made = f"t{uuid.uuid4().hex[:8]}"
    yield made
    for left in FOLDER.glob(f"podring.{made}.*"):
        left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()


def link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def nothing(path: Path) -> None:
    path.touch()


THINGS = (Path.mkdir, os.mkfifo, link, listen, nothing)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("half", ["ring", "roster", "both"])
def test_topics_are_found_beside_what_is_none(
    owner: str, thing: Callable[[Path], None], half: str
) -> None:
    record = segment.create("t", SPEC, owner=owner)
    strange = f"podring.{owner}.1.strange"
    for each in ("ring", "roster"):
        if half in (each, "both"):
            thing(FOLDER / f"{strange}.{each}")
        else:
            segment_half = FOLDER / f"{record.segment}.{each}"
            (FOLDER / f"{strange}.{each}").write_bytes(segment_half.read_bytes())
    found = {each.segment: each.record for each in segment.scan(owner)}
    assert found.pop(record.segment) == record
    assert set(found.values()) <= {None}
    for name in found:
        try:
            segment.remove(name)
        except PermissionError as error:
            assert "directory" in str(error)  # noqa: PT017
    assert segment.remove(record.segment)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("thing", THINGS[:4])
def test_something_else_in_the_place_of_the_lock_is_named(
    owner: str, thing: Callable[[Path], None]
) -> None:
    path = FOLDER / f"podring.{owner}.lock"
    thing(path)
    with (
        pytest.raises(CorruptRing, match=f"^{path} is no shared memory, but something else"),
        segment.owner_lock(owner, timeout_s=1),
    ):
        pass

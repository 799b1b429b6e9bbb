"""Who declared a topic: kept in the segment itself, so that no lost catalogue forgets it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring import segment
from podring.errors import InvalidTopic, OtherOrigin, TopicNotFound
from podring.local import LocalBroker
from podring.topic import TopicRecord, TopicSpec, check_origin

ORIGIN = "sharedmemory/default/prices/3f0c1d5e"
SPEC = TopicSpec("64Ki", 1024)


@pytest.fixture
def owner() -> Iterator[str]:
    made = f"t{uuid.uuid4().hex[:8]}"
    yield made
    segment.remove_owner(made)


@pytest.mark.parametrize("origin", ["", ORIGIN, "x" * 253])
def test_a_segment_keeps_the_origin_that_it_was_made_with(owner: str, origin: str) -> None:
    record = segment.create("t", SPEC, owner=owner, origin=origin)
    assert record.origin == origin
    assert [found.record for found in segment.scan(owner)] == [record]


@pytest.mark.parametrize("damage", [b"a b", b"\xff", b"x" * 256], ids=["space", "bytes", "endless"])
def test_an_origin_that_cannot_be_counts_as_none_and_the_topic_lives(
    owner: str, damage: bytes
) -> None:
    record = segment.create("t", SPEC, owner=owner, origin=ORIGIN)
    with Path(f"/dev/shm/{record.segment}.ring").open("r+b") as ring:
        ring.seek(1024)
        ring.write(damage.ljust(len(ORIGIN), b"\0"))
    [found] = segment.scan(owner)
    assert found.record is not None
    assert (found.record.name, found.record.origin) == ("t", "")


@pytest.mark.parametrize("origin", ["a b", "a\n", "ä", "\0", "x" * 254, None, 7])
def test_an_origin_is_at_most_253_printable_ascii_characters(owner: str, origin: object) -> None:
    with pytest.raises(InvalidTopic, match="origin") as refused:
        check_origin(origin)
    assert refused.value.field == "origin"
    with pytest.raises(InvalidTopic, match="origin"):
        segment.create("t", SPEC, owner=owner, origin=origin)  # type: ignore[arg-type]
    assert list(segment.scan(owner)) == []


def test_a_record_of_an_older_release_has_no_origin() -> None:
    record = TopicRecord("t", SPEC, 65536, 1, "podring.o.1.t", ORIGIN)
    assert TopicRecord.from_json(record.to_json()) == record
    older = record.to_json()
    del older["origin"]
    assert TopicRecord.from_json(older).origin == ""


def test_without_a_broker_a_topic_is_deleted_for_its_own_origin_only(name: str) -> None:
    local = LocalBroker()
    made = local.create(name, SPEC, ORIGIN)
    assert (made.origin, local.create(name, SPEC, "other"), local.get(name)) == (ORIGIN, made, made)
    for origin in ("other", ""):
        with pytest.raises(OtherOrigin, match=f"declared by '{ORIGIN}'"):
            local.delete(name, origin)
    local.delete(name, ORIGIN)
    with pytest.raises(TopicNotFound):
        local.get(name)

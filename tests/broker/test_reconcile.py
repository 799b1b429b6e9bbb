"""The table in podring_broker.reconcile, line by line."""

from dataclasses import replace
from typing import Any

import pytest

from podring.segment import Found
from podring.topic import TopicRecord, TopicSpec
from podring_broker.reconcile import Plan, plan

SPEC = TopicSpec(65536, 1024)
OLD = TopicRecord("t", SPEC, 65536, 1, "podring.o.1.t")
NEW = replace(OLD, generation=2, segment="podring.o.2.t")
RESIZED = replace(NEW, spec=TopicSpec(131072, 1024), capacity=131072)


def whole(record: TopicRecord) -> Found:
    return Found(record.segment, record, deleted=False)


def decide(
    *found: Found, records: list[TopicRecord] | None, used: tuple[TopicRecord, ...] = ()
) -> Plan:
    segments = {record.segment for record in used}
    by_name = None if records is None else {record.name: record for record in records}
    return plan(found, by_name, lambda segment: segment in segments)


def test_nothing_anywhere_is_nothing_to_do() -> None:
    assert decide(records=[]) == decide(records=None) == Plan()


@pytest.mark.parametrize("records", [None, [], [OLD]])
def test_half_made_is_removed(records: list[TopicRecord] | None) -> None:
    done = decide(Found("podring.o.9.t", None, deleted=False), records=records)
    assert done.remove == [("podring.o.9.t", "half made")]
    assert not done.adopt


def test_an_interrupted_deletion_is_finished_and_not_made_again() -> None:
    done = decide(Found(OLD.segment, OLD, deleted=True), records=[OLD])
    assert done == Plan(finish=[OLD])


def test_a_recorded_segment_is_adopted_as_it_is() -> None:
    assert decide(whole(OLD), records=[OLD]) == Plan(adopt=[OLD])


@pytest.mark.parametrize(
    "told", [{"origin": "me"}, {"spec": TopicSpec(1 << 40 >> 4, 1024)}], ids=["origin", "size"]
)
def test_what_a_publisher_wrote_into_a_segments_header_does_not_overrule_the_record(
    told: dict[str, Any],
) -> None:
    recorded = replace(OLD, origin="sharedmemory/a")
    assert decide(whole(replace(OLD, **told)), records=[recorded]) == Plan(adopt=[recorded])


def test_when_the_catalogue_was_lost_the_segment_tells_who_declared_the_topic() -> None:
    declared = replace(OLD, origin="sharedmemory/a")
    assert decide(whole(declared), records=None) == Plan(adopt=[declared], record=[declared])


def test_a_segment_that_nobody_knows_or_uses_is_an_orphan() -> None:
    assert decide(whole(OLD), records=[]) == Plan(remove=[(OLD.segment, "orphan")])


def test_a_segment_that_nobody_knows_but_somebody_uses_is_recorded_again() -> None:
    assert decide(whole(OLD), records=[], used=(OLD,)) == Plan(adopt=[OLD], record=[OLD])


def test_when_the_catalogue_was_lost_the_segments_count() -> None:
    assert decide(whole(OLD), records=None) == Plan(adopt=[OLD], record=[OLD])


def test_a_record_without_a_segment_is_made_again() -> None:
    assert decide(records=[OLD]) == Plan(recreate=[OLD])


def test_a_topic_made_again_whose_record_was_not_reached_any_more_is_adopted() -> None:
    assert decide(whole(NEW), records=[OLD]) == Plan(adopt=[NEW], record=[NEW])


def test_an_unused_segment_of_other_sizes_than_recorded_gives_way() -> None:
    done = decide(whole(RESIZED), records=[OLD])
    assert done == Plan(remove=[(RESIZED.segment, "orphan")], recreate=[OLD])


def test_of_two_generations_the_recorded_one_stays() -> None:
    done = decide(whole(OLD), whole(NEW), records=[OLD], used=(NEW,))
    assert done == Plan(adopt=[OLD], remove=[(NEW.segment, "orphan")])


def test_of_two_unrecorded_generations_the_newest_in_use_stays() -> None:
    done = decide(whole(OLD), whole(NEW), records=None, used=(OLD,))
    assert done == Plan(adopt=[OLD], record=[OLD], remove=[(NEW.segment, "orphan")])
    assert decide(whole(OLD), whole(NEW), records=None).adopt == [NEW]

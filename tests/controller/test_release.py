"""When a resource may go: the table in podring_controller.release, line by line."""

from __future__ import annotations

import pytest

from podring.topic import TopicRecord
from podring_controller.cluster import Endpoint, Node
from podring_controller.desired import Desired, Wanted
from podring_controller.lane import Failure, Lane
from podring_controller.release import release
from tests.controller.making import SPEC, declared, made_for, nodes, record

NOW, GRACE_S = 1000.0, 60.0
READY = nodes("n1")
OTHERS = Wanted("t", SPEC, made_for("u2").origin, "u2")
MINE = Wanted("t", SPEC, made_for("u1").origin, "u1")


def lane(*seen: TopicRecord, **state: object) -> Lane:
    made = Lane(Endpoint("n1", "http://127.0.0.1:1", "pod"))
    made.seen, made.stale = {each.name: each for each in seen}, False
    for name, value in state.items():
        setattr(made, name, value)
    return made


def judge(
    *lanes: Lane, nodes: dict[str, Node] = READY, deleted_at: float = NOW - 1, **more: object
) -> tuple[list[str], list[str]]:
    resource = declared("u1", deleted_at=deleted_at, **more)  # type: ignore[arg-type]
    found = release(resource, nodes, lanes, now=NOW, grace_s=GRACE_S)
    return found.waiting, found.given_up


Verdict = tuple[list[str], list[str]]
FREE: Verdict = ([], [])
WAIT: Verdict = (["n1"], [])
GIVE_UP: Verdict = ([], ["n1"])
SILENT = {"failure": Failure("BrokerUnreachable", "no answer", 0.0), "stale": True}
LONG_AGO = NOW - GRACE_S - 1


def test_a_broker_that_has_nothing_of_it_is_free() -> None:
    assert judge(lane()) == FREE
    assert judge(lane(made_for("u2"), record("other"))) == FREE
    assert judge(lane(record("t"))) == FREE


def test_a_broker_that_still_has_it_is_waited_for_however_long_it_takes() -> None:
    assert judge(lane(made_for("u1"))) == WAIT
    assert judge(lane(made_for("u1")), deleted_at=LONG_AGO) == WAIT


@pytest.mark.parametrize(
    "state", [{"seen": None}, {"stale": True}, {"gone_at": 5.0}, SILENT], ids=str
)
def test_a_broker_that_may_have_it_is_waited_for(state: dict[str, object]) -> None:
    assert judge(lane(**state)) == WAIT


def test_a_broker_that_is_just_being_given_the_topic_is_waited_for() -> None:
    assert judge(lane(job=Desired({"n1": {"t": MINE}}))) == WAIT
    assert judge(lane(job=Desired({"n1": {"t": OTHERS}}))) == FREE


@pytest.mark.parametrize("state", [{"gone_at": 5.0}, SILENT], ids=["away", "silent"])
def test_a_broker_that_is_silent_for_longer_than_the_grace_is_given_up(
    state: dict[str, object],
) -> None:
    assert judge(lane(made_for("u1"), **state), deleted_at=NOW - GRACE_S + 1) == WAIT
    assert judge(lane(made_for("u1"), **state), deleted_at=LONG_AGO) == GIVE_UP


def test_a_node_that_was_not_ready_for_longer_than_the_grace_is_given_up_at_once() -> None:
    lost = nodes("n1", ready=False, since=LONG_AGO)
    assert judge(lane(made_for("u1"), **SILENT), nodes=lost) == GIVE_UP
    just = nodes("n1", ready=False, since=NOW - 5)
    assert judge(lane(made_for("u1"), **SILENT), nodes=just) == WAIT


def test_a_node_without_a_node_object_is_not_waited_for() -> None:
    assert judge(lane(made_for("u1")), nodes={}) == FREE


def test_a_node_that_only_the_status_speaks_of_is_waited_for_until_the_grace_is_over() -> None:
    status = {"nodes": [{"name": "n1"}, {"name": "vanished"}]}
    assert judge(status=status) == WAIT
    assert judge(status=status, deleted_at=LONG_AGO) == GIVE_UP


def test_what_is_retained_is_not_waited_for() -> None:
    assert judge(lane(made_for("u1", retain=True)), retain=True) == FREE


def test_a_resource_that_cannot_be_read_is_looked_for_under_every_name() -> None:
    assert judge(lane(made_for("u1", "elsewhere")), overflow="of-tomorrow") == WAIT
    assert judge(lane(made_for("u2", "elsewhere")), overflow="of-tomorrow") == FREE

"""What is done on one broker: the table in podring_controller.plan, line by line."""

import pytest

from podring import TopicSpec
from podring.topic import TopicRecord
from podring_controller.desired import Desired, Wanted
from podring_controller.plan import Action, Create, Delete, plan
from tests.controller.making import SPEC, made_for, record

OTHER = TopicSpec(4096, 64)
MINE = made_for("u1")
KEPT = made_for("u1", retain=True)


def wanted(uid: str = "u1", spec: TopicSpec = SPEC) -> Wanted:
    return Wanted("t", spec, made_for(uid).origin, uid)


def world(*here: Wanted, living: tuple[str, ...] = (), spared: tuple[str, ...] = ()) -> Desired:
    return Desired({"node": {each.name: each for each in here}}, set(living), set(spared))


REMOVE = Delete("t", MINE.origin)
MAKE = Create(wanted())

TABLE: list[tuple[str, list[TopicRecord], Desired, list[Action]]] = [
    ("nothing wanted, nothing there", [], world(), []),
    ("wanted and not there", [], world(wanted(), living=("u1",)), [MAKE]),
    ("wanted and there", [MINE], world(wanted(), living=("u1",)), []),
    ("there for a living resource, not wanted here", [MINE], world(living=("u1",)), [REMOVE]),
    ("retained, of a living resource, not wanted here", [KEPT], world(living=("u1",)),
     [Delete("t", KEPT.origin)]),
    ("there for a resource that cannot be read", [MINE], world(spared=("u1",)), []),
    ("there for a resource that is gone", [MINE], world(), [REMOVE]),
    ("retained, of a resource that is gone", [KEPT], world(), []),
    ("somebody else's", [record()], world(), []),
    ("somebody else's, with an origin", [record(origin="deploy/script")], world(), []),
    ("somebody else's, wanted, fits", [record()], world(wanted(), living=("u1",)), []),
    ("somebody else's, wanted, does not fit", [record(spec=OTHER)],
     world(wanted(), living=("u1",)), [MAKE]),
    ("mine, wanted, does not fit", [record(origin=MINE.origin, spec=OTHER)],
     world(wanted(), living=("u1",)), [MAKE]),
    ("retained by one that is gone, wanted by another", [KEPT],
     world(wanted("u2"), living=("u2",)), []),
    ("of one that is gone, wanted by another", [MINE], world(wanted("u2"), living=("u2",)),
     [REMOVE, Create(wanted("u2"))]),
    ("of one that lost the name, wanted by another", [MINE],
     world(wanted("u2"), living=("u1", "u2")), [REMOVE, Create(wanted("u2"))]),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "desired", "then"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_the_table(seen: list[TopicRecord], desired: Desired, then: list[Action]) -> None:
    assert plan(desired, "node", seen) == then


def test_another_nodes_topics_are_not_wanted_here() -> None:
    assert plan(world(wanted(), living=("u1",)), "elsewhere", [MINE]) == [REMOVE]


def test_deletions_come_first_because_they_make_room() -> None:
    seen = [made_for("gone", f"old.{number}") for number in range(3)]
    actions = plan(world(wanted(), living=("u1",)), "node", seen)
    assert [type(each) for each in actions] == [Delete] * 3 + [Create]

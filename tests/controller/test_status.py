"""A status says in bounded space what is where, and is the same as long as nothing changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podring_controller.colocation import Verdict
from podring_controller.news import News, news
from podring_controller.states import NodeState
from podring_controller.status import (
    NODES_MOST,
    accepted_status,
    condition,
    leaving_status,
    refused_status,
)
from tests.controller.making import declared

NOWHERE = Verdict("Unknown", "NotBothSides", "no pod")
REASONS = ["Made", "UsedAsFound", "Pending", "NoRoom", "BrokerUnreachable"]


def states(*reasons: str) -> list[NodeState]:
    return [
        NodeState(f"n{place:03}", reason, f"it is {reason}") for place, reason in enumerate(reasons)
    ]


def status(*reasons: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    return accepted_status(declared(status=before), states(*reasons), NOWHERE)


def test_all_nodes_ready_is_ready() -> None:
    found = status("Made", "Made", "Made")
    assert (found["readyNodes"], found["desiredNodes"], found["nodesReady"]) == (3, 3, "3/3")
    assert condition(found, "Ready")["status"] == "True"
    assert condition(found, "Ready")["message"] == "topic 't' is on 3 of 3 nodes"
    assert condition(found, "Accepted")["status"] == "True"


@pytest.mark.parametrize(
    ("reasons", "status_and_reason"),
    [
        ([], ("False", "NoNodes")),
        (["Made", "Pending"], ("False", "Pending")),
        (["Made", "Pending", "NoRoom"], ("False", "NoRoom")),
        (["NoRoom", "BrokerUnreachable"], ("False", "NodesFailing")),
        (["Made", "UsedAsFound"], ("True", "UsedAsFound")),
        (["UsedAsFound", "NoRoom"], ("False", "NoRoom")),
    ],
)
def test_ready_has_the_worst_reason(reasons: list[str], status_and_reason: tuple[str, str]) -> None:
    ready = condition(status(*reasons), "Ready")
    assert (ready["status"], ready["reason"]) == status_and_reason


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ({}, "no node runs a broker"),
        ({"b": "2", "a": "1"}, "no node carries the labels of spec.nodeSelector (a=1, b=2)"),
    ],
)
def test_a_topic_that_is_nowhere_says_whether_labels_or_brokers_are_missing(
    selector: dict[str, str], why: str
) -> None:
    ready = condition(accepted_status(declared(nodeSelector=selector), (), NOWHERE), "Ready")
    assert (ready["reason"], ready["message"]) == ("NoNodes", f"topic 't' is nowhere: {why}")


def test_nodes_with_the_same_trouble_are_named_together() -> None:
    message = condition(status("Made", *["NoRoom"] * 5), "Ready")["message"]
    assert message == "topic 't' is on 1 of 6 nodes; n001, n002, n003 and 2 more: it is NoRoom"


@given(st.lists(st.sampled_from(REASONS), max_size=2000))
def test_a_status_is_bounded_and_shows_failing_nodes_first(reasons: list[str]) -> None:
    found = status(*reasons)
    shown = found["nodes"]
    assert len(shown) == min(len(reasons), NODES_MOST)
    assert len(json.dumps(found)) < 8000
    assert [each["ready"] for each in shown] == sorted(each["ready"] for each in shown)
    bad = sum(reason not in ("Made", "UsedAsFound") for reason in reasons)
    assert found["readyNodes"] == len(reasons) - bad
    assert sum(not each["ready"] for each in shown) == min(bad, NODES_MOST)


@given(st.lists(st.sampled_from(REASONS), max_size=20))
def test_the_same_states_make_the_same_status(reasons: list[str]) -> None:
    first = status(*reasons)
    assert status(*reasons, before=first) == first


def test_a_transition_is_dated_when_the_status_changes_and_not_when_the_reason_does() -> None:
    old = status("NoRoom")
    for each in old["conditions"]:
        each["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    same = condition(status("BrokerUnreachable", before=old), "Ready")
    assert same["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    other = condition(status("Made", before=old), "Ready")
    assert other["lastTransitionTime"] > "2026"


def test_one_without_the_name_names_who_has_it() -> None:
    newer = declared("u2", created="2026-11-21T00:00:01Z")
    found = refused_status(newer, declared("u1"))
    accepted = condition(found, "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "TopicNameTaken")
    assert (
        "topic 't' is declared by Sharedmemory shop/name-u1, which is older" in accepted["message"]
    )
    assert condition(found, "Ready")["status"] == "False"
    assert found["nodes"] == []


def test_of_two_made_in_the_same_second_none_is_called_older() -> None:
    accepted = condition(refused_status(declared("u2"), declared("u1")), "Accepted")
    assert "Sharedmemory shop/name-u1, which is as old and has the name: it" in accepted["message"]


def test_one_that_podring_refuses_says_why() -> None:
    accepted = condition(refused_status(declared(shmsize="64Qi"), None), "Accepted")
    assert accepted["reason"] == "Invalid"
    assert accepted["message"].startswith("spec.shmsize '64Qi' is not a quantity")


def test_one_that_leaves_keeps_its_nodes_and_says_for_whom_it_waits() -> None:
    before = status("Made", "Made")
    found = leaving_status(declared(status=before, deleted_at=1.0), ["n000", "n001"])
    assert found["nodes"] == before["nodes"]
    assert condition(found, "Ready")["message"].endswith("not done yet on n000, n001")
    assert leaving_status(declared(status=found, deleted_at=1.0), ["n000", "n001"]) == found


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in news(before, after)]


def test_only_changes_are_news() -> None:
    ready, pending, full = status("Made"), status("Pending"), status("NoRoom")
    assert told({}, pending) == []
    assert told(pending, ready) == [("Normal", "TopicReady")]
    assert told(ready, ready) == []
    assert told(ready, pending) == []
    assert told(ready, full) == [("Warning", "NoRoom")]
    assert told(full, status("NoRoom", "NoRoom")) == []
    assert told(full, status("BrokerUnreachable")) == [("Warning", "BrokerUnreachable")]


def test_a_name_that_is_taken_is_told_once_and_so_is_taking_over() -> None:
    taken, ready = refused_status(declared("u2"), declared("u1")), status("Made")
    assert told({}, taken) == [("Warning", "TopicNameTaken")]
    assert told(taken, taken) == []
    assert told(taken, ready) == [("Normal", "Accepted"), ("Normal", "TopicReady")]


def test_pods_that_part_and_come_together_are_news() -> None:
    apart = accepted_status(declared(), states("Made"), Verdict("False", "DifferentNodes", "s"))
    together = accepted_status(declared(), states("Made"), Verdict("True", "SameNodes", "s"))
    assert told(status("Made"), apart) == [("Warning", "DifferentNodes")]
    assert told(apart, together) == [("Normal", "SameNodes")]
    assert told(status("Made"), together) == []
    assert news(status("Made"), apart) == [News("Warning", "DifferentNodes", "s")]

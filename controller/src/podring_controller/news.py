"""Which changes of a status are worth an event. One a change, so that nothing repeats itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podring_controller.status import condition


@dataclass(frozen=True, slots=True)
class News:
    """An event to post. kind: Normal or Warning."""

    kind: str
    reason: str
    note: str


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[News]:
    """The events that a change of status asks for, the most telling first."""
    found = [*_accepted(before, after), *_ready(before, after), *_colocated(before, after)]
    return list({each.reason: each for each in reversed(found)}.values())[::-1]


def _accepted(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[News]:
    old, new = condition(before, "Accepted"), condition(after, "Accepted")
    if new["status"] == "False" and _differs(old, new):
        yield News("Warning", new["reason"], new["message"])
    if new["status"] == "True" and old.get("status") == "False":
        yield News("Normal", "Accepted", new["message"])


def _ready(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[News]:
    old, new = condition(before, "Ready"), condition(after, "Ready")
    if new["reason"] in ("Pending", "Deleting") or not _differs(old, new):
        return
    yield News("Normal" if new["status"] == "True" else "Warning", new["reason"], new["message"])


def _colocated(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[News]:
    old, new = condition(before, "Colocated"), condition(after, "Colocated")
    if new["status"] == "False" and old.get("status") != "False":
        yield News("Warning", new["reason"], new["message"])
    if new["status"] == "True" and old.get("status") == "False":
        yield News("Normal", new["reason"], new["message"])


def _differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return (old.get("status"), old.get("reason")) != (new["status"], new["reason"])

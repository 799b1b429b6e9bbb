"""Why the broker says no: the library's errors, with the numbers that an answer carries."""

from __future__ import annotations

from collections.abc import Callable

from podring.errors import NoRoom, OtherOrigin, TopicExists, TopicNotFound
from podring.local import declared_by
from podring.topic import TopicRecord, TopicSpec

_SHOWN = 10
"""Topics that a 404 names at most."""


class UnknownTopic(TopicNotFound):
    """No such topic; `known` are some that there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        self._name, self._all = name, known
        shown = ", ".join(map(repr, known[:_SHOWN])) or "none"
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        super().__init__(f"no topic {name!r} on this broker; it knows {shown}{more}")
        self.known = known[:_SHOWN]

    def to(self, sees: Callable[[str], bool]) -> UnknownTopic:
        """The same, told to somebody who may not see every topic."""
        return UnknownTopic(self._name, [name for name in self._all if sees(name)])


class Different(TopicExists):
    """The topic is there with another spec; `field` is the first that differs."""

    def __init__(self, existing: TopicRecord, asked: TopicSpec) -> None:
        have = existing.spec
        differing = {
            "shmsize": (have.size, asked.size),
            "msgsize": (have.max_message, asked.max_message),
            "overflow": (have.overflow, asked.overflow),
            "unsubscribed": (have.unsubscribed, asked.unsubscribed),
            "lease": (have.lease, asked.lease),
        }
        self.field, (there, wanted) = next(
            (field, pair) for field, pair in differing.items() if pair[0] != pair[1]
        )
        super().__init__(
            f"topic {existing.name!r} exists with {self.field} {there}, and {wanted} was asked "
            "for; a topic cannot be changed: use it as it is, or delete it first"
        )
        self.existing = existing


class NotDeclaredBy(OtherOrigin):
    """The topic is to be deleted for somebody who did not declare it; `origin` did."""

    def __init__(self, record: TopicRecord, asked: str) -> None:
        super().__init__(declared_by(record, asked))
        self.origin = record.origin


class Refused(NoRoom):
    """There is no room now. Sizes in bytes; `free` is what a new topic may take at most."""

    def __init__(self, name: str, *, needed: int, free: int, used: int, budget: int) -> None:
        remedy = "give the broker a larger --budget (PODRING_BUDGET)"
        if free < budget - used:
            remedy = "make room in /dev/shm, which others use too and which has no more"
        super().__init__(
            f"topic {name!r} needs {needed} bytes, and {free} are free: {used} of the budget of "
            f"{budget} are in use; delete a topic, ask for less, or {remedy}"
        )
        self.needed, self.free, self.used, self.budget = needed, free, used, budget


class TooManyTopics(NoRoom):
    """There are as many topics as there may be."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(
            f"topic {name!r} would be one more than the {most} that this broker may have: delete "
            "one, or give the broker a larger --max-topics (PODRING_MAX_TOPICS)"
        )

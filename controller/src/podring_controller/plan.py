"""What to do on one broker: what it shall have against what it has.

    topic on the broker was made for          and the resource wants it    then
                                              here under this name
    a living resource                         yes                          keep
    a living resource                         no                           delete
    a living resource that we cannot read,
      or that has lost its guard              -                            keep
    one that is gone or going                 -                            delete
    one that is gone or going, retained       -                            keep
    somebody else                             any                          keep, use if it fits

    wanted, and not there or about to be deleted                           create
    wanted, and there with another spec                                    create, to hear why not

Deletions come first, because they make room. Each is by origin: the broker refuses it should the
topic be another's by then. Creating what is there is no harm. So a plan that was made from an old
look does nothing wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podring.topic import TopicRecord
from podring_controller.desired import Desired, Wanted
from podring_controller.origin import owner_in


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a topic if its origin is still this."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make a topic, or hear why not."""

    wanted: Wanted


Action = Delete | Create


def plan(desired: Desired, node: str, seen: Iterable[TopicRecord]) -> list[Action]:
    """The actions, in the order in which to take them."""
    wanted = desired.on(node)
    deletions: list[Action] = []
    settled: set[str] = set()
    for record in seen:
        if _is_doomed(record, wanted, desired):
            deletions.append(Delete(record.name, record.origin))
        elif record.name in wanted and record.spec == wanted[record.name].spec:
            settled.add(record.name)
    creations = [Create(each) for name, each in sorted(wanted.items()) if name not in settled]
    return [*deletions, *creations]


def _is_doomed(record: TopicRecord, wanted: Mapping[str, Wanted], desired: Desired) -> bool:
    owner = owner_in(record.origin)
    if owner is None or owner.uid in desired.spared:
        return False
    if owner.uid in desired.living:
        here = wanted.get(record.name)
        return here is None or here.uid != owner.uid
    return not owner.retained

"""Topics without a broker: made, found and removed in shared memory alone.

`broker="local"` is for a laptop, a test, or a single container: it answers the same calls as the
node's broker, and keeps no server, no catalogue and no state of its own. What exists is what lies
in shared memory under the owner "local".

Whoever creates or deletes holds the owner's lock meanwhile. So two processes that create the same
topic at once get the same one, two generations of a name never live side by side, and whatever is
half made when the lock is free was left by a creator that died: it is swept up before the next
creation. Looking a topic up takes no lock.

The bytes and where they lie are `segment`'s business; who may have which sizes is `topic`'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from podring import segment
from podring.errors import CorruptRing, OtherOrigin, PodringError, TopicExists, TopicNotFound
from podring.status import TopicStatus, status_of
from podring.topic import TopicRecord, TopicSpec, check_name, check_spec

OWNER = "local"
LOCK_TIMEOUT_S = 30.0
"""How long to wait for another creator, which may be zeroing many gigabytes."""
_SHOWN = 8


class LocalBroker:
    """The broker that is none: every call reads or changes shared memory itself."""

    address = "local"

    def create(self, name: str, spec: TopicSpec, origin: str = "") -> TopicRecord:
        """Make a topic, or find the one that is already there with the same spec.

        origin  who declares it; a topic that is there keeps its own
        raises  InvalidTopic; TopicExists when it is there with another spec; NoRoom;
                TimeoutError when somebody else creates for longer than LOCK_TIMEOUT_S
        cost    the kernel zeroes the topic's memory
        """
        check_name(name)
        check_spec(spec)
        with segment.owner_lock(OWNER, timeout_s=LOCK_TIMEOUT_S):
            _sweep()
            record = _find(name)
            if record is None:
                return segment.create(name, spec, owner=OWNER, origin=origin)
        if record.spec != spec:
            raise TopicExists(exists(record, spec))
        return record

    def get(self, name: str) -> TopicRecord:
        """The record of a living topic.

        raises  InvalidTopic; TopicNotFound, which names the topics that there are
        """
        record = _find(check_name(name))
        if record is None:
            raise TopicNotFound(
                not_found(name, "in this node's shared memory", (r.name for r in self.topics()))
            )
        return record

    def delete(self, name: str, origin: str | None = None) -> None:
        """Tell everybody on the topic that it is gone, and free its memory once they let go.

        origin  delete it only if this is who declared it; None: whoever did
        raises  InvalidTopic; TopicNotFound; OtherOrigin; TimeoutError as for `create`
        """
        with segment.owner_lock(OWNER, timeout_s=LOCK_TIMEOUT_S):
            record = self.get(name)
            if origin not in (None, record.origin):
                raise OtherOrigin(declared_by(record, origin))
            segment.remove(record.segment)

    def topics(self) -> list[TopicRecord]:
        """Every living topic, by name."""
        return sorted(_living(), key=lambda record: record.name)

    def live(self) -> list[tuple[TopicRecord, TopicStatus | None]]:
        """Every living topic with what it is doing right now, by name."""
        return [(record, _status(record)) for record in self.topics()]

    def status(self, name: str) -> TopicStatus:
        """What a topic is doing right now.

        raises  InvalidTopic; TopicNotFound
        """
        return status_of(self.get(name).segment)


def _status(record: TopicRecord) -> TopicStatus | None:
    """A topic's figures; None when it was deleted since it was listed, or makes no sense."""
    try:
        return status_of(record.segment)
    except (TopicNotFound, CorruptRing):
        return None


def not_found(name: str, where: str, known: Iterable[str]) -> str:
    """The sentence for a topic that is not there, with those that are: the typing error shows."""
    names = [repr(other) for other in known if other != name]  # it may have come since
    if not names:
        return f"no topic {name!r} {where}, nor any other: create it first"
    if len(names) > _SHOWN:
        names[_SHOWN:] = [f"{len(names) - _SHOWN} more"]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"no topic {name!r} {where}; it knows {listed}"


def exists(record: TopicRecord, wanted: TopicSpec) -> str:
    """The sentence for a name that is taken, with both specs."""
    return (
        f"topic {record.name!r} exists with {_fields(record.spec)}, and {_fields(wanted)} were "
        "asked for: ask for the same, or delete it first"
    )


def _fields(spec: TopicSpec) -> str:
    waiting = (
        "" if spec.overflow == "overwrite" else f" ({spec.unsubscribed}, lease {spec.lease:g})"
    )
    return f"shmsize {spec.size}, msgsize {spec.max_message}, overflow {spec.overflow!r}{waiting}"


def declared_by(record: TopicRecord, asked: str) -> str:
    """The sentence for a topic that somebody else declared than whom it is to be deleted for."""
    declarer = f"was declared by {record.origin!r}" if record.origin else "was declared by nobody"
    return (
        f"topic {record.name!r} {declarer}, and is to be deleted only if {asked!r} declared it: "
        "leave it alone, or delete it without an origin"
    )


def _living() -> list[TopicRecord]:
    return [f.record for f in segment.scan(OWNER) if f.record is not None and not f.deleted]


def _find(name: str) -> TopicRecord | None:
    """The living topic of that name; the newest, should there be more than one."""
    matching = [record for record in _living() if record.name == name]
    return matching[-1] if matching else None


def _sweep() -> None:
    """Remove what dead creators and deleters left behind. Only while holding the owner's lock."""
    for found in segment.scan(OWNER):
        if found.deleted or _half_made(found):
            # Somebody else's leftover may be protected from us, and then does no harm to us either.
            with contextlib.suppress(PermissionError):
                segment.remove(found.segment)


def _half_made(found: segment.Found) -> bool:
    """Tell a segment that was never finished from one that we only cannot read.

    The latter may be a newer podring's, or another user's, and in use.
    """
    if found.record is not None:
        return False
    try:
        segment.Segment(found.segment, write=False).close()
    except TopicNotFound:
        return True
    except (PodringError, PermissionError):
        return False
    return False

"""What can go wrong, as one short tree.

PodringError
├── InvalidTopic          a name, size or policy that no topic can have; also a ValueError
├── TopicNotFound         no such topic; also a LookupError
├── TopicExists           the name is taken by a topic with other sizes
├── OtherOrigin           the topic that is to be deleted was declared by somebody else
├── TopicClosed           the topic was deleted while this object had it open
├── NoRoom                creating it would take more memory than there is
├── TooManyParticipants   every entry of the topic's roster is taken by a living participant
├── NameTaken             a living subscriber has the name, and with it the offset
├── PublisherBusy         an exclusive publisher holds the topic, or a loan is still open
├── Full                  a `block` topic's subscribers left no room in time; also a TimeoutError
├── Evicted               a `block` topic's publishers gave this subscriber up; it may go on
├── MessageTooLong        longer than the topic's max_message; also a ValueError
├── OffsetOutOfRange      a start position that the topic has not reached; also a ValueError
├── HandleClosed          the object was closed, or belongs to the parent process; also a ValueError
├── LayoutMismatch        the segment was made by an incompatible podring
├── CorruptRing           the segment holds bytes that no publisher writes
├── NotAllowed            the broker does not know us, or we have no right; also a PermissionError
├── BrokerUnreachable     nobody answers at the broker's address; also a ConnectionError
└── BrokerRefused         the broker answered with a problem that has no class of its own

Each message says what happened, to which thing, with the numbers, and what to do. What simply
happens is no error: nothing new within a timeout is the built-in TimeoutError, Ctrl-C is
KeyboardInterrupt, and an argument of the wrong type is TypeError.
"""

from __future__ import annotations

import errno
import resource
from typing import Any

OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)
"""What the system says when this process, or the machine, has no file descriptors left."""


def out_of_files(doing: str) -> OSError:
    """The error for it, which is the built-in OSError, and says what could not be done."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return OSError(
        errno.EMFILE,
        f"no file descriptor left to {doing}: this process may have {most} open, and each open "
        "topic takes 3; close some, or raise the limit (ulimit -n)",
    )


class PodringError(Exception):
    """The root of all errors that podring raises itself."""


class InvalidTopic(PodringError, ValueError):
    """A name, size or policy that no topic can have.

    field   which one: `topicname`, `shmsize`, `msgsize`, `overflow`, `unsubscribed`, `lease`,
            `origin` or `start`
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    def __reduce__(self) -> tuple[type[InvalidTopic], tuple[str, str]]:
        return type(self), (self.field, str(self))


class TopicNotFound(PodringError, LookupError):
    """No such topic."""


class TopicExists(PodringError):
    """The name is taken by a topic with other sizes or another policy."""


class OtherOrigin(PodringError):
    """The topic that is to be deleted was declared by somebody else."""


class TopicClosed(PodringError):
    """The topic was deleted while this object had it open.

    published  how many messages of a batch are out, which had to wait in a `block` topic
    """

    published = 0


class NoRoom(PodringError):
    """Creating the topic would take more memory than there is."""


class TooManyParticipants(PodringError):
    """Every entry of the topic's roster is taken by a living participant."""


class NameTaken(PodringError):
    """A living subscriber has this name already, and an offset belongs to one at a time."""


class PublisherBusy(PodringError):
    """An exclusive publisher holds the topic, or a loan of this publisher is still open.

    published  how many messages of a batch are out, which had to wait in a `block` topic
    """

    published = 0


class Full(PodringError, TimeoutError):
    """A `block` topic had no room in time: subscribers still need what would be overwritten.

    slow       who: `name`, `process`, and its lag in `messages`, `bytes` and `seconds` (since the
               time of the message that it received last; None if it received none), slowest first;
               empty where nobody subscribes and the topic keeps what it has for whoever comes
    published  how many messages of a batch are out; the others are not
    """

    def __init__(
        self, topic: str, capacity: int, waited_s: float, slow: list[Any], published: int
    ) -> None:
        self.slow = tuple(sorted(slow, key=lambda each: each.bytes, reverse=True))
        self.published = published
        self._arguments = (topic, capacity, waited_s, slow, published)
        why = " and ".join(map(_lagging, self.slow[:_SHOWN])) if slow else _UNSUBSCRIBED
        others = f" and {len(slow) - _SHOWN} others" if len(slow) > _SHOWN else ""
        super().__init__(
            f"topic {topic!r} had no room in its {capacity} bytes for {waited_s:.3g} s: {why}"
            f"{others}; wait longer, make the topic larger, or subscribe with lossy=True where "
            "losses do not matter"
        )

    def __reduce__(self) -> tuple[type[Full], tuple[Any, ...]]:
        return type(self), self._arguments


_SHOWN = 3
_UNSUBSCRIBED = "nobody subscribes, and it keeps what it has for whoever comes"


def _lagging(slow: Any) -> str:
    """One slow subscriber, for a sentence."""
    since = "" if slow.seconds is None else f", the last one received {slow.seconds:.3g} s ago"
    return (
        f"subscriber {slow.name!r} (process {slow.process}) is behind by {slow.messages} messages "
        f"({slow.bytes} bytes){since}"
    )


class Evicted(PodringError):
    """Publishers gave this subscriber up: it had held them up for longer than the topic's lease.

    It is waited for again from now on, and the next call goes on.

    first  sequence of the message that it would have received next
    lost   how many messages are gone from there on
    """

    def __init__(self, topic: str, lease_s: float, first: int, lost: int) -> None:
        self.first, self.lost = first, lost
        self._arguments = (topic, lease_s, first, lost)
        super().__init__(
            f"publishers of topic {topic!r} waited {lease_s:g} s, the topic's lease, for this "
            f"subscriber at message {first} and then went on without it: {lost} messages are lost; "
            "receive again to go on, and be quicker, or ask for a longer lease"
        )

    def __reduce__(self) -> tuple[type[Evicted], tuple[Any, ...]]:
        return type(self), self._arguments


class MessageTooLong(PodringError, ValueError):
    """The payload is longer than the topic's max_message.

    published  how many messages of a batch are out, if the topic was made anew for shorter ones
    """

    published = 0


class OffsetOutOfRange(PodringError, ValueError):
    """A start position that the topic has not reached yet."""


class HandleClosed(PodringError, ValueError):
    """The publisher or subscriber was closed, or was opened by the parent of this process."""


class LayoutMismatch(PodringError):
    """The segment was made by an incompatible podring."""


class CorruptRing(PodringError):
    """The segment holds bytes that no publisher writes."""


class NotAllowed(PodringError, PermissionError):
    """The broker does not know who we are, or we have no right to what we ask for.

    status  401 when it wants a token, or another one; 403 when ours does not reach so far
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[NotAllowed], tuple[int, str]]:
        return type(self), (self.status, str(self))


class BrokerUnreachable(PodringError, ConnectionError):
    """Nobody answers at the broker's address."""


class BrokerRefused(PodringError):
    """The broker answered with a problem that has no class of its own.

    status  the HTTP status
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[BrokerRefused], tuple[int, str]]:
        return type(self), (self.status, str(self))

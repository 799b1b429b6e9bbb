"""What can go wrong, as one short tree.

PodringError
├── InvalidTopic          a name, size or policy that no topic can have; also a ValueError
├── TopicNotFound         no such topic; also a LookupError
├── TopicExists           the name is taken by a topic with other sizes
├── OtherOrigin           the topic that is to be deleted was declared by somebody else
├── TopicClosed           the topic was deleted while this object had it open
├── NoRoom                creating it would take more memory than there is
├── TooManyParticipants   every entry of the topic's roster is taken by a living participant
├── PublisherBusy         an exclusive publisher holds the topic, or a loan is still open
├── MessageTooLong        longer than the topic's max_message; also a ValueError
├── OffsetOutOfRange      a start position that the topic has not reached; also a ValueError
├── HandleClosed          the object was closed, or belongs to the parent process; also a ValueError
├── LayoutMismatch        the segment was made by an incompatible podring
├── CorruptRing           the segment holds bytes that no publisher writes
├── BrokerUnreachable     nobody answers at the broker's address; also a ConnectionError
└── BrokerRefused         the broker answered with a problem that has no class of its own

Each message says what happened, to which thing, with the numbers, and what to do. What simply
happens is no error: nothing new within a timeout is the built-in TimeoutError, Ctrl-C is
KeyboardInterrupt, and an argument of the wrong type is TypeError.
"""

from __future__ import annotations


class PodringError(Exception):
    """The root of all errors that podring raises itself."""


class InvalidTopic(PodringError, ValueError):
    """A name, size or policy that no topic can have.

    field   which one: `topicname`, `shmsize`, `msgsize`, `overflow`, `origin` or `start`
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
    """The topic was deleted while this object had it open."""


class NoRoom(PodringError):
    """Creating the topic would take more memory than there is."""


class TooManyParticipants(PodringError):
    """Every entry of the topic's roster is taken by a living participant."""


class PublisherBusy(PodringError):
    """An exclusive publisher holds the topic, or a loan of this publisher is still open."""


class MessageTooLong(PodringError, ValueError):
    """The payload is longer than the topic's max_message."""


class OffsetOutOfRange(PodringError, ValueError):
    """A start position that the topic has not reached yet."""


class HandleClosed(PodringError, ValueError):
    """The publisher or subscriber was closed, or was opened by the parent of this process."""


class LayoutMismatch(PodringError):
    """The segment was made by an incompatible podring."""


class CorruptRing(PodringError):
    """The segment holds bytes that no publisher writes."""


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

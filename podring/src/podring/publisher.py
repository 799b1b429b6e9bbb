"""The publishing end of a topic: opening and closing; the publishing itself is the ring's.

`publish`, `publish_many`, `loan` and `close` come straight from the compiled `Writer`, so a
payload passes one layer on its way into shared memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podring import roster
from podring.errors import TopicClosed
from podring.ring import _ring

if TYPE_CHECKING:
    from podring.segment import Segment
    from podring.topic import TopicSpec


class Publisher(roster.Participant, _ring.Writer):
    """Publishes messages to a topic. Any number of publishers share one total order.

    topic      its name
    broker     address of the broker: `http://host:port`, `unix:///path`, or `local` for none;
               default PODRING_BROKER, else the node's socket, else http://127.0.0.1:7070
    create     a TopicSpec: create the topic unless it exists with the same one
    exclusive  be the only one who publishes until closed, and save the lock's cost per message
    name       what the roster shows, up to 32 bytes of UTF-8
    timeout    seconds that a call waits for room in a `block` topic before it raises Full, which
               names the slow subscribers; None for ever, 0 not at all. It may be set later, too
    follow     when the topic is deleted, wait for so many seconds until it is made anew, and go on
               there; None raises TopicClosed at once
    raises     TopicNotFound, TopicExists, NoRoom, BrokerUnreachable, TooManyParticipants,
               PermissionError; PublisherBusy when `exclusive` and another one is, TopicClosed when
               the topic does not stay for long enough

    Threads may share one; each call is whole. After fork the child must open its own. When the
    topic is deleted, the next call raises TopicClosed.
    """

    def __init__(
        self,
        topic: str,
        /,
        *,
        broker: str | None = None,
        create: TopicSpec | None = None,
        exclusive: bool = False,
        name: str | None = None,
        timeout: float | None = None,
        follow: float | None = None,
    ) -> None:
        for left in reversed(range(roster.ATTEMPTS)):
            record, segment = roster.open_topic(topic, broker, create, write=True)
            try:
                with roster.joined(segment, _ring.PUBLISHER, name) as slot:
                    _ring.Writer.__init__(
                        self, segment.mapping, slot, segment.is_participant, exclusive, segment.reap
                    )
                    self.timeout = timeout
                    self._name = name
                    self._follow(follow, broker)
                break
            except TopicClosed:  # deleted before an exclusive one had the lock
                if not left:
                    raise
        self._opened(record, segment)

    def _join(self, segment: Segment) -> None:
        with roster.joined(segment, _ring.PUBLISHER, self._name) as slot:
            self._look_in(segment)
            self._move(segment.mapping, slot)

    @property
    def max_message(self) -> int:
        """Bytes of the longest message that the topic takes."""
        return self.record.spec.max_message_bytes

    def __repr__(self) -> str:
        state = " closed" if self.closed else ""
        return f"<Publisher of {self.record.name!r}, generation {self.record.generation}{state}>"

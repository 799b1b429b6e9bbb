"""Ask for topics: create, find, list and remove them, wherever they are kept.

A broker keeps the topics of one node, and is asked only when something is opened, created or
removed: no message ever passes through it. There are two kinds behind one protocol, a broker that
answers HTTP (`podring.httpbroker`) and none at all (`podring.local`), and `broker_at` chooses by
address:

    None                        PODRING_BROKER if set, else the node's socket if it is there,
                                else http://127.0.0.1:7070
    http://HOST:PORT            a broker on TCP
    unix:///PATH                a broker on a Unix socket
    local                       no broker: shared memory alone

Only the kind that is asked for is imported, because a publisher shall start quickly.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Protocol

from podring.status import TopicStatus
from podring.topic import TopicRecord, TopicSpec

NODE_SOCKET = "/run/podring/broker.sock"
DEFAULT_ADDRESS = "http://127.0.0.1:7070"

_LABEL = r"[A-Za-z0-9_-]{1,63}"
_HOST = rf"\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?"
_HTTP = re.compile(rf"http://({_HOST}):([0-9]{{1,5}})/?", re.ASCII)
_UNIX = re.compile(r"unix://(/[^\0]+)")


class Broker(Protocol):
    """Whoever keeps topics. Each may raise BrokerUnreachable, BrokerRefused and NotAllowed."""

    @property
    def address(self) -> str:
        """Where it is, as `broker_at` takes it."""

    def create(self, name: str, spec: TopicSpec, origin: str = "") -> TopicRecord:
        """Make a topic, or find the same one. Raises InvalidTopic, TopicExists, NoRoom.

        origin  who declares it, as 1 to 253 printable ASCII characters; a topic that is there
                keeps its own
        """

    def get(self, name: str) -> TopicRecord:
        """Find a topic. Raises InvalidTopic, TopicNotFound."""

    def delete(self, name: str, origin: str | None = None) -> None:
        """Remove a topic. Raises InvalidTopic, TopicNotFound, OtherOrigin.

        origin  remove it only if this is who declared it; None: whoever did
        """

    def topics(self) -> list[TopicRecord]:
        """Every topic, by name."""

    def live(self) -> list[tuple[TopicRecord, TopicStatus | None]]:
        """Every topic with its live figures, by name; None for one that has none that make sense.

        One call, however many topics there are.
        """

    def status(self, name: str) -> TopicStatus:
        """A topic's live figures. Raises InvalidTopic, TopicNotFound."""


def broker_at(address: str | None = None) -> Broker:
    """The broker at an address; None is the default described above. Nothing is contacted yet.

    raises  ValueError when the address is none of the forms above
    """
    given = address if address is not None else os.environ.get("PODRING_BROKER") or None
    where = given if given is not None else default_address()
    if not isinstance(where, str):
        raise TypeError(f"a broker's address is text, not {type(where).__name__}")
    if where == "local":
        from podring.local import LocalBroker

        return LocalBroker()
    from podring.httpbroker import HttpBroker

    if (unix := _UNIX.fullmatch(where)) is not None:
        return HttpBroker(where, path=unix[1])
    if (http := _HTTP.fullmatch(where)) is not None and 0 < int(http[2]) < 65536:
        return HttpBroker(where.rstrip("/"), host=http[1].strip("[]"), port=int(http[2]))
    source = "broker" if address is not None else "PODRING_BROKER"
    raise ValueError(
        f"{source} {where!r} is no broker's address: write http://HOST:PORT, unix:///PATH or local"
    )


def default_address() -> str:
    """Where the broker is looked for when nobody says: the node's socket if there is one."""
    try:
        found = stat.S_ISSOCK(os.stat(NODE_SOCKET).st_mode)
    except OSError:
        found = False
    return f"unix://{NODE_SOCKET}" if found else DEFAULT_ADDRESS


def create_topic(
    name: str, spec: TopicSpec | None = None, *, broker: str | None = None
) -> TopicRecord:
    """Create a topic, or find the one that is there with the same spec (None: TopicSpec()).

    raises  InvalidTopic, TopicExists, NoRoom, BrokerUnreachable, BrokerRefused
    cost    the memory is zeroed by the kernel: about a second for every few gigabytes
    """
    return broker_at(broker).create(name, spec if spec is not None else TopicSpec())


def get_topic(name: str, *, broker: str | None = None) -> TopicRecord:
    """Find a topic.

    raises  InvalidTopic, TopicNotFound, BrokerUnreachable, BrokerRefused
    """
    return broker_at(broker).get(name)


def delete_topic(name: str, *, broker: str | None = None) -> None:
    """Delete a topic: whoever waits on it gets TopicClosed, and its memory is freed.

    raises  InvalidTopic, TopicNotFound, BrokerUnreachable, BrokerRefused
    """
    broker_at(broker).delete(name)


def topics(*, broker: str | None = None) -> list[TopicRecord]:
    """Every topic of the node, by name.

    raises  BrokerUnreachable, BrokerRefused
    """
    return broker_at(broker).topics()

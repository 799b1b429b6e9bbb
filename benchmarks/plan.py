"""What is run: which scenario with which peer, way, size, and for how many messages or how long.

Cases that are compared with each other stand next to each other, so that they are run within
seconds of each other; the whole plan is run again for each repetition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.peers.protocol import Peer, Traits

SIZES = (64, 1 << 10, 16 << 10, 256 << 10, 4 << 20, 16 << 20)
SECONDS = 0.3
"""About how long a stream lasts, without the start of its processes."""
_BYTES_A_SECOND, _THROUGH_SERVERS = 2e9, 3e8
_FASTER_BATCHED, _LOANS = 2.0, 5e5
_FEWEST = 8
_STREAMS = ("one to one", "one to four", "four to one")
_COMPARED = ("os.pipe", "ZeroMQ", "Redis")
_WAITS = ("default", "spin", "sleep", "asyncio")


@dataclass(frozen=True)
class Case:
    """One run of each repetition."""

    scenario: str
    peer: str
    way: str
    size: int
    messages: int
    """Of a stream: about how many, of all senders."""
    seconds: float
    """Of other scenarios: about how long."""
    senders: int = 1
    receivers: int = 1
    pinned: bool = True


@dataclass(frozen=True)
class Group:
    """A scenario at certain sizes, in certain ways, for each peer that can."""

    scenario: str
    sizes: tuple[int, ...] = (64,)
    ways: tuple[str, ...] = ("single",)
    seconds: float = SECONDS
    senders: int = 1
    receivers: int = 1
    pinned: bool = True
    fits: Callable[[Traits], bool] = lambda _: True


def _well_known(peer: Traits) -> bool:
    """Enough to show what the kernel makes of processes that are not pinned."""
    return peer.family in ("podring", "os.pipe", "sockets", "ZeroMQ", "iceoryx2")


def _counted(subscribers: int) -> Callable[[Traits], bool]:
    """podring with any number of subscribers, and a few others with one and with ten."""
    families = {"podring"} if subscribers not in (1, 10) else {"podring", *_COMPARED}
    return lambda peer: peer.family in families and peer.fans_out


GROUPS = (
    Group("one to one", SIZES),
    Group("one to one", (64, 1 << 10), ("batched",)),
    Group("one to one", (4 << 20,), ("loan",)),
    Group("one to one", pinned=False, fits=_well_known),
    Group("round trip", ways=_WAITS, seconds=0.4),
    Group("round trip", ways=("default",), seconds=0.4, pinned=False, fits=_well_known),
    Group("one way", ways=("default",)),
    Group("one to four", (1 << 10,), receivers=4, fits=lambda peer: peer.fans_out),
    Group("four to one", senders=4, fits=lambda peer: peer.merges),
    *(
        Group("subscribers", (1 << 10,), seconds=0.1, receivers=count, fits=_counted(count))
        for count in (1, 2, 4, 9, 10)
    ),
    Group("burst", ways=("default",)),
    Group("idle", ways=("default",), seconds=0.5),
)
SCENARIOS = tuple(dict.fromkeys(group.scenario for group in GROUPS))
QUICK = (
    Group("one to one", (64, 1 << 10, 256 << 10)),
    Group("one to one", ways=("batched",)),
    Group("one to one", (4 << 20,), ("loan",)),
    Group("round trip", ways=_WAITS),
    Group("one to four", (1 << 10,), receivers=4, fits=lambda peer: peer.fans_out),
    Group("four to one", senders=4, fits=lambda peer: peer.merges),
    Group("idle", ways=("default",), seconds=0.3),
)
QUICK_PEERS = ("podring", "pipe", "sockets", "streams", "zeromq")


def cases(
    peers: Sequence[Peer], groups: Iterable[Group] = GROUPS, sizes: Sequence[int] = ()
) -> Iterator[Case]:
    """Everything to run in one repetition.

    sizes  bytes; none: those of each group
    """
    for group in groups:
        for size in sizes or group.sizes:
            for way in group.ways:
                for peer in peers:
                    if takes_part(peer.traits, group, way, size):
                        yield _case(peer.traits, group, way, size)


def takes_part(peer: Traits, group: Group, way: str, size: int) -> bool:
    """Whether a peer can run a case."""
    can = {"default": "single" in peer.ways, "spin": peer.spins, "sleep": peer.spins}
    return (
        size <= peer.largest
        and can.get(way, way in peer.ways)
        and (not peer.scenarios or group.scenario in peer.scenarios)
        and group.fits(peer)
    )


def _case(peer: Traits, group: Group, way: str, size: int) -> Case:
    return Case(
        group.scenario,
        peer.name,
        way,
        size,
        _messages(peer, group, way, size) if group.scenario in _STREAMS else 0,
        group.seconds,
        group.senders,
        group.receivers,
        group.pinned,
    )


def _messages(peer: Traits, group: Group, way: str, size: int) -> int:
    """As many as are expected to take the group's time."""
    if way == "loan":
        return round(group.seconds * min(peer.rate, _LOANS))
    rate = peer.rate * (_FASTER_BATCHED if way == "batched" else 1)
    bandwidth = _THROUGH_SERVERS if peer.servers else _BYTES_A_SECOND
    each_s = group.receivers * (1 / rate + size / bandwidth)
    return max(_FEWEST, round(group.seconds / each_s))

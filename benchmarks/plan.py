"""What is run: which scenario with which peer, way, size, and for how many messages.

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
SECONDS = 0.4
"""About how long a run lasts, without the start of its processes."""
_BYTES_A_SECOND = 2e9
_FASTER_BATCHED, _FASTER_LOANED = 2.0, 0.1
_FEWEST = 16


@dataclass(frozen=True)
class Case:
    """One run of each repetition."""

    scenario: str
    peer: str
    way: str
    size: int
    messages: int
    """About how many, of all senders."""
    senders: int = 1
    receivers: int = 1
    pinned: bool = True


@dataclass(frozen=True)
class Group:
    """A scenario at certain sizes, in certain ways, for each peer that can."""

    scenario: str
    sizes: tuple[int, ...]
    ways: tuple[str, ...] = ("single",)
    senders: int = 1
    receivers: int = 1
    pinned: bool = True
    fits: Callable[[Traits], bool] = lambda _: True


STREAMS = (
    Group("one to one", SIZES),
    Group("one to one", (64, 1 << 10), ("batched",)),
    Group("one to one", (4 << 20,), ("loan",)),
    Group("one to one", (64,), pinned=False),
    Group("one to four", (64, 1 << 10), receivers=4, fits=lambda peer: peer.fans_out),
    Group("four to one", (64,), senders=4, fits=lambda peer: peer.merges),
)
GROUPS = STREAMS
SCENARIOS = tuple(dict.fromkeys(group.scenario for group in GROUPS))


def cases(
    peers: Sequence[Peer],
    groups: Iterable[Group] = GROUPS,
    sizes: Sequence[int] = (),
    seconds: float = SECONDS,
) -> Iterator[Case]:
    """Everything to run in one repetition.

    sizes    bytes; none: those of each group
    seconds  about how long a run lasts, at the rate that is expected of the peer
    """
    for group in groups:
        for size in sizes or group.sizes:
            for way in group.ways:
                for peer in peers:
                    if takes_part(peer.traits, group, way, size):
                        yield _case(peer.traits, group, way, size, seconds)


def takes_part(peer: Traits, group: Group, way: str, size: int) -> bool:
    """Whether a peer can run a case."""
    return (
        size <= peer.largest
        and way in peer.ways
        and (not peer.scenarios or group.scenario in peer.scenarios)
        and group.fits(peer)
    )


def _case(peer: Traits, group: Group, way: str, size: int, seconds: float) -> Case:
    faster = {"batched": _FASTER_BATCHED, "loan": _FASTER_LOANED}.get(way, 1.0)
    moved = 0 if way == "loan" else size * group.receivers / _BYTES_A_SECOND
    messages = max(_FEWEST, round(seconds / (group.receivers / (peer.rate * faster) + moved)))
    return Case(
        group.scenario,
        peer.name,
        way,
        size,
        messages,
        group.senders,
        group.receivers,
        group.pinned,
    )

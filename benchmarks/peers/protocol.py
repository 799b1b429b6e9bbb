"""What a scenario asks of a peer: a link that sends bytes from processes to processes.

A peer is set up once for each run (`Peer.serve`), in the process that runs the scenario: there it
starts its server, if it has one, and makes what the others open. The link it gives is pickled and
sent to every sender and receiver, each of which opens its end in a process of its own.

Ends are made to be called in a loop: `send` and `receive` are attributes bound to whatever the
library's documentation tells its users to call, with as little of ours in between as can be. What
has to be in between (a length before each message of a byte stream) is what a user pays, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True)
class Topology:
    """How many there are of each, and how long a message is."""

    senders: int
    receivers: int
    """Each gets every message."""
    size: int
    """Bytes of every message."""
    waiting: str = "default"
    """How a receiver waits: "default", or "spin" and "sleep" for peers that let their user say."""
    duplex: bool = False
    """A round trip: end 0 and end 1 of the link are both sender and receiver, for each other."""


@dataclass
class Sender:
    """A sender's end."""

    send: Callable[[bytes], object]
    """Send one message, as the library's documentation does it."""
    send_many: Callable[[Sequence[bytes]], object] | None = None
    """Send several in one call or one batch; None where the library knows no such thing."""
    flush: Callable[[], object] = lambda: None
    """Return when all that was sent has left this process."""


@dataclass
class Receiver:
    """A receiver's end."""

    receive: Callable[[], object]
    """Wait for a message and return it: bytes, or anything with the buffer of what was sent."""
    receive_many: Callable[[int], Sequence[object]] | None = None
    """Wait for at least one, and return at most so many."""


class Link(Protocol):
    """Where a peer's processes meet; picklable."""

    def sender(self, index: int) -> AbstractContextManager[Sender]:
        """Open the end of sender `index`, in the calling process."""

    def receiver(self, index: int) -> AbstractContextManager[Receiver]:
        """Open the end of receiver `index`; whatever is sent after this returned will come."""


@dataclass(frozen=True)
class Traits:
    """What a scenario and the report must know of a peer."""

    name: str
    """As the report shows it: "ZeroMQ (ipc)"."""
    family: str
    """Of one library: "ZeroMQ". One colour in the plots."""
    version: Callable[[], str]
    """Of library and server: "pyzmq 27.3, libzmq 4.3.5"."""
    settings: str
    """What was set, and why: one sentence for the page."""
    paces: bool
    """Whether a sender waits by itself for a slow receiver. If not, the scenario hands out credit,
    so that nothing is lost for lack of room."""
    largest: int = 16 << 20
    """Bytes; scenarios with longer messages leave the peer out."""
    fans_out: bool = True
    """Whether one message reaches several receivers. If not, one to four leaves it out, or the
    peer's link sends it to each, as its user would."""
    merges: bool = True
    """Whether several senders reach one receiver."""
    spins: bool = False
    """Whether a receiver can be told to spin."""
    rate: float = 1e6
    """About how many 64-byte messages a second: how long a run is made."""
    servers: tuple[str, ...] = ()
    """Commands that must be there, as in scripts/components.txt."""


class Peer(Protocol):
    """A way for processes to talk."""

    traits: Traits

    def serve(self, folder: Path, topology: Topology) -> AbstractContextManager[Served]:
        """Start what is needed; `folder` is new and empty, and removed afterwards."""


@dataclass(frozen=True)
class Served:
    """A peer that is ready."""

    link: Link
    processes: tuple[int, ...] = field(default=())
    """Its servers' process ids: their processor time and memory are counted, too."""

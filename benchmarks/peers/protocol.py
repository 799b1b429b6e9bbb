"""What a scenario asks of a peer: a link that sends bytes from processes to processes.

A peer is set up once for each run (`Peer.serve`), in the process that runs the scenario: there it
starts its server, if it has one, and makes what the others open. The link it gives is pickled and
sent to every sender and receiver, each of which opens its end in a process of its own.

Ends are made to be called in a loop: `send` and `receive` are attributes bound to whatever the
library's documentation tells its users to call, with as little of ours in between as can be. What
has to be in between (a length before each message of a byte stream) is what a user pays, too.

All ends of a run are opened at the same time, each in its process, so one may wait for another.
Nothing is sent before all are open, and none is closed before all are done. A server that takes
seconds to start may be kept by its module for as long as this process lives, as long as it takes
no processor time between its runs (SIGSTOP does that).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

_WINDOW_BYTES, _WINDOW_MOST = 4 << 20, 4096


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
    """A round trip: end 0 and end 1 of the link are both sender and receiver, for each other.
    Each opens first its receiver, then its sender; `senders` and `receivers` are 1 then."""
    way: str = "single"
    """One of Traits.ways."""
    flushes: bool = False
    """The sender flushes after each few messages, which may leave together."""
    prompt: bool = True
    """Whether each message must leave at once. In a stream it need not: a peer whose library
    gathers what is sent until its event loop runs may keep a quarter of its window until then."""

    @property
    def inboxes(self) -> int:
        """How many ends receive."""
        return 2 if self.duplex else self.receivers

    def reached(self, sender: int) -> list[int]:
        """Which receivers get what a sender sends."""
        return [1 - sender] if self.duplex else list(range(self.receivers))


@dataclass
class Sender:
    """A sender's end."""

    send: Callable[[bytes], object]
    """Send one message, as the library's documentation does it."""
    send_many: Callable[[Sequence[bytes]], object] | None = None
    """Send several in one call or one batch; None where the library knows no such thing."""
    push: Callable[[], object] = lambda: None
    """After some messages of `Topology.flushes`: let go of what was gathered."""
    flush: Callable[[], object] = lambda: None
    """Return when all that was sent has left this process."""
    lend: Callable[[int], AbstractContextManager[object]] | None = None
    """Lend so many bytes to write a message into: a writable buffer, sent when the block ends. The
    scenario stamps its first and last 16 bytes and leaves the rest as it is."""


@dataclass
class Receiver:
    """A receiver's end."""

    receive: Callable[[], Any]
    """Wait for a message and return it: bytes, or a bytearray or memoryview of bytes."""
    iterate: Iterator[Any] | None = None
    """Gives the messages for ever; only where the documentation iterates in a for loop."""
    receive_many: Callable[[int], Sequence[object]] | None = None
    """Wait for at least one, and return at most so many."""
    view: Callable[[], AbstractContextManager[object]] | None = None
    """Wait for a message and show it where it lies: a buffer, readable until the block ends."""


@dataclass
class AsyncEnd:
    """Both directions of one end of a round trip, under asyncio."""

    send: Callable[[bytes], Awaitable[object]]
    receive: Callable[[], Awaitable[Any]]


class Link(Protocol):
    """Where a peer's processes meet; picklable, for a new process at its start."""

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
    ways: tuple[str, ...] = ("single",)
    """Of calling that its documentation offers: "single", "batched" (send_many, receive_many or
    both), "loan" (lend and view), "asyncio" (its link is an AsyncLink)."""
    scenarios: tuple[str, ...] = ()
    """A variant that differs only in some scenarios names them here; empty: all that fit."""
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


class AsyncLink(Link, Protocol):
    """A link whose ends can be opened under asyncio, too."""

    def async_end(self, index: int) -> AbstractAsyncContextManager[AsyncEnd]:
        """Open end 0 or 1 of a round trip in the running event loop."""


class Peer(Protocol):
    """A way for processes to talk."""

    @property
    def traits(self) -> Traits:
        """What is known of it without starting it."""

    def serve(self, folder: Path, topology: Topology) -> AbstractContextManager[Served]:
        """Start what is needed; `folder` is new and empty, and removed afterwards."""


@dataclass(frozen=True)
class Served:
    """A peer that is ready."""

    link: Link
    processes: tuple[int, ...] = field(default=())
    """Its servers' process ids: their processor time and memory are counted, too."""
    shared: int = 0
    """Bytes of shared memory that it holds, which are nobody's own: counted as the server's."""
    window: int = 0
    """How many messages a sender may be ahead of the slowest receiver, for peers that do not pace;
    0: the scenario chooses."""


def default_window(size: int) -> int:
    """Messages on their way at most, for a peer that neither paces nor says how many it holds."""
    return max(2, min(_WINDOW_MOST, _WINDOW_BYTES // size))

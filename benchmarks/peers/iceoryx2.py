"""iceoryx2's Python binding: a publish-subscribe service in shared memory, copying and loaned.

A publisher may be told to wait for room in a subscriber's queue, but then sleeps for longer and
longer; the scenario hands out credit, so that it never has to. A subscriber has nothing to wait
with: it polls, which is spinning, or an event service beside it wakes it, for which the publisher
sends a notification with each message.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.iceoryx2_loans import Lending, Viewing
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QUEUE_BYTES, _QUEUE_MOST = 4 << 20, 1024
_LEAST, _LEAST_LOANED = 4, 16
"""Messages: as many as podring's rings are given room for."""
_runs = itertools.count()


@cache
def version() -> str:
    """Of the binding, which has the library's number."""
    from importlib.metadata import version

    return f"iceoryx2 {version('iceoryx2')}"


@dataclass(frozen=True)
class Link:
    """Where the library's files are, and how they begin in /dev/shm, which it alone chooses."""

    folder: Path
    prefix: str
    topology: Topology

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """Loan a slice, fill it, send it."""
        size = self.topology.size
        services = Services(self, self.topology.reached(index)[0])
        publisher = services.messages.publisher_builder().initial_max_slice_len(size).create()
        notify = services.event.notifier_builder().create().notify if self.sleeps else None
        loan, copy = publisher.loan_slice_uninit, ctypes.memmove

        def send(message: bytes) -> None:
            sample = loan(size)
            copy(sample.payload_ptr, message, size)
            sample.assume_init().send()

        def send_and_notify(message: bytes) -> None:
            send(message)
            notify()  # type: ignore[misc]

        lending = Lending(loan, size, notify)
        yield Sender(send_and_notify if notify else send, lend=lambda _: lending)

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """Take a sample, and copy it or look at it where it lies."""
        size, services = self.topology.size, Services(self, index)
        subscriber = services.messages.subscriber_builder().create()
        take, copy = _taking(subscriber.receive, self._idle(services)), ctypes.string_at
        view = Viewing(take, size)

        def receive() -> bytes:
            sample = take()  # by name: the publisher may have its memory again when it is forgotten
            return copy(sample.payload_ptr, size)

        yield Receiver(receive, view=lambda: view)

    @property
    def sleeps(self) -> bool:
        """Whether a subscriber waits for events."""
        waiting = self.topology.waiting
        return waiting == "sleep" or (waiting == "default" and self.topology.prompt)

    def _idle(self, services: Services) -> Callable[[], object] | None:
        """What a subscriber does between two looks."""
        if self.sleeps:
            wait: Callable[[], object] = services.event.listener_builder().create().blocking_wait
            return wait
        # In a stream the others of one to four share the processor.
        return None if self.topology.prompt else os.sched_yield


class Services:
    """A node with one direction's services: messages, and events that tell of them."""

    def __init__(self, link: Link, receiver: int) -> None:
        import iceoryx2

        iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
        config = iceoryx2.config.default()
        config.global_cfg.root_path = iceoryx2.Path.new(str(link.folder))
        config.global_cfg.prefix = iceoryx2.FileName.new(link.prefix)
        builder = iceoryx2.NodeBuilder.new().config(config)
        builder = builder.signal_handling_mode(iceoryx2.SignalHandlingMode.Disabled)
        self._node = builder.create(iceoryx2.ServiceType.Ipc)
        name = f"to{receiver}" if link.topology.duplex else "all"
        self.messages = self._messages(link.topology, name)
        self.event = self._service(name).event().max_nodes(16).open_or_create()

    def _messages(self, topology: Topology, name: str) -> Any:
        import iceoryx2

        service = self._service(name).publish_subscribe(iceoryx2.Slice[ctypes.c_uint8])
        return (
            service.enable_safe_overflow(False)
            .subscriber_max_buffer_size(_queue(topology))
            .max_publishers(topology.senders)
            .max_subscribers(topology.receivers)
            .max_nodes(16)
            .open_or_create()
        )

    def _service(self, name: str) -> Any:
        import iceoryx2

        return self._node.service_builder(iceoryx2.ServiceName.new(name))


def _taking(receive: Callable[[], Any], idle: Callable[[], object] | None) -> Callable[[], Any]:
    def spin() -> Any:
        while (sample := receive()) is None:
            pass
        return sample

    def wait() -> Any:
        while (sample := receive()) is None:
            idle()  # type: ignore[misc]
        return sample

    return wait if idle else spin


def _queue(topology: Topology) -> int:
    least = _LEAST_LOANED if topology.way == "loan" else _LEAST
    return max(least, min(_QUEUE_MOST, _QUEUE_BYTES // topology.size))


def _touched(topology: Topology) -> int:
    """Bytes of the publishers' segments that are ever written: all that are on their way at once.

    More is set aside, for every subscriber's queue, but takes no memory.
    """
    return topology.senders * (_queue(topology) + 1) * topology.size * (1 + topology.duplex)


@dataclass(frozen=True)
class Iceoryx2:
    """The peer."""

    traits: Traits

    @contextlib.contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        """Nothing to start; what the library forgets in /dev/shm is removed."""
        prefix = f"podringbench{os.getpid()}_{next(_runs)}_"
        try:
            link, shared = Link(folder, prefix, topology), _touched(topology)
            yield Served(link, shared=shared, window=_queue(topology))
        finally:
            for left in Path("/dev/shm").glob(f"{prefix}*"):
                left.unlink(missing_ok=True)


PEERS = (
    Iceoryx2(
        Traits(
            name="iceoryx2",
            family="iceoryx2",
            version=version,
            settings="publish-subscribe of byte slices, queues of 4 MiB but 4 (for loans 16) to "
            "1024 messages, no overflow; copied with memmove (faster than send_copy) or loaned; "
            "polling in streams and where it is to spin, else an event for each message",
            paces=False,
            ways=("single", "loan"),
            spins=True,
            rate=4e5,
        )
    ),
)

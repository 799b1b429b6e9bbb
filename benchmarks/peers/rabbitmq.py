"""RabbitMQ: pika's BlockingConnection, transient messages, automatic acknowledgement.

Queues grow as long as there is memory, so the scenario hands out credit. The broker takes seconds
to start: one is kept for as long as this process lives, and stopped by a signal between runs.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from benchmarks.peers import rabbitmq_broker
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pika.adapters.blocking_connection import BlockingChannel


@cache
def version() -> str:
    """Of library, server and Erlang."""
    import pika

    return f"pika {pika.__version__}, {rabbitmq_broker.version()}"


@dataclass(frozen=True)
class Link:
    """A broker's port, and names that no other run uses."""

    port: int
    run: str
    topology: Topology

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """Publish to the receiver's queue, or to the exchange that copies to all."""
        exchange, key = (self.run, "") if self._copies else ("", self._queue(1 - index))
        with self._channel() as channel:
            if self._copies:
                self._declare_exchange(channel)
            yield Sender(partial(channel.basic_publish, exchange, key))

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """Consume from a queue of one's own."""
        queue = self._queue(index)
        with self._channel() as channel:
            channel.queue_declare(queue, auto_delete=True)
            if self._copies:
                self._declare_exchange(channel)
                channel.queue_bind(queue, self.run)
            deliveries = channel.consume(queue, auto_ack=True)
            messages = (body for _, _, body in deliveries)
            yield Receiver(partial(next, messages), messages)

    @property
    def _copies(self) -> bool:
        return self.topology.receivers > 1

    @contextlib.contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        import pika

        parameters = pika.ConnectionParameters("127.0.0.1", self.port)
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            connection.close()

    def _declare_exchange(self, channel: BlockingChannel) -> None:
        channel.exchange_declare(self.run, "fanout", auto_delete=True)

    def _queue(self, receiver: int) -> str:
        copies = self.topology.duplex or self._copies
        return f"{self.run}.{receiver if copies else 'all'}"


@dataclass(frozen=True)
class RabbitMQ:
    """The peer."""

    traits: Traits

    @contextlib.contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        """The broker that is kept; it writes into a folder of its own."""
        with rabbitmq_broker.awake() as broker:
            link = Link(broker.port, f"{folder.parent.name}.{broker.runs}", topology)
            yield Served(link, (broker.pid,))


PEERS = (
    RabbitMQ(
        Traits(
            name="RabbitMQ",
            family="RabbitMQ",
            version=version,
            settings="pika's BlockingConnection over loopback TCP, a classic queue that is not "
            "durable, transient messages, auto_ack, no publisher confirms, no plugins",
            paces=False,
            rate=2e4,
            servers=(rabbitmq_broker.SERVER,),
        )
    ),
)

"""Redis Pub/Sub and Redis Streams over a Unix socket, one command a call and pipelined.

Neither makes a publisher wait for a slow subscriber. Pub/Sub would drop the subscriber's
connection and a stream forget its oldest entries, so the scenario hands out credit.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers import server
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits, default_window
from benchmarks.peers.redis_reading import at_most, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import redis

_SERVER = "redis-server"
_READ_BYTES, _READ_MOST = 1 << 20, 512
"""What one XREAD asks for at most."""
_LONG, _LONG_READ, _SHORT_READ = 16 << 10, 1 << 20, 64 << 10
_FIELD = b"m"


@cache
def version() -> str:
    """Of both libraries and the server."""
    import hiredis
    import redis

    told = server.version(_SERVER, "--version")
    number = told.split("v=")[1].split()[0]
    return f"redis-py {redis.__version__}, hiredis {hiredis.__version__}, redis-server {number}"


@dataclass(frozen=True)
class _Link:
    """A server's socket, and one channel or stream for each direction."""

    path: str
    topology: Topology

    @contextlib.contextmanager
    def _client(self) -> Iterator[redis.Redis]:
        import redis

        # RESP 2, and longer reads for longer messages: both spare the parser copies (redis-py's
        # default, RESP 3, takes twenty times as long for a pushed message of a megabyte).
        with redis.Redis(
            unix_socket_path=self.path,
            socket_timeout=None,
            protocol=2,
            socket_read_size=_LONG_READ if self.topology.size >= _LONG else _SHORT_READ,
        ) as client:
            yield client

    def _to(self, sender: int) -> str:
        return self._at(1 - sender)

    def _at(self, receiver: int) -> str:
        return f"to{receiver}" if self.topology.duplex else "all"


class PubSubLink(_Link):
    """Channels."""

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """PUBLISH."""
        channel = self._to(index)
        with self._client() as client:
            send_many = _pipelined(client, lambda pipe, message: pipe.publish(channel, message))
            yield Sender(partial(client.publish, channel), send_many)

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """SUBSCRIBE, and iterate."""
        with self._client() as client, client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(self._at(index))
            subscription.get_message(timeout=10)  # that it is subscribed now
            messages = (message["data"] for message in subscription.listen())
            yield Receiver(partial(next, messages), messages)


class StreamLink(_Link):
    """Streams."""

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """XADD, trimming roughly what everybody has read."""
        key, kept = self._to(index), 2 * default_window(self.topology.size)

        def add(client: Any, message: bytes) -> object:
            return client.xadd(key, {_FIELD: message}, maxlen=kept)

        with self._client() as client:
            yield Sender(partial(add, client), _pipelined(client, add))

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """XREAD of many at once, from the stream's beginning on."""
        count = max(1, min(_READ_MOST, _READ_BYTES // self.topology.size))
        with self._client() as client:
            read = reader(client, self._at(index), _FIELD, count)
            messages = (message for batch in iter(read, None) for message in batch)
            yield Receiver(partial(next, messages), messages, at_most(read))


def _pipelined(
    client: redis.Redis, command: Callable[[Any, bytes], object]
) -> Callable[[Sequence[bytes]], object]:
    def send(messages: Sequence[bytes]) -> None:
        pipe = client.pipeline(transaction=False)
        for message in messages:
            command(pipe, message)
        pipe.execute()

    return send


@dataclass(frozen=True)
class Redis:
    """The peer; what its link is made of tells one variant from the other."""

    traits: Traits
    link: type[_Link]

    @contextlib.contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        """A server that listens on a Unix socket alone, and keeps nothing on a disk."""
        path = folder / "redis"
        settings = {
            "port": "0",
            "unixsocket": str(path),
            "save": "",
            "appendonly": "no",
            "client-output-buffer-limit": "pubsub 0 0 0",
        }
        command = [server.find(_SERVER)]
        command += [part for key, value in settings.items() for part in (f"--{key}", value)]
        with server.running(command, folder / "log", partial(_answers, path)) as pid:
            link = self.link(str(path), topology)
            yield Served(link, (pid,), window=default_window(topology.size))  # type: ignore[arg-type]


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _traits(name: str, settings: str, rate: float) -> Traits:
    return Traits(
        name=name,
        family="Redis",
        version=version,
        settings=settings,
        paces=False,
        ways=("single", "batched"),
        rate=rate,
        servers=(_SERVER,),
    )


_COMMON = (
    "Unix socket, hiredis, RESP 2, reads of 1 MiB for messages from 16 KiB on, no persistence; "
    "batched: pipeline(transaction=False)"
)
PEERS = (
    Redis(
        _traits("Redis Pub/Sub", f"{_COMMON}; no limit to what waits for a subscriber", 3e4),
        PubSubLink,
    ),
    Redis(
        _traits("Redis Streams", f"{_COMMON}; XADD MAXLEN ~, XREAD COUNT 512", 2e4),
        StreamLink,
    ),
)

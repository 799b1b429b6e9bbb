"""Zenoh, peer to peer over loopback TCP, with its shared memory for long messages.

Each receiver listens and each sender connects to all of them; nobody searches the network. A
publisher waits when its queue is full (CongestionControl.BLOCK), and a subscriber's FIFO channel
passes that back.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import server
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import zenoh

_PATIENCE_S = 30
_POOL, _POOL_LEAST = "transport/shared_memory/transport_optimization/pool_size", 16 << 20
_SHARED = 3072
"""Bytes from which on Zenoh takes shared memory, by default."""
_DATA, _READY = "bench/data", "bench/ready"


@cache
def version() -> str:
    """Of the binding, which has the library's number."""
    from importlib.metadata import version

    return f"eclipse-zenoh {version('eclipse-zenoh')}"


@dataclass(frozen=True)
class Link:
    """A port for each receiver."""

    ports: tuple[int, ...]
    topology: Topology

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """Publish once every receiver has declared that it is there."""
        import zenoh

        reached = self.topology.reached(index)
        with self._session(connect=reached) as session:
            self._wait_for(session, reached)
            with session.declare_publisher(
                self._key(reached[0]),
                congestion_control=zenoh.CongestionControl.BLOCK,
                express=self.topology.prompt,
            ) as publisher:
                yield Sender(publisher.put)

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """Subscribe with a channel, and say so."""
        with self._session(listen=index) as session:
            subscriber = session.declare_subscriber(self._key(index))
            token = session.liveliness().declare_token(f"{_READY}/{index}")
            messages = (sample.payload.to_bytes() for sample in subscriber)
            yield Receiver(partial(next, messages), messages)
            token.undeclare()  # type: ignore[no-untyped-call]

    def _session(
        self, connect: list[int] | None = None, listen: int | None = None
    ) -> zenoh.Session:
        import zenoh

        zenoh.init_log_from_env_or("error")
        listening = [] if listen is None else [self._address(listen)]
        settings = {
            "mode": "peer",
            "scouting/multicast/enabled": False,
            "scouting/gossip/enabled": False,
            "listen/endpoints": listening,
            "connect/endpoints": [self._address(receiver) for receiver in connect or []],
            "transport/shared_memory/enabled": self.topology.size >= _SHARED,
            "transport/shared_memory/mode": "init",
            _POOL: _pool(self.topology.size),
            "connect/retry": {"period_init_ms": 20, "period_max_ms": 100},
        }
        config = zenoh.Config()
        for key, value in settings.items():
            config.insert_json5(key, json.dumps(value))
        return zenoh.open(config)

    def _wait_for(self, session: zenoh.Session, receivers: list[int]) -> None:
        until, missing = time.monotonic() + _PATIENCE_S, set(receivers)
        with session.liveliness().declare_subscriber(f"{_READY}/*", history=True) as tokens:
            while missing:
                if (token := tokens.try_recv()) is not None:
                    missing.discard(int(str(token.key_expr).rpartition("/")[2]))
                elif time.monotonic() > until:
                    raise TimeoutError(f"no receiver {sorted(missing)} within {_PATIENCE_S} s")
                else:
                    time.sleep(0.01)

    def _key(self, receiver: int) -> str:
        return f"{_DATA}/{receiver}" if self.topology.duplex else _DATA

    def _address(self, receiver: int) -> str:
        return f"tcp/127.0.0.1:{self.ports[receiver]}"


@dataclass(frozen=True)
class Zenoh:
    """The peer."""

    traits: Traits

    @contextlib.contextmanager
    def serve(
        self,
        folder: Path,  # noqa: ARG002
        topology: Topology,
    ) -> Iterator[Served]:
        """Nothing to start, and nothing to write into the folder."""
        ports, before = tuple(server.free_port() for _ in range(topology.inboxes)), _segments()
        try:
            # Each sender's pool; receivers make none until they send.
            shared = topology.senders * _pool(topology.size) if topology.size >= _SHARED else 0
            yield Served(Link(ports, topology), shared=shared)
        finally:
            for segment in _segments() - before - _mapped():
                segment.unlink(missing_ok=True)


def _pool(size: int) -> int:
    return max(_POOL_LEAST, 4 * size)


def _segments() -> set[Path]:
    """Zenoh's files in shared memory.

    A session that ends leaves some, which the next one on this machine that begins removes.
    """
    return set(Path("/dev/shm").glob("*.zenoh"))


def _mapped() -> set[Path]:
    """Those that a process uses."""
    found = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            lines = maps.read_text(errors="replace").splitlines()
            found |= {Path(line.split()[5]) for line in lines if line.endswith(".zenoh")}
    return found


PEERS = (
    Zenoh(
        Traits(
            name="Zenoh",
            family="Zenoh",
            version=version,
            settings="peer to peer over loopback TCP, here as fast as its Unix sockets, "
            "CongestionControl.BLOCK, shared memory for messages from 3 KiB on (its default), made "
            "when a session opens, with a pool of 16 MiB (its default) or four messages, "
            "express=True but in streams",
            paces=True,
            rate=1e6,
        )
    ),
)

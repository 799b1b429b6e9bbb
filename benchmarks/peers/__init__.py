"""What podring is compared with, one module a library, each with its real server and settings.

A module is imported only when its peers are to be measured, so that a library which is missing
fails its own runs and no others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer

MODULES = (
    "podring",
    "pipe",
    "sockets",
    "datagrams",
    "queues",
    "streams",
    "zeromq",
    "redis",
    "nats",
    "rabbitmq",
    "zenoh",
    "iceoryx2",
)
"""In the report's order."""


def load(name: str) -> tuple[Peer, ...]:
    """The variants of a module; raises what its import raises, or asking for a version.

    That tells a library that is missing, and a server's command.
    """
    peers: tuple[Peer, ...] = importlib.import_module(f"benchmarks.peers.{name}").PEERS
    for peer in peers:
        peer.traits.version()
    return peers

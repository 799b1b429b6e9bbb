"""ZeroMQ as a peer of the benchmarks: real sockets, real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.peers import zeromq
from tests.support.peer_claims import AsyncClaims

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer


@pytest.fixture(params=zeromq.PEERS, ids=lambda peer: peer.traits.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param  # type: ignore[no-any-return]


class TestZeroMQ(AsyncClaims):
    """It sends what it is given."""

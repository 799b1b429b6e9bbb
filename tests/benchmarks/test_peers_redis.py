"""Redis as a peer of the benchmarks: a real server, real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.peers import redis
from tests.support.components import require
from tests.support.peer_claims import Claims

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer

require("redis-server")


@pytest.fixture(params=redis.PEERS, ids=lambda peer: peer.traits.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param  # type: ignore[no-any-return]


class TestRedis(Claims):
    """It sends what it is given."""

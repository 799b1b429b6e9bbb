"""NATS as a peer of the benchmarks: a real server, real event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.peers import nats
from tests.support.components import require
from tests.support.peer_claims import AsyncClaims

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer

require("nats-server")


@pytest.fixture(params=nats.PEERS, ids=lambda peer: peer.traits.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param  # type: ignore[no-any-return]


class TestNats(AsyncClaims):
    """It sends what it is given."""

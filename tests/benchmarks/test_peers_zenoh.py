"""Zenoh as a peer of the benchmarks: real sessions, real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.peers import zenoh
from tests.support.peer_claims import Claims

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer


@pytest.fixture(params=zenoh.PEERS, ids=lambda peer: peer.traits.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param  # type: ignore[no-any-return]


class TestZenoh(Claims):
    """It sends what it is given."""

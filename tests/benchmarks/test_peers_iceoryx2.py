"""iceoryx2 as a peer of the benchmarks: real shared memory, real processes."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from benchmarks.peers import iceoryx2
from benchmarks.peers.protocol import Topology
from tests.support.peer_claims import Claims
from tests.support.peers import carry

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer

if platform.machine() != "x86_64":
    pytest.skip("iceoryx2 has a wheel for x86_64 alone", allow_module_level=True)


@pytest.fixture(params=iceoryx2.PEERS, ids=lambda peer: peer.traits.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param  # type: ignore[no-any-return]


class TestIceoryx2(Claims):
    """It sends what it is given."""

    @pytest.mark.parametrize("waiting", ["spin", "sleep"])
    def test_a_round_trip_waits_as_it_is_told(self, peer: Peer, waiting: str) -> None:
        carry(peer, Topology(1, 1, 64, waiting=waiting, duplex=True), 50)

    def test_a_stream_that_need_not_leave_at_once_is_polled_for(self, peer: Peer) -> None:
        carry(peer, Topology(1, 2, 64, prompt=False), 300)

"""What every peer of the benchmarks must do, as tests: a module of tests derives from `Claims`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.protocol import Topology
from tests.support.peers import carry, no_process_left

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer

SHORT, LONG = 64, 1 << 20


class Claims:
    """Give it a fixture `peer`, one of the module's PEERS."""

    def end(self) -> None:
        """End what the module keeps between runs."""

    def test_short_messages_arrive_whole_and_in_order_and_nothing_is_left(self, peer: Peer) -> None:
        with no_process_left():
            carry(peer, Topology(1, 1, SHORT), 300)
            self.end()

    def test_messages_of_a_mebibyte_arrive_whole(self, peer: Peer) -> None:
        carry(peer, Topology(1, 1, LONG), 4)

    def test_every_other_way_of_calling_carries_the_same(self, peer: Peer) -> None:
        for way in set(peer.traits.ways) - {"single", "asyncio"}:
            carry(peer, Topology(1, 1, SHORT, way=way), 300)
            carry(peer, Topology(1, 1, LONG, way=way), 4)

    def test_one_sender_reaches_four_receivers(self, peer: Peer) -> None:
        carry(peer, Topology(1, 4, SHORT), 100)

    def test_four_senders_reach_one_receiver(self, peer: Peer) -> None:
        carry(peer, Topology(4, 1, SHORT), 100)

    def test_both_ends_of_a_round_trip_send_and_receive(self, peer: Peer) -> None:
        carry(peer, Topology(1, 1, SHORT, duplex=True), 50)

    def test_it_says_its_version(self, peer: Peer) -> None:
        assert any(character.isdigit() for character in peer.traits.version())


class AsyncClaims(Claims):
    """For a peer that asyncio can wait for."""

    def test_asyncio_carries_a_round_trip(self, peer: Peer) -> None:
        carry(peer, Topology(1, 1, SHORT, way="asyncio", duplex=True), 50)

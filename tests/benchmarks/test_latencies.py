"""Small runs of what is not a stream: round trips, one way, bursts, idleness, subscribers."""

import threading
from dataclasses import replace

import pytest

from benchmarks.peers import pipe, podring, sockets, streams
from benchmarks.peers.protocol import Peer, Topology
from benchmarks.scenarios import burst, idle, one_way, round_trip
from benchmarks.scenarios.percentiles import percentiles

PODRING, PIPE = podring.PEERS[0], pipe.PEERS[0]
BOTH = pytest.mark.parametrize("peer", [PODRING, PIPE], ids=["podring", "pipe"])
ONE = Topology(1, 1, 64)
BACK = replace(ONE, duplex=True)


@pytest.mark.parametrize("peer", [PODRING, PIPE, *sockets.PEERS], ids=lambda p: p.traits.name)
def test_a_round_trip_has_a_median_and_a_tail(peer: Peer) -> None:
    figures = round_trip.run(peer, BACK, 0.5)  # a hundred rounds on a busy machine, too
    assert 0 < figures["p50"] < figures["p99"]
    assert figures["publisher_cpu"] > 0


@pytest.mark.parametrize("waiting", ["spin", "sleep"])
def test_podring_waits_as_it_is_told(waiting: str) -> None:
    assert round_trip.run(PODRING, replace(BACK, waiting=waiting), 0.05)["p50"] > 0


@pytest.mark.parametrize("peer", [PODRING, *streams.PEERS], ids=["podring", "streams"])
def test_a_round_trip_under_asyncio(peer: Peer) -> None:
    assert round_trip.run(peer, replace(BACK, way="asyncio"), 0.05)["p50"] > 0


def test_the_median_of_short_rounds_is_that_of_ten_at_a_time() -> None:
    found = round_trip.summary({"ten": [4000, 4100, 4200], "singly": [450] * 99 + [9000]})
    assert found == {"p50": 410.0, "p99": 9000}


def test_the_median_of_long_rounds_is_that_of_single_ones() -> None:
    found = round_trip.summary({"ten": [900_000], "singly": [20_000, 21_000, 22_000]})
    assert found["p50"] == 21_000


@BOTH
def test_one_way_takes_less_than_a_second(peer: Peer) -> None:
    figures = one_way.run(peer, ONE, 0.05)
    assert 0 < figures["p50"] < 1e9


@BOTH
def test_a_burst_after_idleness(peer: Peer) -> None:
    assert burst.run(peer, ONE, 0.1)["p50"] > 0


def test_what_more_subscribers_cost_their_publisher() -> None:
    for receivers in (1, 3):
        topology = Topology(1, receivers, 1024)
        figures = burst.run_subscribers(PODRING, topology, 0.02)
        assert list(figures) == ["publisher_ns"]
        assert figures["publisher_ns"] > 0


@BOTH
def test_who_waits_in_a_system_call_costs_nothing(peer: Peer) -> None:
    figures = idle.run(peer, ONE, 0.3)
    assert figures["wakeups"] == 0
    assert figures["idle_cpu"] == 0


def test_who_polls_is_seen() -> None:
    figures = idle.run(PODRING, replace(ONE, waiting="spin"), 0.5)
    assert figures["idle_cpu"] > 0  # what the machine has left; one that sleeps takes exactly 0


def test_what_a_thread_of_the_process_does_counts() -> None:
    import os

    stop = threading.Event()
    thread = threading.Thread(target=lambda: [stop.wait(0.001) for _ in range(50)])
    before = idle.costs(os.getpid())
    thread.start()
    stop.wait(0.03)
    after = idle.costs(os.getpid())
    thread.join()
    assert after[0] - before[0] > 5


def test_percentiles_are_values_that_were_measured() -> None:
    found = percentiles(list(range(1000)))
    assert found == {"p50": 500, "p99": 990, "p99_9": 999}


def test_the_greatest_of_a_few_values_is_called_no_percentile() -> None:
    assert list(percentiles(range(999))) == ["p50", "p99"]
    assert list(percentiles(range(99))) == ["p50"]

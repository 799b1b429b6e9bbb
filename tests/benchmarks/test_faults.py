"""A fast run that loses, reorders or changes messages is none."""

from collections.abc import Callable

import pytest

from benchmarks import processes, runner
from benchmarks.peers.protocol import Peer, Topology
from benchmarks.plan import Case
from benchmarks.processes import RunFailed
from benchmarks.results import Results
from benchmarks.scenarios import burst, one_way, round_trip, stream
from tests.benchmarks.faulty import FaultyPeer

ONE = Topology(1, 1, 64)
ONE_BACK = Topology(1, 1, 64, duplex=True)
LONG = Topology(1, 1, 64 << 10)
CONTENT = [
    "lost",
    "reordered",
    "twice",
    "shorter",
    "changed in the beginning",
    "changed in the middle",
    "changed in the end",
]


@pytest.mark.parametrize("fault", CONTENT)
def test_a_message_that_is_not_what_was_sent_fails_the_run(fault: str) -> None:
    with pytest.raises(RunFailed, match=r"receiver 0: .*message [789] is .*instead of"):
        stream.run(FaultyPeer(fault), ONE, 512)


@pytest.mark.parametrize("fault", [fault for fault in CONTENT if "middle" not in fault])
def test_so_does_a_long_one_of_which_only_the_ends_are_compared(fault: str) -> None:
    with pytest.raises(RunFailed, match=r"receiver 0: .*(message [789] is|error: unpack)"):
        stream.run(FaultyPeer(fault), LONG, 32)


def test_a_long_one_is_compared_whole_once_in_eight_cycles() -> None:
    cycle, whole = 16, 8 * 16
    with pytest.raises(RunFailed, match=f"message {whole} is 65536 bytes"):
        stream.run(FaultyPeer("changed in the middle", at=whole), LONG, 10 * cycle)


def test_a_message_out_of_its_senders_order_fails_four_to_one() -> None:
    with pytest.raises(RunFailed, match="instead of"):
        stream.run(FaultyPeer("reordered"), Topology(4, 1, 64), 4 * 512)


@pytest.mark.parametrize("scenario", [burst.run, one_way.run])
def test_the_other_scenarios_compare_too(
    scenario: Callable[[Peer, Topology, float], object],
) -> None:
    with pytest.raises(RunFailed, match=r"message 8 is .* instead of"):
        scenario(FaultyPeer("changed in the end"), ONE, 0.05)


def test_a_round_trip_compares_at_both_ends() -> None:
    with pytest.raises(RunFailed, match=r"answer: .* instead of"):
        round_trip.run(FaultyPeer("answered wrongly", at=0), ONE_BACK, 0.05)


def test_a_run_whose_last_message_never_comes_ends_in_time_and_says_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "LIMIT_S", 2.0)
    with pytest.raises(RunFailed, match=r"receiver 0 not done within 2 s; .*\[512\] of 1024"):
        stream.run(FaultyPeer("silent", at=1023), ONE, 1024)


def test_a_sender_that_dies_fails_the_run_at_once() -> None:
    with pytest.raises(RunFailed, match="sender 0 died without a word, exit code 3"):
        stream.run(FaultyPeer("dead"), ONE, 512)


def test_a_run_that_fails_is_listed_with_its_reason_and_the_others_go_on() -> None:
    results = Results(about={})
    case = Case("one to one", "faulty", "single", 64, 512, 0.1)
    runner.run([case, case], [FaultyPeer("raises")], 0, results)
    reason = "RunFailed: sender 0: ConnectionError: the server is full; "
    reason += "receivers had checked [0] of 512 messages"
    assert [failure.error for failure in results.failures] == [reason, reason]
    assert results.runs == []

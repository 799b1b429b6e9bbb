"""The plan holds what the benchmarks promise, and asks of nobody what he cannot do."""

import importlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks import peers, plan
from benchmarks.peers import datagrams, pipe, podring, streams
from benchmarks.report import goals
from benchmarks.report.book import OURS as OURS_FAMILY
from benchmarks.report.measure import Pick

OURS = podring.PEERS


def planned(scenario: str) -> list[plan.Case]:
    return [case for case in plan.cases(OURS) if case.scenario == scenario]


def picks() -> Iterator[Pick]:
    for row in goals.ROWS:
        for goal in row.goals:
            yield goal.ours


def alternatives() -> Iterator[Pick]:
    for row in goals.ROWS:
        for goal in row.goals:
            if isinstance(goal.against, Pick):
                yield goal.against


@pytest.mark.parametrize("pick", list(picks()), ids=str)
def test_every_figure_to_reach_is_measured(pick: Pick) -> None:
    ways = {case.way for case in planned(pick.scenario) if case.size == pick.size}
    assert ways & set(pick.ways or ways)


@pytest.mark.parametrize("pick", list(alternatives()), ids=str)
def test_every_alternative_to_beat_is_measured(pick: Pick) -> None:
    everybody = [
        peer
        for name in peers.MODULES
        for peer in importlib.import_module(f"benchmarks.peers.{name}").PEERS
    ]
    ours = {peer.traits.name for peer in everybody if peer.traits.family == OURS_FAMILY}
    assert [
        case
        for case in plan.cases(everybody)
        if (case.scenario, case.size) == (pick.scenario, pick.size)
        and case.way in (pick.ways or [case.way])
        and pick.ours in (None, case.peer in ours)
        and pick.named.lower() in case.peer.lower()
        and not any(word in case.peer for word in pick.barred)
    ]


def test_one_to_one_goes_from_64_bytes_to_16_mib() -> None:
    sizes = {case.size for case in planned("one to one") if case.way == "single"}
    assert min(sizes) == 64
    assert max(sizes) == 16 << 20


def test_round_trips_wait_in_every_way() -> None:
    assert {case.way for case in planned("round trip")} == {"default", "spin", "sleep", "asyncio"}


def test_what_is_compared_stands_together() -> None:
    found = [(case.scenario, case.size, case.way, case.pinned) for case in plan.cases(OURS)]
    turns = [key for key, before in zip(found, [None, *found], strict=False) if key != before]
    assert len(turns) == len(set(turns))


def test_both_cases_of_pinning_are_measured() -> None:
    assert {case.pinned for case in planned("one to one")} == {True, False}
    assert {case.pinned for case in planned("round trip")} == {True, False}


def test_ten_subscribers_are_compared_with_fewer() -> None:
    assert {case.receivers for case in planned("subscribers")} >= {1, 9, 10}


def test_block_is_compared_with_overwrite() -> None:
    names = {case.peer for case in planned("one to one") if case.size == 64}
    assert {"podring", "podring (block)", "podring (exclusive)"} <= names


def test_nobody_gets_longer_messages_than_it_takes() -> None:
    udp = datagrams.PEERS[1]
    assert max(case.size for case in plan.cases([udp])) == udp.traits.largest


def test_nobody_is_called_in_a_way_it_does_not_know() -> None:
    assert {case.way for case in plan.cases(streams.PEERS)} == {"asyncio"}
    assert "loan" not in {case.way for case in plan.cases(pipe.PEERS)}
    assert "spin" not in {case.way for case in plan.cases(pipe.PEERS)}


def test_who_has_one_sender_is_left_out_of_four_to_one() -> None:
    alone = replace(pipe.PEERS[0], traits=replace(pipe.PEERS[0].traits, merges=False))
    assert "four to one" not in {case.scenario for case in plan.cases([alone])}


def test_a_slow_peer_gets_fewer_messages() -> None:
    slow = replace(pipe.PEERS[0], traits=replace(pipe.PEERS[0].traits, rate=1e4))
    few, many = (next(plan.cases([peer])).messages for peer in (slow, pipe.PEERS[0]))
    assert few * 50 < many


def test_sizes_may_be_chosen() -> None:
    assert {case.size for case in plan.cases(OURS, sizes=[128])} == {128}


def test_every_module_of_the_registry_has_peers_of_its_own_names() -> None:
    found = [
        peer.traits.name for name in ("podring", "pipe", "sockets") for peer in peers.load(name)
    ]
    assert len(found) == len(set(found)) == 6


@pytest.mark.parametrize("module", plan.QUICK_PEERS)
def test_the_quick_plan_asks_for_peers_that_are_registered(module: str) -> None:
    assert module in peers.MODULES

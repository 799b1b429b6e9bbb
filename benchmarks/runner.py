"""Run a plan once, as one repetition, and collect what it measured and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import floors, machine, peers
from benchmarks.peers.protocol import Topology
from benchmarks.results import Failure, Run
from benchmarks.scenarios import burst, idle, one_way, round_trip, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.peers.protocol import Peer
    from benchmarks.plan import Case
    from benchmarks.results import Results

TIMED = {
    "round trip": round_trip.run,
    "one way": one_way.run,
    "burst": burst.run,
    "subscribers": burst.run_subscribers,
    "idle": idle.run,
}
"""Scenarios that last as long as they are told; the others send as many messages as told."""
_WAITS = ("default", "spin", "sleep")


def load(wanted: Sequence[str], results: Results) -> list[Peer]:
    """The peers of the modules whose names hold one of the words; no words: all.

    A module that cannot be imported is one of the failures.
    """
    found: list[Peer] = []
    for module in peers.MODULES:
        if wanted and not any(word.lower() in module for word in wanted):
            continue
        try:
            found += peers.load(module)
        except Exception as error:  # noqa: BLE001 - a library may raise anything at its import
            results.failures.append(Failure("import", module, "", 0, _reason(error)))
    return found


def describe(found: Sequence[Peer], results: Results) -> None:
    """Write down what a reader must know of the machine and of each peer."""
    results.about.update(machine.describe())
    for peer in found:
        traits = peer.traits
        try:
            version = traits.version()
        except Exception as error:  # noqa: BLE001 - asking may start a server's command
            version = f"unknown: {_reason(error)}"
        results.peers[traits.name] = {
            "version": version,
            "settings": traits.settings,
            "family": traits.family,
        }


def run(
    plan: Sequence[Case],
    found: Sequence[Peer],
    repetition: int,
    results: Results,
    progress: Callable[[str], object] = lambda _: None,
) -> None:
    """Run every case once.

    progress  called before each run, with what it is
    """
    by_name = {peer.traits.name: peer for peer in found}
    for case in plan:
        progress(f"{case.scenario}, {case.size} B, {case.way}: {case.peer}")
        _run_case(by_name[case.peer], case, repetition, results)


def measure_floors(repetition: int, results: Results) -> None:
    """Measure what the machine can do at best."""
    try:
        results.floors += floors.measure(repetition)
    except RuntimeError as error:
        results.failures.append(Failure("floors", "the machine", "", 0, _reason(error)))


def _run_case(peer: Peer, case: Case, repetition: int, results: Results) -> None:
    named = (case.scenario, case.peer, case.way, case.size)
    try:
        figures = measure(peer, case)
    except Exception as error:  # noqa: BLE001 - whatever a peer raises fails its own run alone
        results.failures.append(Failure(*named, _reason(error)))
    else:
        results.runs.append(Run(*named, repetition, figures, case.pinned, case.receivers))


def measure(peer: Peer, case: Case) -> dict[str, float]:
    """Run one case once."""
    topology = Topology(
        case.senders,
        case.receivers,
        case.size,
        waiting=case.way if case.way in _WAITS else "default",
        duplex=case.scenario == "round trip",
        way="single" if case.way in _WAITS else case.way,
    )
    if case.scenario in TIMED:
        return TIMED[case.scenario](peer, topology, case.seconds, pinned=case.pinned)
    return stream.run(peer, topology, case.messages, pinned=case.pinned)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

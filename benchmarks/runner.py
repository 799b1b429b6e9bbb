"""Run a plan, repetition by repetition, and collect what it measured and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import machine, peers
from benchmarks.peers.protocol import Topology
from benchmarks.results import Failure, Results, Run
from benchmarks.scenarios import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.peers.protocol import Peer
    from benchmarks.plan import Case


def load(wanted: Sequence[str], results: Results) -> list[Peer]:
    """The peers whose module or name is wanted; none wanted: all. What cannot be imported fails."""
    found: list[Peer] = []
    for module in peers.MODULES:
        if wanted and not any(word.lower() in module for word in wanted):
            continue
        try:
            found += peers.load(module)
        except Exception as error:  # noqa: BLE001 - a library may raise anything at its import
            results.failures.append(Failure("import", module, "", 0, _reason(error)))
    return found


def run(
    plan: Sequence[Case],
    found: Iterable[Peer],
    repetitions: int,
    results: Results,
    progress: Callable[[Case, int], object] = lambda *_: None,
) -> None:
    """Run every case once a repetition, all cases of a repetition before the next one.

    progress  called before each run, with its case and repetition
    """
    by_name = {peer.traits.name: peer for peer in found}
    results.about.update(machine.describe())
    for repetition in range(repetitions):
        for case in plan:
            progress(case, repetition)
            _run_case(by_name[case.peer], case, repetition, results)


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
    topology = Topology(case.senders, case.receivers, case.size, way=case.way)
    return stream.run(peer, topology, case.messages, pinned=case.pinned)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

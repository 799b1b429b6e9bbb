"""One message there and one back: the round trip, waiting in the same way at both ends.

A look at the clock costs about 40 ns here, a tenth of the fastest rounds. So each run has two
parts: rounds timed ten at a time, and rounds timed one by one with a single look at the clock each.
The tail comes from the second part. So does the median, unless it is below FINE_NS: then it is that
of the means of ten. Nothing is subtracted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.processes import Half
from benchmarks.scenarios import async_rounds, rounds
from benchmarks.scenarios.percentiles import percentile, percentiles
from benchmarks.scenarios.rounds import TEN
from benchmarks.scenarios.stage import stage

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer, Topology

FINE_NS = 5000


def run(peer: Peer, topology: Topology, seconds: float, *, pinned: bool = True) -> dict[str, float]:
    """Go round for about so long, and give the figures."""
    side = async_rounds if topology.way == "asyncio" else rounds
    with stage(peer, topology) as ready:
        arguments = (ready.served.link, topology.size, seconds)
        played = ready.play(
            [
                Half(half.__name__, half, arguments, role if pinned else None)
                for role, half in enumerate((side.call, side.answer))
            ]
        )
    caller, answerer = played.results
    in_a_million = 1e6 / caller.samples["rounds"][0]
    return summary(caller.samples) | {
        "publisher_cpu": caller.cpu_s * in_a_million,
        "subscriber_cpu": answerer.cpu_s * in_a_million,
        "server_cpu": played.server_cpu_s * in_a_million,
    }


def summary(samples: dict[str, list[int]]) -> dict[str, float]:
    """The percentiles of rounds, from both parts of a run."""
    found = percentiles(samples["singly"])
    if found["p50"] < FINE_NS:
        found["p50"] = percentile(samples["ten"], 50) / TEN
    return found

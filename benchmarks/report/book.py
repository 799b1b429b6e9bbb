"""The results, looked up: one spread over the repetitions for each thing that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.results import FIGURES, Figure, Spread

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from benchmarks.results import Results, Run

OURS = "podring"
"""The family whose peers are us."""

TOTALS = {
    "cpu": Figure("s", False, "processor seconds per million messages, all together"),
    "memory": Figure("bytes", False, "memory of all processes and what they share"),
}
"""Figures that are sums of others."""

KNOWN = FIGURES | TOTALS


@dataclass(frozen=True, slots=True)
class Place:
    """What was measured, but for the repetition."""

    scenario: str
    peer: str
    way: str
    size: int
    receivers: int = 1
    pinned: bool = True


Found = dict[Place, Spread]


class Book:
    """Spreads by place and figure, peers in the order of the results."""

    def __init__(self, results: Results) -> None:
        self.results = results
        values: dict[tuple[Place, str], list[float]] = {}
        for run in results.runs:
            for name, value in {**run.figures, **_totals(run)}.items():
                values.setdefault((_place(run), name), []).append(value)
        self._spreads = {key: Spread.of(each) for key, each in values.items()}
        floors: dict[str, list[float]] = {}
        for floor in results.floors:
            floors.setdefault(floor.name, []).append(floor.value)
        self.floors = {name: Spread.of(each) for name, each in floors.items()}
        self.floor_units = {floor.name: floor.unit for floor in results.floors}
        runs = [run.peer for run in results.runs]
        self.peers = list(dict.fromkeys([*results.peers, *runs]))

    def family(self, peer: str) -> str:
        """Whose library a peer is a variant of."""
        return self.results.peers.get(peer, {}).get("family", peer)

    def is_ours(self, peer: str) -> bool:
        return self.family(peer) == OURS

    def find(
        self,
        figure: str,
        scenarios: Collection[str] = (),
        ways: Collection[str] = (),
        sizes: Collection[int] = (),
        *,
        pinned: bool | None = True,
    ) -> Found:
        """Every spread of a figure; empty means any. Peers come in their order."""

        def fits(place: Place) -> bool:
            return (
                (not scenarios or place.scenario in scenarios)
                and (not ways or place.way in ways)
                and (not sizes or place.size in sizes)
                and pinned in (None, place.pinned)
            )

        found = [(p, s) for (p, name), s in self._spreads.items() if name == figure and fits(p)]
        return dict(sorted(found, key=lambda each: self.peers.index(each[0].peer)))

    def at(self, place: Place, figure: str) -> Spread | None:
        """One spread, if it was measured."""
        return self._spreads.get((place, figure))


def best(found: Found, figure: str) -> tuple[Place, Spread] | None:
    """The one with the best median."""
    sign = -1 if KNOWN[figure].more_is_better else 1
    return min(found.items(), key=lambda each: sign * each[1].median, default=None)


def is_better(figure: str, one: Spread, other: Spread) -> bool:
    """Whether the first median is better than the second."""
    return (one.median > other.median) == KNOWN[figure].more_is_better and (
        one.median != other.median
    )


def unique(values: Iterable[int]) -> list[int]:
    """Each once, in order."""
    return sorted(set(values))


def _place(run: Run) -> Place:
    return Place(run.scenario, run.peer, run.way, run.size, run.receivers, run.pinned)


def _totals(run: Run) -> dict[str, float]:
    return dict(_sums(run))


def _sums(run: Run) -> Iterator[tuple[str, float]]:
    figures = run.figures
    senders = int(run.scenario.startswith("four to")) * 3 + 1
    for name, counts in (
        ("cpu", {"publisher_cpu": 1, "subscriber_cpu": run.receivers, "server_cpu": 1}),
        (
            "memory",
            {
                "publisher_memory": senders,
                "subscriber_memory": run.receivers,
                "server_memory": 1,
            },
        ),
    ):
        if f"publisher_{name}" in figures:
            yield name, sum(figures.get(part, 0.0) * times for part, times in counts.items())

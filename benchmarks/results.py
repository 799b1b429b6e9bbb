"""What a run of the benchmarks leaves behind: one JSON file, from which the page is rendered."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """What is measured: its unit, and which way is good."""

    unit: str
    more_is_better: bool
    title: str


FIGURES = {
    "rate": Figure("messages/s", True, "messages a second, all receivers together"),
    "publisher_ns": Figure("ns", False, "elapsed time a message at each publisher, but for credit"),
    "p50": Figure("ns", False, "median"),
    "p99": Figure("ns", False, "99th percentile"),
    "p99_9": Figure("ns", False, "99.9th percentile"),
    "publisher_cpu": Figure("s", False, "processor seconds per million messages, publishers"),
    "subscriber_cpu": Figure("s", False, "processor seconds per million messages, subscribers"),
    "server_cpu": Figure("s", False, "processor seconds per million messages, server"),
    "publisher_memory": Figure("bytes", False, "own memory (USS) of a publisher"),
    "subscriber_memory": Figure("bytes", False, "own memory (USS) of a subscriber"),
    "server_memory": Figure("bytes", False, "resident memory of the servers, and what is shared"),
    "wakeups": Figure("a second", False, "context switches of an idle subscriber"),
    "idle_cpu": Figure("s/s", False, "processor time of an idle subscriber"),
}


@dataclass(frozen=True)
class Run:
    """One scenario with one peer, once."""

    scenario: str
    """"one to one", "one to four", "four to one", "round trip", "one way", "burst", "idle"."""
    peer: str
    way: str
    """Of calling or waiting: "single", "batched", "loan", "spin", "sleep", "default", "asyncio"."""
    size: int
    repetition: int
    figures: dict[str, float]
    """By name in FIGURES."""
    pinned: bool = True
    receivers: int = 1


@dataclass(frozen=True)
class Floor:
    """A limit of the machine or of Python, measured between the others."""

    name: str
    unit: str
    repetition: int
    value: float


@dataclass(frozen=True)
class Failure:
    """A run that did not end well, and is not among the figures."""

    scenario: str
    peer: str
    way: str
    size: int
    error: str


@dataclass
class Results:
    """All of it."""

    about: dict[str, str]
    """Machine, kernel, Python, date, commit: what a reader must know to judge the numbers."""
    peers: dict[str, dict[str, str]] = field(default_factory=dict)
    """By name: version, settings, family."""
    runs: list[Run] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write as JSON, one run a line, so that a diff can be read."""
        rows = {
            "runs": map(asdict, self.runs),
            "floors": map(asdict, self.floors),
            "failures": map(asdict, self.failures),
        }
        parts = [f'"about": {json.dumps(self.about, indent=1)}']
        parts.append(f'"peers": {json.dumps(self.peers, indent=1)}')
        parts += [f'"{key}": [\n{_lines(values)}\n]' for key, values in rows.items()]
        path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            about=found["about"],
            peers=found["peers"],
            runs=[Run(**row) for row in found["runs"]],
            floors=[Floor(**row) for row in found["floors"]],
            failures=[Failure(**row) for row in found["failures"]],
        )


@dataclass(frozen=True)
class Spread:
    """Of the repetitions: what the report shows."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])


def _lines(rows: Iterable[dict[str, object]]) -> str:
    return ",\n".join(json.dumps(row) for row in rows)

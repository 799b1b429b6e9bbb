"""What a phase came to on one side, and what can be said about both.

A `Result` is a publisher's figures and its three subscribers'. Figures that all subscribers share
are given as their mean; latencies are of all three together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from demo.measure import Histogram
from demo.messages import SUBSCRIBERS, Figures, Phase

Side = Literal["podring", "tcp"]
SIDES: tuple[Side, Side] = ("podring", "tcp")
LABELS: dict[Side, str] = {"podring": "podring", "tcp": "TCP"}


@dataclass(slots=True)
class Result:
    """One phase on one side, all its slices so far. `broker_cpu_s` is None where none is needed."""

    publisher: Figures = field(default_factory=Figures)
    subscribers: list[Figures] = field(
        default_factory=lambda: [Figures() for _ in range(SUBSCRIBERS)]
    )
    broker_cpu_s: float | None = None

    @property
    def messages(self) -> int:
        """Messages that all subscribers received, together."""
        return sum(each.messages for each in self.subscribers)

    @property
    def lost(self) -> int:
        """Messages that were sent and did not come, of all subscribers together."""
        return sum(self.publisher.messages - each.messages for each in self.subscribers)

    @property
    def messages_per_s(self) -> float:
        """What each subscriber received a second, on average."""
        return _mean([_rate(each.messages, each.seconds) for each in self.subscribers])

    @property
    def bytes_per_s(self) -> float:
        """The same in bytes of payload."""
        return _mean([_rate(each.bytes, each.seconds) for each in self.subscribers])

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes, without what making the messages took."""
        used = self.publisher.cpu_s - self.publisher.source_s + (self.broker_cpu_s or 0.0)
        return used + sum(each.cpu_s for each in self.subscribers)

    @property
    def cpu_us_per_message(self) -> float:
        """Microseconds of CPU for each message at each subscriber."""
        return _rate(self.cpu_s * 1e6, self.messages)

    def latency_ns(self, percent: float) -> float | None:
        """A percentile of all subscribers' latencies."""
        return self._latencies().percentile(percent)

    @property
    def latencies(self) -> int:
        """How many latencies were taken."""
        return self._latencies().count

    def _latencies(self) -> Histogram:
        together = Histogram()
        for each in self.subscribers:
            together.merge(Histogram(each.latency))
        return together


Results = dict[tuple[Phase, Side], Result]


def _rate(count: float, per: float) -> float:
    return count / per if per > 0 else 0.0


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)

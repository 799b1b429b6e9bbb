"""What a half measures of itself: when, how much processor time, how much memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Account:
    """Between a half's first message and its last."""

    started: float = 0.0
    """Seconds of CLOCK_MONOTONIC, which all processes of a machine share."""
    ended: float = 0.0
    cpu_s: float = 0.0
    """Processor time of all threads, user and system."""
    memory: int = 0
    """Bytes that are this process's own, interpreter and payloads included (USS)."""
    waited_s: float = 0.0
    """Of a sender: how long it waited for the scenario's credit, which is not the peer's doing."""
    samples: dict[str, list[int]] = field(default_factory=dict)
    """Nanoseconds, by name."""


class Meter:
    """Starts to measure when it is made."""

    def __init__(self) -> None:
        self._cpu_ns = time.process_time_ns()
        self._started = time.perf_counter()

    def stop(self) -> Account:
        """What was measured until now."""
        ended = time.perf_counter()
        cpu_s = (time.process_time_ns() - self._cpu_ns) / 1e9
        return Account(self._started, ended, cpu_s, own_memory())


def own_memory() -> int:
    """Bytes of this process that it shares with nobody (USS)."""
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return sum(
        int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Private_")
    )

"""What the halves of a stream are to do; they get it in a pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.scenarios.board import Board
from benchmarks.scenarios.payloads import cycle_length

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.peers.protocol import Topology


@dataclass(frozen=True)
class Course:
    """One run of a stream."""

    size: int
    way: str
    senders: int
    receivers: int
    cycle: int
    """Different messages of each sender."""
    count: int
    """Messages of each sender, a multiple of the cycle."""
    window: int
    """How many messages a sender may be ahead of the slowest receiver; 0: it paces itself."""
    path: Path
    """Of the board."""

    @classmethod
    def of(cls, topology: Topology, messages: int, window: int, path: Path) -> Course:
        """Lay out a run.

        messages  about how many, of all senders together
        window    how many may be on their way, of all senders together; 0: any number
        """
        window //= topology.senders
        cycle = cycle_length(topology.size, window)
        count = max(1, round(messages / topology.senders / cycle)) * cycle
        shape = (topology.size, topology.way, topology.senders, topology.receivers)
        return cls(*shape, cycle, count, window, path)

    def board(self) -> Board:
        """Open the run's board."""
        return Board(self.path, self.senders, self.receivers)

"""Where a case is played: a folder, a peer that is served in it, halves, and the server's costs."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psutil

    from benchmarks.peers.protocol import Peer, Served, Topology


@dataclass
class Played:
    """How the halves of a case ended."""

    results: list[Any]
    """What each half returned, in the order of the halves."""
    server_cpu_s: float
    server_memory: int


@dataclass(frozen=True)
class Stage:
    """A peer that is ready for its ends to be opened."""

    served: Served
    folder: Path
    """For what the halves share; on memory, like /dev/shm: a benchmark of disks this is not."""

    def play(self, halves: Sequence[processes.Half]) -> Played:
        """Run the halves, and take the server's costs between the first and the last gate."""
        costs: list[float] = []
        results = processes.run(halves, at_gate=lambda _: costs.append(self._server_cpu_s()))
        return Played(results, costs[-1] - costs[0], self._server_memory())

    def _servers(self) -> list[psutil.Process]:
        import psutil  # here: the halves import this module, too, and need it not

        mains = [psutil.Process(pid) for pid in self.served.processes]
        return mains + [child for main in mains for child in main.children(recursive=True)]

    def _server_cpu_s(self) -> float:
        times = [server.cpu_times() for server in self._servers()]
        return float(sum(time.user + time.system for time in times))

    def _server_memory(self) -> int:
        resident = sum(server.memory_info().rss for server in self._servers())
        return int(resident) + self.served.shared


@contextmanager
def stage(peer: Peer, topology: Topology) -> Iterator[Stage]:
    """Serve a peer for as long as the block lasts, in a folder that is removed afterwards."""
    shared_memory = Path("/dev/shm")
    where = shared_memory if shared_memory.is_dir() else None
    prefix = f"podring-bench-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=where) as name:
        home, scratch = Path(name, "peer"), Path(name, "scratch")
        home.mkdir()
        scratch.mkdir()
        with peer.serve(home, topology) as served:
            yield Stage(served, scratch)

"""Whether topics go on, and processes stay small, while everything around them dies.

A topic stands still when somebody is inside a call that publishes and no message appears. That may
be for as long as a participant is stopped, or while a topic that keeps what it has waits for a
subscriber. A subscriber stands still when there is news and its offset does not move.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.crew import Crew
from tests.soak.generations import Generation, Generations, Page
from tests.soak.ledger import Word
from tests.soak.topics import BY_NAME

BOUND_S = 10.0
"""How long a topic or a subscriber may stand still, if this process itself gets its time."""
GROWTH = 48 << 20
WARM_S = 30.0


@dataclass
class Still:
    """Since when something has not moved."""

    at: int = -1
    since: float = 0.0
    told: bool = False


@dataclass
class Watch:
    """Looks at everything a few times a second; `wrong` is what must not be."""

    crew: Crew
    generations: Generations
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    longest_where: str = ""
    longest_reader: float = 0.0
    own_delay: float = 0.0
    growth: int = 0
    growth_who: str = ""
    stills: dict[str, Still] = field(default_factory=dict)
    sizes: dict[int, tuple[float, int]] = field(default_factory=dict)
    _last_look: float = 0.0
    _starved: float = 0.0

    def look(self) -> None:
        """One look at every living generation."""
        now = time.monotonic()
        # What keeps this process from looking keeps others from moving.
        delay = now - self._last_look if self._last_look else 0.0
        self.own_delay = max(self.own_delay, delay)
        self._starved = max(delay, self._starved * 0.98)
        self._last_look = now
        with self.crew.lock:
            stopped = {member.pid for member in self.crew.members if member.stopped}
            excused = dict(self.crew.excused)
        for generation in list(self.generations.there.values()):
            if not generation.deleted:
                self._look_at(generation, now, stopped, excused)

    def _look_at(
        self, generation: Generation, now: float, stopped: set[int], excused: dict[int, float]
    ) -> None:
        latest = generation.look()
        pages = [page for page in generation.pages.values() if page.fd >= 0 and page.open]
        paused = any(page.meta.process in stopped for page in pages)
        name = f"{generation.topic}.{generation.number}"
        driven = any(p.meta.role == "publisher" and p.words[Word.BUSY] for p in pages)
        waits = BY_NAME[generation.topic].spec.unsubscribed == "keep" and not any(
            page.meta.role == "subscriber" and not page.meta.lossy for page in pages
        )
        still = self._measure(name, latest or 0, now, resting=paused or waits or not driven)
        if still > self.longest:
            self.longest, self.longest_where = still, name
        for page in pages:
            if page.meta.role == "subscriber":
                self._look_at_reader(page, latest or 0, now, page.meta.process in stopped)

    def _look_at_reader(self, page: Page, latest: int, now: float, stopped: bool) -> None:
        offset = page.words[Word.END]
        idle = stopped or offset >= latest
        still = self._measure(page.path.name, offset, now, resting=idle)
        self.longest_reader = max(self.longest_reader, still)

    def _measure(self, name: str, at: int, now: float, *, resting: bool) -> float:
        """How long it has been standing still; complains once."""
        still = self.stills.setdefault(name, Still())
        if resting or at != still.at:
            still.at, still.since, still.told = at, now, False
            return 0.0
        lasted = now - still.since
        if lasted > BOUND_S + 5 * self._starved and not still.told:
            still.told = True
            self.wrong.append(f"{name} stands still at {at} for {lasted:.1f} s")
        return lasted

    def forget(self) -> None:
        """Drop what was seen of generations that are gone."""
        names = {page for g in self.generations.there.values() for page in g.pages}
        names |= {f"{g.topic}.{g.number}" for g in self.generations.there.values()}
        self.stills = {name: still for name, still in self.stills.items() if name in names}

    def weigh(self, processes: dict[int, str]) -> None:
        """Private memory of processes, against what they had when they were warm."""
        now = time.monotonic()
        for pid, name in processes.items():
            size = _private(pid)
            since, least = self.sizes.setdefault(pid, (now, 0))
            if not size or now - since < WARM_S:
                continue
            if not least:
                self.sizes[pid] = (since, size)
            elif size - least > self.growth:
                self.growth, self.growth_who = size - least, f"{name} from {least >> 20} MiB"
        for pid in set(self.sizes) - set(processes):
            del self.sizes[pid]

    def verdict(self) -> list[str]:
        if self.growth > GROWTH:
            self.wrong.append(f"{self.growth_who} grew by {self.growth >> 20} MiB")
        return self.wrong


def _private(pid: int) -> int:
    """Bytes of memory that are the process's own: no topics, no files."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0

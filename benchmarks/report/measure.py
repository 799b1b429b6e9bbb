"""How a figure to reach is computed: one median, or one median over another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import words
from benchmarks.report.book import KNOWN, best

if TYPE_CHECKING:
    from benchmarks.report.book import Book

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Median:
    """A number of the results, with what it is of."""

    value: float
    unit: str
    label: str

    def __str__(self) -> str:
        return f"{words.amount(self.value, self.unit)} ({self.label})"


@dataclass(frozen=True)
class Pick:
    """The best median among some peers and ways of calling; by default among ours.

    named   peers whose names hold this, whatever the case
    ours    whether they are podring's; None for either
    ways    empty for any
    barred  words that must not be in a peer's name
    """

    scenario: str
    size: int
    ways: tuple[str, ...]
    figure: str
    named: str = ""
    ours: bool | None = True
    barred: tuple[str, ...] = ()

    def of(self, book: Book) -> Median | None:
        found = {
            place: spread
            for place, spread in book.find(
                self.figure, [self.scenario], self.ways, [self.size]
            ).items()
            if self.ours in (None, book.is_ours(place.peer)) and self._is_named(place.peer)
        }
        first = best(found, self.figure)
        if first is None:
            return None
        place, spread = first
        return Median(spread.median, KNOWN[self.figure].unit, f"{place.peer}, {place.way}")

    def _is_named(self, peer: str) -> bool:
        name = peer.lower()
        return self.named.lower() in name and not any(word in name for word in self.barred)


@dataclass(frozen=True)
class Limit:
    """A floor, or several that are paid one after the other.

    message  bytes of a message, to turn bytes a second into messages a second
    """

    names: tuple[str, ...]
    message: int = 0

    def of(self, book: Book) -> Median | None:
        if any(name not in book.floors for name in self.names):
            return None
        unit = book.floor_units[self.names[0]]
        value = sum(book.floors[name].median for name in self.names)
        if unit == "bytes/s":
            value, unit = value / self.message, "messages/s"
        elif self.message:  # nanoseconds a message
            value, unit = 1e9 / value, "messages/s"
        return Median(value, unit, "floor: " + " + ".join(self.names))


@dataclass(frozen=True)
class Outcome:
    """What came out: `value` is None when something was not measured."""

    value: float | None
    shown: str
    source: str
    met: bool | None


@dataclass(frozen=True)
class Goal:
    """A median, or its ratio to another, that shall be at least `aim`; at most, where less is good.

    strictly  shall be beyond it
    """

    what: str
    ours: Pick
    aim: float
    against: Pick | Limit | None = None
    strictly: bool = False

    @property
    def more_is_better(self) -> bool:
        return KNOWN[self.ours.figure].more_is_better

    @property
    def wanted(self) -> str:
        """The aim in words."""
        beyond = ("above" if self.more_is_better else "below") if self.strictly else None
        bound = beyond or ("at least" if self.more_is_better else "at most")
        return f"{bound} {self._show(self.aim)}"

    def judge(self, book: Book) -> Outcome:
        """Compute it from the medians."""
        ours = self.ours.of(book)
        against = self.against.of(book) if self.against else None
        if ours is None or (self.against and (against is None or not against.value)):
            return Outcome(None, "not measured", "", None)
        value = ours.value / against.value if against else ours.value
        source = f"{ours}; {against}" if against else ours.label
        return Outcome(value, self._show(value), source, self._is_met(value))

    def _is_met(self, value: float) -> bool:
        if value == self.aim:
            return not self.strictly
        return (value > self.aim) == self.more_is_better

    def _show(self, value: float) -> str:
        if self.against is not None:
            return f"{words.digits(value)} times"
        return words.amount(value, KNOWN[self.ours.figure].unit)

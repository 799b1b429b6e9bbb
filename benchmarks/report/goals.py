"""The figures that podring set itself to reach on this kind of machine, as data.

A row is met when all its goals are, or one of them where it says either. Medians alone count, of
runs with pinned processes; against several peers, or several ways of calling one, the best counts.
Of podring a `block` topic counts wherever messages a second are compared with others'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.report.measure import KIB, MIB, Goal, Limit, Pick

if TYPE_CHECKING:
    from benchmarks.report.book import Book
    from benchmarks.report.measure import Outcome

COPYING = ("single", "batched")
PASSIVE = ("sleep", "default")
VARIANTS = ("exclusive", "block")
"""Of podring: what the plain one is compared with, or not to be mixed with."""

_others = partial(Pick, ours=False)


@dataclass(frozen=True)
class Row:
    """One row of the table. `key` is what explanations.toml calls it."""

    key: str
    what: str
    goals: tuple[Goal, ...]
    either: bool = False

    def judge(self, book: Book) -> tuple[list[Outcome], bool | None]:
        """What came out of each goal, and whether the row is met; None: not all measured."""
        outcomes = [goal.judge(book) for goal in self.goals]
        verdicts = [outcome.met for outcome in outcomes]
        if self.either and True in verdicts:
            return outcomes, True
        if not self.either and False in verdicts:
            return outcomes, False
        return outcomes, None if None in verdicts else all(verdicts)


def _one(size: int, way: str) -> Pick:
    """Of the topic that loses nothing by itself, as most of the others do."""
    return Pick("one to one", size, (way,), "rate", "block")


def _other(named: str, size: int, ways: tuple[str, ...], figure: str = "rate") -> Pick:
    return _others("one to one", size, ways, figure, named)


def _trip(*ways: str) -> Pick:
    return Pick("round trip", 64, ways, "p50")


def _other_trip(named: str, *ways: str) -> Pick:
    return _others("round trip", 64, ways, "p50", named)


def _copied(size: int, name: str) -> Row:
    ours = Pick("one to one", size, COPYING, "rate", "block")
    best = _others("one to one", size, COPYING, "rate")
    return Row(
        f"copied-{name}".replace(" ", "").lower(),
        f"one to one, {name} copied in and out; one of the two",
        (
            Goal("the best alternative that copies", ours, 2, best),
            Goal(
                "the copy across processes", ours, 0.8, Limit((f"copy in and out, {name}",), size)
            ),
        ),
        either=True,
    )


ROWS = (
    Row(
        "single-64b",
        "one to one, 64 B, one message a call",
        (
            Goal("messages a second", _one(64, "single"), 8e6),
            Goal("a pipe", _one(64, "single"), 4, _other("os.pipe", 64, ("single",))),
            Goal("ZeroMQ over ipc", _one(64, "single"), 7, _other("ZeroMQ", 64, ("single",))),
            Goal(
                "iceoryx2's Python binding",
                _one(64, "single"),
                14,
                _other("iceoryx2", 64, ("single", "loan")),
            ),
            Goal("the fastest of Redis", _one(64, "single"), 40, _other("Redis", 64, ())),
            Goal("RabbitMQ", _one(64, "single"), 400, _other("RabbitMQ", 64, ())),
        ),
    ),
    Row(
        "batched-64b",
        "one to one, 64 B, batched calls",
        (Goal("messages a second", _one(64, "batched"), 15e6),),
    ),
    Row(
        "single-1kib",
        "one to one, 1 KiB, one message a call",
        (
            Goal("messages a second", _one(KIB, "single"), 5e6),
            Goal("the best alternative", _one(KIB, "single"), 3.5, _other("", KIB, ("single",))),
        ),
    ),
    _copied(16 * KIB, "16 KiB"),
    _copied(256 * KIB, "256 KiB"),
    Row(
        "loan-4mib",
        "one to one, 4 MiB by loan and view",
        (
            Goal("messages a second", _one(4 * MIB, "loan"), 1e6),
            Goal("iceoryx2's loan", _one(4 * MIB, "loan"), 2, _other("iceoryx2", 4 * MIB, ())),
        ),
    ),
    Row(
        "trip-spin",
        "round trip, 64 B, spinning",
        (
            Goal("median", _trip("spin"), 450),
            Goal("iceoryx2's Python binding", _trip("spin"), 0.1, _other_trip("iceoryx2")),
            Goal("TCP", _trip("spin"), 0.01, _other_trip("TCP")),
        ),
    ),
    Row(
        "trip-sleep",
        "round trip, 64 B, sleeping",
        (
            Goal("the bare futex", _trip("sleep"), 1.25, Limit(("futex, round trip",))),
            Goal("the best alternative", _trip("sleep"), 1.1, _other_trip("", *PASSIVE)),
        ),
    ),
    Row(
        "trip-default",
        "round trip, 64 B, default settings, both sides hot",
        (Goal("median", _trip("default"), 1000),),
    ),
    Row(
        "trip-asyncio",
        "round trip, 64 B, asyncio",
        (
            Goal(
                "asyncio streams over a Unix socket",
                _trip("asyncio"),
                1,
                _other_trip("Unix", "asyncio"),
                strictly=True,
            ),
        ),
    ),
    Row(
        "fan-out",
        "one to four, 1 KiB",
        (
            Goal(
                "what a message costs the publisher one to one",
                Pick("one to four", KIB, ("single",), "publisher_ns", barred=VARIANTS),
                2,
                Pick("one to one", KIB, ("single",), "publisher_ns", barred=VARIANTS),
            ),
            Goal(
                "the best alternative, in total",
                Pick("one to four", KIB, ("single",), "rate"),
                3,
                _others("one to four", KIB, (), "rate"),
            ),
        ),
    ),
    Row(
        "fan-in",
        "four to one, 64 B",
        (
            Goal(
                "one to one",
                Pick("four to one", 64, ("single",), "rate", barred=VARIANTS),
                1 / 3,
                Pick("one to one", 64, ("single",), "rate", barred=VARIANTS),
            ),
        ),
    ),
    Row(
        "cpu",
        "processor time a message, 64 B",
        (
            Goal(
                "ZeroMQ's publisher",
                Pick("one to one", 64, ("single",), "publisher_cpu", barred=VARIANTS),
                0.25,
                _other("ZeroMQ", 64, ("single",), "publisher_cpu"),
            ),
            Goal(
                "ZeroMQ's subscriber",
                Pick("one to one", 64, ("single",), "subscriber_cpu", barred=VARIANTS),
                0.25,
                _other("ZeroMQ", 64, ("single",), "subscriber_cpu"),
            ),
        ),
    ),
    Row(
        "idle",
        "idle",
        (
            Goal("wake-ups", Pick("idle", 64, PASSIVE, "wakeups"), 0),
            Goal("processor time", Pick("idle", 64, PASSIVE, "idle_cpu"), 0),
        ),
    ),
    Row(
        "block",
        "`block` against `overwrite`, 64 B",
        (
            Goal(
                "overwrite",
                Pick("one to one", 64, ("single",), "rate", "block"),
                0.8,
                Pick("one to one", 64, ("single",), "rate", barred=VARIANTS),
            ),
        ),
    ),
)

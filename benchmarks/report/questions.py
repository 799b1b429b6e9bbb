"""What the page asks of the results, and the table and the plot that answer.

A question whose scenario was not measured is left out of the page. Order here is order there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.report import fractions, pictures, tables, words
from benchmarks.report.book import unique

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from matplotlib.figure import Figure

    from benchmarks.report.book import Book, Found

MEDIAN = {"p50": "p50"}
TRIP = {"p50": "p50", "p99": "p99", "p99.9": "p99_9"}
CPU = {"publisher": "publisher_cpu", "subscriber": "subscriber_cpu", "server": "server_cpu"}
MEMORY = {
    "publisher": "publisher_memory",
    "subscriber": "subscriber_memory",
    "server and shared": "server_memory",
}
PASSIVE = ("sleep", "default")
"""Ways of waiting in which a peer does not keep a processor busy: few can be told to sleep, and
what most do by default is just that."""


@dataclass(frozen=True)
class Question:
    """A section of the page. `plot` and `table` give nothing when there is nothing to show."""

    name: str
    title: str
    text: str
    table: Callable[[Book], str]
    plot: Callable[[Book], Figure | None]


def _streams(way: str, title: str, text: str) -> Question:
    return Question(
        f"throughput-{way}",
        title,
        text,
        partial(tables.by_size, figure="rate", scenario="one to one", ways=[way]),
        partial(pictures.over_sizes, figure="rate", scenario="one to one", way=way),
    )


def _many(name: str, scenario: str, title: str, text: str) -> Question:
    return Question(
        name,
        title,
        text,
        partial(_sizes_of_ways, figures=("rate", "publisher_cpu"), scenario=scenario),
        partial(pictures.panel_a_size, figures={"": "rate"}, scenarios=[scenario]),
    )


def _trips(way: str, ways: tuple[str, ...], title: str, text: str) -> Question:
    return Question(
        f"round-trip-{way}",
        title,
        text,
        partial(_figures_a_size, figures=TRIP, scenarios=["round trip"], ways=ways),
        partial(pictures.panel_a_size, figures=TRIP, scenarios=["round trip"], ways=ways),
    )


def _figures_a_size(
    book: Book, figures: dict[str, str], scenarios: Collection[str], ways: Collection[str] = ()
) -> str:
    """A table for each size, a column for each figure."""
    found: Found = {}
    for figure in figures.values():
        found |= book.find(figure, scenarios, ways)
    parts = []
    for size in unique(place.size for place in found):
        here = [place for place in found if place.size == size]
        parts.append(f"{words.size(size)}:\n\n" + tables.by_figure(book, figures, here))
    return "\n\n".join(parts)


def _sizes_of_ways(book: Book, figures: Collection[str], scenario: str) -> str:
    """A table for each figure, a column for each size."""
    parts = []
    for figure in figures:
        shown = tables.by_size(book, figure, scenario, ())
        if shown:
            parts.append(f"{tables.title(figure)}:\n\n{shown}")
    return "\n\n".join(parts)


def _smallest(book: Book, figures: dict[str, str]) -> str:
    """A column for each figure, of the smallest messages, one to one, one message a call."""
    found = book.find(next(iter(figures.values())), ["one to one"], ["single"])
    least = min((place.size for place in found), default=0)
    here = [place for place in found if place.size == least]
    return tables.by_figure(book, figures, here) if here else ""


QUESTIONS = (
    _streams(
        "single",
        "One to one, one message a call",
        "One publisher, one subscriber, nothing lost: messages a second.",
    ),
    _streams(
        "batched",
        "One to one, batched calls",
        "The same, where the library takes or gives several messages in one call.",
    ),
    _streams(
        "loan",
        "One to one, without a copy",
        "The publisher writes into memory that the library lends it, and the subscriber reads the "
        "message where it lies. The first and last bytes of each are written and checked, and "
        "nothing in between.",
    ),
    _trips(
        "spin",
        ("spin",),
        "Round trip, both sides spinning",
        "A message there and one back. A receiver that looks all the time takes a processor for "
        "itself.",
    ),
    _trips(
        "sleep",
        PASSIVE,
        "Round trip, default settings and asleep",
        "What each library does unless told otherwise (`default`), which for most is to sleep in "
        "the kernel; and podring told never to spin (`sleep`).",
    ),
    _trips(
        "asyncio",
        ("asyncio",),
        "Round trip under asyncio",
        "Both sides are coroutines of the library's own asyncio interface.",
    ),
    Question(
        "one-way",
        "One way",
        "From just before a message is sent until it is there, at a pace that nobody queues at.",
        partial(_figures_a_size, figures=TRIP, scenarios=["one way"]),
        partial(pictures.panel_a_size, figures=TRIP, scenarios=["one way"]),
    ),
    _many(
        "fan-out",
        "one to four",
        "One to four",
        "Every subscriber gets every message. The rate is of all four together; what a message "
        "costs the publisher stands in a table of its own.",
    ),
    Question(
        "tenth-subscriber",
        "The cost of the tenth subscriber",
        "Elapsed time that a message of 1 KiB takes its publisher, by how many subscribe. It has a "
        "processor for itself; the subscribers share another.",
        pictures.subscribers_table,
        pictures.over_subscribers,
    ),
    _many(
        "fan-in",
        "four to one",
        "Four to one",
        "Four publishers share a processor, and one subscriber checks the order of each.",
    ),
    Question(
        "cpu",
        "Processor time",
        "Processor seconds per million of the smallest messages, one to one, one message a call; "
        "user and system together. What is not spent here is left for the program.",
        partial(_smallest, figures={**CPU, "all": "cpu"}),
        partial(pictures.smallest, figures=CPU),
    ),
    Question(
        "memory",
        "Memory",
        "What each process of the same runs has for itself (USS: interpreter, imports), and what "
        "servers and shared memory take.",
        partial(_smallest, figures={**MEMORY, "all": "memory"}),
        partial(pictures.smallest, figures=MEMORY),
    ),
    Question(
        "burst",
        "A burst after idleness",
        "A hundred messages, one after the other, to a subscriber that had fallen asleep: from "
        "just before the first is sent until the last is there. The median of some dozens.",
        partial(_figures_a_size, figures=MEDIAN, scenarios=["burst"]),
        partial(pictures.panel_a_size, figures=MEDIAN, scenarios=["burst"]),
    ),
    Question(
        "idle",
        "Idle",
        "A subscriber waits, and nobody publishes.",
        partial(
            _figures_a_size,
            figures={"wake-ups a second": "wakeups", "processor time": "idle_cpu"},
            scenarios=["idle"],
        ),
        lambda _: None,
    ),
    Question(
        "unpinned",
        "Unpinned",
        "The same without telling the kernel where to run: it may put both processes on one "
        "processor, and move them.",
        pictures.unpinned_table,
        pictures.unpinned,
    ),
    Question(
        "floors",
        "What fraction of the floor is reached",
        "The floors are measured in the same minutes: by a C program between two processes, and by "
        "loops of Python that do nothing else. 100 % would be podring at no cost.",
        fractions.table,
        fractions.plot,
    ),
)

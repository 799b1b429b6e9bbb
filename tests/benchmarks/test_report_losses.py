"""Where podring loses is computed, and nothing is left out."""

from __future__ import annotations

from benchmarks.report import losses
from benchmarks.report.book import Book
from benchmarks.results import Results, Run
from tests.benchmarks.invented import run

PEERS = {
    "podring": {"family": "podring"},
    "podring (exclusive)": {"family": "podring"},
    "pipe": {"family": "pipe"},
}


def book(*runs: Run) -> Book:
    return Book(Results({}, PEERS, list(runs)))


def better(found: Book) -> list[tuple[str, str, str, list[str]]]:
    return [
        (case.place.scenario, case.place.way, case.figure, [place.peer for place, _ in case.better])
        for case in losses.cases(found)
        if case.better
    ]


def test_a_peer_with_a_better_median_is_named_with_both_numbers() -> None:
    found = book(
        run("one to one", "podring", "single", 64, rate=1e6),
        run("one to one", "pipe", "single", 64, rate=2e6),
    )
    assert better(found) == [("one to one", "single", "rate", ["pipe"])]
    assert "| 1 M/s | pipe 2 M/s |" in losses.section(found)


def test_less_is_better_but_for_messages_a_second() -> None:
    found = book(
        run("round trip", "podring", "default", 64, p50=900, p99=1000),
        run("round trip", "pipe", "default", 64, p50=950, p99=990),
    )
    assert better(found) == [("round trip", "default", "p99", ["pipe"])]


def test_the_median_of_the_repetitions_counts_and_an_overlap_is_said() -> None:
    rates = {"podring": (9e6, 2e6, 1e6), "pipe": (1e6, 3e6, 4e6)}
    runs = [
        run("one to one", peer, "single", 64, repetition, rate=rate)
        for peer, values in rates.items()
        for repetition, rate in enumerate(values)
    ]
    assert better(book(*runs)) == [("one to one", "single", "rate", ["pipe"])]
    assert "pipe 3 M/s (1 to 4) (overlaps)" in losses.section(book(*runs))


def test_a_variant_of_ours_does_not_hide_what_the_plain_one_loses() -> None:
    found = book(
        run("one to one", "podring", "single", 64, rate=1e6),
        run("one to one", "podring (exclusive)", "single", 64, rate=9e6),
        run("one to one", "pipe", "single", 64, rate=2e6),
    )
    assert better(found) == [("one to one", "single", "rate", ["pipe"])]


def test_a_variant_of_ours_is_not_somebody_else() -> None:
    found = book(
        run("one to one", "podring", "single", 64, rate=1e6),
        run("one to one", "podring (exclusive)", "single", 64, rate=9e6),
    )
    assert losses.cases(found) == []


def test_what_others_do_by_default_stands_against_our_sleeping_too() -> None:
    found = book(
        run("round trip", "podring", "default", 64, p50=700),
        run("round trip", "podring", "sleep", 64, p50=11_000),
        run("round trip", "podring", "spin", 64, p50=600),
        run("round trip", "pipe", "default", 64, p50=9_000),
    )
    assert better(found) == [("round trip", "sleep", "p50", ["pipe"])]
    assert len(losses.cases(found)) == 2


def test_a_way_that_only_others_have_stands_against_our_best() -> None:
    found = book(
        run("one to one", "podring", "single", 64, rate=1e6),
        run("one to one", "podring", "batched", 64, rate=5e6),
        run("one to one", "pipe", "loan", 64, rate=6e6),
    )
    assert better(found) == [("one to one", "batched", "rate", ["pipe"])]


def test_processor_time_and_memory_of_all_processes_together_count() -> None:
    found = book(
        *(
            run("one to one", peer, "single", 64, publisher_cpu=1, subscriber_cpu=1, server_cpu=cpu)
            for peer, cpu in {"podring": 0.5, "pipe": 0.0}.items()
        )
    )
    assert better(found) == [("one to one", "single", "cpu", ["pipe"])]


def test_where_nothing_is_lost_the_page_says_what_was_looked_for() -> None:
    found = book(
        run("one to one", "podring", "single", 64, rate=2e6),
        run("one to one", "pipe", "single", 64, rate=1e6),
    )
    text = " ".join(losses.section(found).split())
    assert text.startswith("Looked for in 1 comparison of medians")
    assert text.endswith("No other peer's median is better in any of them.")

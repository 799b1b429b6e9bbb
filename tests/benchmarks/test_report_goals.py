"""A figure to reach is computed from the results, and nothing but them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import floors
from benchmarks.report import fractions, goaltable
from benchmarks.report.book import Book
from benchmarks.report.goals import ROWS, Row
from benchmarks.report.measure import Goal, Limit, Pick
from benchmarks.results import FIGURES, Floor, Results, Run
from tests.benchmarks import invented
from tests.benchmarks.invented import run

PEERS = {
    "podring": {"family": "podring"},
    "podring (block)": {"family": "podring"},
    "pipe": {"family": "pipe"},
}
OURS = Pick("one to one", 64, ("single",), "rate")
THEIRS = Pick("one to one", 64, ("single",), "rate", ours=False)
TRIP = Pick("round trip", 64, ("sleep",), "p50")


def book(*runs: Run, **limits: float) -> Book:
    made = Results({}, PEERS, list(runs))
    made.floors = [Floor(name, "ns", 0, value) for name, value in limits.items()]
    return Book(made)


def both(ours: float, theirs: float) -> Book:
    return book(
        run("one to one", "podring", "single", 64, rate=ours),
        run("one to one", "pipe", "single", 64, rate=theirs),
    )


@pytest.mark.parametrize(("rate", "met"), [(7.9e6, False), (8e6, True), (9e6, True)])
def test_an_absolute_figure_is_met_from_its_aim_on(rate: float, met: bool) -> None:
    assert Goal("", OURS, 8e6).judge(both(rate, 1)).met is met


@pytest.mark.parametrize(("theirs", "met"), [(1e6, True), (2e6, True), (2.1e6, False)])
def test_a_ratio_of_rates_is_at_least_its_aim(theirs: float, met: bool) -> None:
    assert Goal("", OURS, 4, THEIRS).judge(both(8e6, theirs)).met is met


@pytest.mark.parametrize(("trip", "met"), [(10_000, True), (10_001, False)])
def test_a_ratio_of_times_is_at_most_its_aim(trip: float, met: bool) -> None:
    found = book(run("round trip", "podring", "sleep", 64, p50=trip), futex=8_000)
    assert Goal("", TRIP, 1.25, Limit(("futex",))).judge(found).met is met


def test_being_ahead_is_more_than_being_even() -> None:
    assert Goal("", OURS, 1, THEIRS, strictly=True).judge(both(2e6, 2e6)).met is False
    assert Goal("", OURS, 1, THEIRS).judge(both(2e6, 2e6)).met is True


def test_against_several_peers_the_best_counts() -> None:
    found = book(
        run("one to one", "podring", "single", 64, rate=8e6),
        run("one to one", "pipe", "single", 64, rate=1e6),
        run("one to one", "TCP", "single", 64, rate=2e6),
    )
    assert Goal("", OURS, 1, THEIRS).judge(found).value == 4


def test_unpinned_runs_count_for_no_figure() -> None:
    unpinned = Run("one to one", "podring", "single", 64, 0, {"rate": 9e6}, pinned=False)
    assert Goal("", OURS, 8e6).judge(book(unpinned)).met is None


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert Goal("", OURS, 4, THEIRS).judge(both(8e6, 0)).met is None
    assert Goal("", OURS, 4, Limit(("no such floor",))).judge(both(8e6, 1)).met is None


def test_a_row_needs_all_its_goals_unless_it_says_either() -> None:
    goals = (Goal("", OURS, 8e6), Goal("", OURS, 4, THEIRS))
    found = both(8e6, 4e6)
    assert Row("", "", goals).judge(found)[1] is False
    assert Row("", "", goals, either=True).judge(found)[1] is True


def test_a_floor_in_bytes_a_second_is_turned_into_messages() -> None:
    made = Results({}, floors=[Floor("copy", "bytes/s", 0, 8e9)])
    found = Limit(("copy",), 16_000).of(Book(made))
    assert found is not None
    assert (found.value, found.unit) == (500_000, "messages/s")


def test_floors_that_are_paid_one_after_the_other_are_added() -> None:
    found = Limit(("loop", "bytes"), 64).of(book(loop=60, bytes=40))
    assert found is not None
    assert (found.value, found.unit) == (1e7, "messages/s")


def test_every_floor_that_is_asked_for_is_measured() -> None:
    limits = [goal.against for row in ROWS for goal in row.goals] + [
        pair.floor for pair in fractions.PAIRS
    ]
    asked = {name for limit in limits if isinstance(limit, Limit) for name in limit.names}
    assert asked <= floors.UNITS.keys()


def test_every_figure_that_is_asked_for_is_measured() -> None:
    picks = [pick for row in ROWS for goal in row.goals for pick in (goal.ours, goal.against)]
    assert {pick.figure for pick in picks if isinstance(pick, Pick)} <= FIGURES.keys()


def test_a_full_run_judges_every_row() -> None:
    found = Book(invented.results())
    assert [row.key for row in ROWS if row.judge(found)[1] is None] == []


def test_a_run_without_anything_judges_none() -> None:
    assert {row.judge(book())[1] for row in ROWS} == {None}
    assert f"Of {len(ROWS)} rows 0 are met" in goaltable.section(book(), {})


def test_rows_have_names_of_their_own() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)


def test_a_row_that_is_not_met_shows_why_and_is_named_until_somebody_wrote_it() -> None:
    found = book(run("one to one", "podring (block)", "batched", 64, rate=1e6))
    assert goaltable.unexplained(found, {}) == ["batched-64b"]
    why = {"batched-64b": "A batch of this machine is a slow batch.", "idle": "It is met."}
    assert goaltable.unexplained(found, why) == []
    text = goaltable.section(found, why)
    assert "**one to one, 64 B, batched calls**: A batch of this machine is a slow batch." in text
    assert "It is met." not in text


def test_an_explanation_of_a_row_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goaltable, "EXPLANATIONS", tmp_path / "explanations.toml")
    goaltable.EXPLANATIONS.write_text('idel = "A slip of the pen."\n')
    with pytest.raises(ValueError, match=r"explanations\.toml explains idel, which no row"):
        goaltable.explanations()


def test_the_explanations_that_are_there_can_be_read() -> None:
    assert all(goaltable.explanations().values())

"""The histogram behind p50 and p99, and the figures on top of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.measure import Histogram
from demo.messages import Figures
from demo.results import Result
from demo.words import megabytes, ratio, size, span


@given(st.integers(min_value=0, max_value=(1 << 63) - 1))
def test_single_span_comes_back_within_three_percent(value: int) -> None:
    histogram = Histogram()
    histogram.add(value)
    found = histogram.percentile(50)
    assert found is not None
    assert abs(found - value) <= value / 32


@given(st.lists(st.integers(min_value=0, max_value=10**10), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_sorted_spans(values: list[int]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    ordered = sorted(values)
    for percent in (1, 50, 99, 100):
        exact = ordered[max(0, -(-len(values) * percent // 100) - 1)]
        found = histogram.percentile(percent)
        assert found is not None
        assert abs(found - exact) <= exact / 32


def test_empty_histogram_has_no_percentile() -> None:
    assert Histogram().percentile(50) is None


def test_clock_that_was_set_back_counts_as_nothing() -> None:
    histogram = Histogram()
    histogram.add(-5)
    assert histogram.percentile(50) == 0


def test_histogram_survives_json_and_merging() -> None:
    spans = [random.Random(7).randrange(10**9) for _ in range(1000)]
    whole, one, other = Histogram(), Histogram(), Histogram()
    for index, value in enumerate(spans):
        whole.add(value)
        (one if index % 3 else other).add(value)
    together = Histogram(one.to_json())
    together.merge(Histogram(other.to_json()))
    assert together.to_json() == whole.to_json()
    assert together.count == 1000


def test_result_counts_what_was_sent_and_did_not_come() -> None:
    result = Result(Figures(messages=10), [Figures(messages=n, seconds=2) for n in (10, 9, 7)])
    assert result.lost == 4
    assert result.messages == 26
    assert result.messages_per_s == pytest.approx(26 / 3 / 2)


def test_figures_are_written_as_people_read_them() -> None:
    assert [span(value) for value in (None, 4200.0, 41_000.0, 3_800_000.0, 1.2e9)] == [
        *("–", "4.2 µs", "41 µs", "3.8 ms", "1.2 s")
    ]
    assert [size(130), size(8 << 20)] == ["130 bytes", "8.0 MiB"]
    assert [megabytes(5e5), megabytes(2.31e9)] == ["0.5", "2,310"]
    assert [ratio(2.8, 1), ratio(1, 2), ratio(1, 1.01), ratio(0, 5), ratio(5, None)] == [
        *("2.8× more", "2.0× less", "the same", "", "")
    ]

"""Numbers as people read them."""

from __future__ import annotations

import pytest

from benchmarks.report import words
from benchmarks.results import Spread


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (8_123_456, "messages/s", "8.12 M/s"),
        (999, "messages/s", "999 /s"),
        (450, "ns", "450 ns"),
        (1_250, "ns", "1.25 µs"),
        (12_345_678, "ns", "12.3 ms"),
        (1536, "bytes", "1.5 KiB"),
        (9.5e9, "bytes/s", "9.5 GB/s"),
        (0.1284, "s", "0.128 s"),
        (1234.5, "s", "1,234 s"),
        (0, "s/s", "0 s/s"),
        (2.5e-5, "s/s", "2.5e-05 s/s"),
        (0.00025, "s/s", "0.00025 s/s"),
    ],
)
def test_an_amount_has_three_digits_and_its_unit(value: float, unit: str, text: str) -> None:
    assert words.amount(value, unit) == text


@pytest.mark.parametrize(
    ("count", "text"), [(64, "64 B"), (1024, "1 KiB"), (262144, "256 KiB"), (4 << 20, "4 MiB")]
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert words.size(count) == text


def test_a_range_is_told_in_the_medians_unit() -> None:
    assert words.spread(Spread(1.2e6, 0.9e6, 12.5e6), "messages/s") == "1.2 M/s (0.9 to 12.5)"


def test_a_range_of_one_value_is_that_value() -> None:
    assert words.spread(Spread(1500, 1500, 1500), "ns") == "1.5 µs"

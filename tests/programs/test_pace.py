"""Rates: how they are written, and that they are kept without drift, on a clock of our own."""

from __future__ import annotations

import pytest

from podring.cli import pace
from podring.cli.pace import Pacer, Rate


class Clock:
    """Time that passes only by sleeping, and oversleeps each time by a millisecond."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds + 0.001


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1000", Rate(1000, bytes=False)),
        ("0.5/s", Rate(0.5, bytes=False)),
        ("1e6", Rate(1e6, bytes=False)),
        ("100Mi/s", Rate(100 << 20, bytes=True)),
        ("100MiB/s", Rate(100 << 20, bytes=True)),
        ("500B", Rate(500, bytes=True)),
        ("2k/s", Rate(2000, bytes=True)),
    ],
)
def test_a_number_is_messages_and_a_unit_makes_it_bytes(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "nan", "inf", "fast", "1Qi", "0B", "/s", "1/m", "1e-9"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither messages a second"):
        Rate.parse(text)


def send(pacer: Pacer, count: int, size: int = 1) -> int:
    return sum(len(part) for part in pacer.parts([bytes(size)] * count))


@pytest.mark.parametrize(
    ("rate", "count", "size"),
    [
        (Rate(10, bytes=False), 50, 1),
        (Rate(250_000, bytes=False), 1_250_000, 1),
        (Rate(1000, bytes=True), 50, 100),
        (Rate(50e6, bytes=True), 2_500_000, 100),
    ],
)
def test_the_rate_is_kept_although_each_sleep_is_too_long(
    clock: Clock, rate: Rate, count: int, size: int
) -> None:
    pacer = Pacer(rate)
    assert send(pacer, count // 2, size) + send(pacer, count // 2, size) == count
    assert clock.now - 1000 == pytest.approx(5.0, rel=0.03)


def test_the_first_message_waits_for_nothing(clock: Clock) -> None:
    assert send(Pacer(Rate(0.001, bytes=False)), 1) == 1
    assert clock.now == 1000


def test_a_pause_of_the_source_is_not_caught_up_with(clock: Clock) -> None:
    pacer = Pacer(Rate(100, bytes=False))
    send(pacer, 1)
    clock.now += 3600
    started = clock.now
    send(pacer, 500)
    assert clock.now - started == pytest.approx(4.0, abs=0.1)  # one second's worth at once


def test_without_a_rate_a_batch_stays_whole(clock: Clock) -> None:
    batch = [b"a", b"b"]
    assert list(Pacer(None).parts(batch)) == [batch]

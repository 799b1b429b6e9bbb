"""The floors are measured by a program that is built once, and each has its unit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import floors
from benchmarks.floors import interpreter, native
from benchmarks.peers import podring
from benchmarks.peers.protocol import Topology
from tests.support.components import require

TWO_PROCESSORS = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="two processes on two processors"
)


@TWO_PROCESSORS
def test_every_floor_of_the_machine_is_measured() -> None:
    require("gcc")
    found = dict(native.measure(milliseconds=5))
    assert list(found) == list(native.UNITS)
    assert all(value > 0 for value in found.values())


def test_every_floor_of_python_is_measured() -> None:
    found = dict(interpreter.measure(count=1000))
    assert list(found) == list(interpreter.UNITS)
    assert found["Python: an empty for"] > 0


@TWO_PROCESSORS
def test_a_repetition_carries_each_floor_once_with_its_unit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require("gcc")
    monkeypatch.setattr(native.measure, "__defaults__", (5,))
    measured = floors.measure(3)
    assert {floor.name: floor.unit for floor in measured} == floors.UNITS
    assert len(measured) == len(floors.UNITS)
    assert {floor.repetition for floor in measured} == {3}


def test_the_program_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("gcc")
    monkeypatch.setattr(native, "BUILD", tmp_path)
    first = native.build()
    made = first.stat().st_mtime_ns
    assert native.build() == first
    assert first.stat().st_mtime_ns == made
    monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-O1"))
    assert native.build() != first
    assert len(list(tmp_path.iterdir())) == 2


@TWO_PROCESSORS
def test_a_floor_that_cannot_be_measured_says_which_and_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require("gcc")
    one = {next(iter(os.sched_getaffinity(0)))}
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, one)
    try:
        with pytest.raises(RuntimeError, match=r"floors: needs 2 processors, and may use 1"):
            dict(native.measure(5))
    finally:
        os.sched_setaffinity(0, before)
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(RuntimeError, match="no-such-compiler is missing"):
        dict(native.measure(5))


@pytest.mark.parametrize("size", native.SIZES.values())
def test_copies_go_through_a_ring_of_the_size_that_podring_is_given(size: int) -> None:
    assert native.ring_bytes(size) == podring.ring_bytes(Topology(1, 1, size))

"""What the demo checks: a stream that is not what was sent does not pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from demo import tape
from demo.files import BadInput, Facts, examine
from demo.messages import Figures, Phase
from demo.results import Result
from demo.verdict import complaints

SENT = Figures(messages=10, bytes=100, sha256="aa")


def nothing() -> None:
    pass


def said(got: Figures, phase: Phase = "paced", facts: Facts | None = None) -> list[str]:
    return complaints({(phase, "podring"): Result(SENT, [SENT, got, SENT])}, facts)


def test_stream_that_arrived_as_sent_passes() -> None:
    assert said(SENT) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"messages": 9, "bytes": 90}, "received 9 messages with 90 bytes, and 10 with 100"),
        ({"lost": 3}, "was told that it lost 3 messages"),
        ({"sha256": "bb"}, "sha256 bb, what was sent has aa"),
        ({"compared": 8, "wrong": 2}, "2 of 8 messages differ"),
    ],
)
def test_any_difference_is_told_with_the_subscriber(change: dict[str, object], words: str) -> None:
    (sentence,) = said(replace(SENT, **change))  # type: ignore[arg-type]
    assert sentence.startswith("podring subscriber 2, paced: ")
    assert words in sentence


def test_whole_file_is_compared_with_the_file_and_not_with_the_publisher() -> None:
    facts = Facts(bytes=100, messages=10, longest=10, sha256="cc")
    assert len(said(SENT, "whole", facts)) == 3


def test_tape_notices_a_message_that_is_missing_swapped_or_changed() -> None:
    messages = [b"a", b"b", b"c", b"d"]
    comparison = tape.Comparison(messages)
    assert comparison.differing(4, [b"a", b"b"]) == 0
    assert comparison.differing(3, [b"d", b"a", b"b"]) == 0
    assert comparison.differing(0, [b"a", b"c", b"d"]) == 2
    assert comparison.differing(1, [b"c", b"b"]) == 2
    assert comparison.differing(2, [b"c", b"D"]) == 1


def test_tape_comes_back_as_it_was_recorded_and_ends_at_its_limit(tmp_path: Path) -> None:
    path = str(tmp_path / "tape")
    messages = [bytes([number % 256]) * number for number in range(1, 300)]
    tape.record(path, iter(messages), nothing)
    assert tape.load(path) == messages
    tape.record(path, iter([b"x"] * (tape.LONGEST_MESSAGES + 5)), nothing)
    assert len(tape.load(path)) == tape.LONGEST_MESSAGES


def test_batches_hold_every_message_once_in_order() -> None:
    messages = [bytes(size) for size in (1, tape.BATCH_BYTES, 5, 6, 3 * tape.BATCH_BYTES, 2)]
    batches = tape.batches(messages)
    assert [message for batch in batches for message in batch] == messages
    assert all(len(batch) == 1 or sum(map(len, batch)) <= tape.BATCH_BYTES for batch in batches)


def test_facts_of_a_file_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one\ntwo\n\nthree")
    facts = examine(str(tmp_path / "f"), None, nothing)
    assert (facts.bytes, facts.messages, facts.longest) == (14, 4, 5)
    assert examine(str(tmp_path / "f"), 5, nothing).messages == 3


def test_line_that_no_topic_takes_is_refused_with_its_number_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.files.LONGEST", 100)
    (tmp_path / "f").write_bytes(b"short\n" * 3 + b"x" * 101 + b"\n")
    with pytest.raises(BadInput, match=r"line 4 of .* is longer than 100 bytes: FRAME="):
        examine(str(tmp_path / "f"), None, nothing)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(BadInput, match="is empty"):
        examine(str(tmp_path / "f"), None, nothing)

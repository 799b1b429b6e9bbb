"""Bytes cut into messages and put together again, for any bytes in any pieces."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podring.cli import framing
from podring.cli.exits import Exit, Failure

pieces = st.lists(st.binary(min_size=1, max_size=300), max_size=20)
texts = st.lists(
    st.text("a\r\n\0é", max_size=40).map(str.encode).filter(bool),
    max_size=20,
)
LONG = 1 << 20


def all_of(batches: framing.Batches) -> list[bytes]:
    return [bytes(message) for batch in batches for message in batch]


def cut(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """`data` in pieces of the given sizes, and the rest."""
    found = []
    for size in sizes:
        found.append(data[:size])
        data = data[size:]
    return [piece for piece in (*found, data) if piece]


@given(texts)
@example([b"no newline at the end"])
@example([b"a\r\n", b"\0\n", b"\n", b"\r"])
@example([b"a", b"b", b"\n", b"c"])
def test_lines_are_cut_at_each_newline_and_keep_it(chunks: list[bytes]) -> None:
    messages = all_of(framing.lines(chunks, LONG, "stdin"))
    whole = b"".join(chunks)
    assert framing.joined(messages) == whole
    assert len(messages) == whole.count(b"\n") + (not whole.endswith(b"\n") and bool(whole))
    assert all(m.count(b"\n") == m.endswith(b"\n") for m in messages)


@given(pieces, st.integers(1, 700))
def test_blocks_are_all_of_one_size_but_the_last(chunks: list[bytes], size: int) -> None:
    messages = all_of(framing.blocks(chunks, size))
    assert framing.joined(messages) == b"".join(chunks)
    assert all(len(message) == size for message in messages[:-1])
    assert all(1 <= len(message) <= size for message in messages[-1:])


@given(st.lists(st.binary(max_size=300)), st.lists(st.integers(1, 9), max_size=300))
def test_length_prefixed_messages_come_back_one_by_one(
    messages: list[bytes], sizes: list[int]
) -> None:
    stream = framing.with_lengths(messages)
    assert all_of(framing.prefixed(cut(stream, sizes), LONG, "stdin")) == messages


def test_the_length_is_four_bytes_in_network_order() -> None:
    assert framing.with_lengths([b"abc", b""]) == b"\0\0\0\3abc\0\0\0\0"


@given(st.lists(st.binary(max_size=8), max_size=5))
def test_every_message_can_be_given_a_line_of_its_own(messages: list[bytes]) -> None:
    assert framing.terminated(messages).count(b"\n") >= len(messages)
    assert framing.terminated([b"a", b"b\n"]) == b"a\nb\n"


def test_big_messages_are_not_copied_again_for_each_piece_of_input() -> None:
    """A message of 64 MiB in pieces of 64 KiB: joined once, so well below a second."""
    message = bytes(64 << 20)
    stream = framing.with_lengths([message])
    chunks = [stream[i : i + 65536] for i in range(0, len(stream), 65536)]
    assert all_of(framing.prefixed(chunks, len(message), "x")) == [message]
    assert all_of(framing.blocks(chunks, 1 << 30)) == [stream]
    assert all_of(framing.lines(chunks, 1 << 30, "x")) == [stream]


@pytest.mark.parametrize(
    ("chunks", "before", "said"),
    [
        ([b"ok\nlonger\n"], [b"ok\n"], "f, line 2: 7 bytes do not fit, the topic takes at most 4"),
        ([b"ok\nok\n", b"long", b"er"], [b"ok\n", b"ok\n"], "line 3: 6 bytes or more do not fit"),
        ([b"endless"], [], "line 1: 7 bytes or more"),
    ],
)
def test_a_line_too_long_is_named_and_what_stands_before_it_is_given(
    chunks: list[bytes], before: list[bytes], said: str
) -> None:
    given_before: list[bytes] = []
    with pytest.raises(Failure) as failure:  # noqa: PT012
        for batch in framing.lines(chunks, 4, "f"):
            given_before += [bytes(message) for message in batch]
    assert given_before == before
    assert said in str(failure.value)
    assert failure.value.code == Exit.BAD_INPUT


@pytest.mark.parametrize(
    ("stream", "before", "said"),
    [
        (b"\0\0\0\1a\0\0\0\5abcde", [b"a"], "f, message 2: 5 bytes do not fit"),
        (b"\0\0\0\1a\0\0\0\3ab", [b"a"], "f ends within message 2: 6 bytes of it are there"),
        (b"\0\0\0\1a\0\0", [b"a"], "f ends within message 2: 2 bytes of it are there"),
        (b"\xff\xff\xff\xff", [], "message 1: 4294967295 bytes do not fit"),
    ],
)
def test_a_record_that_cannot_be_is_named_and_what_stands_before_it_is_given(
    stream: bytes, before: list[bytes], said: str
) -> None:
    given_before: list[bytes] = []
    with pytest.raises(Failure) as failure:  # noqa: PT012
        for batch in framing.prefixed([stream], 4, "f"):
            given_before += [bytes(message) for message in batch]
    assert given_before == before
    assert said in str(failure.value)

"""Bytes that go in come out unchanged, through both programs and shared memory."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podring.cli.framing import with_lengths
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import PUBLISHER, publish, received, run

through_processes = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
texts = st.lists(st.sampled_from([b"\n", b"\r\n", b"\0", b"\r", b"word", b"\xff\xfe", b"\n\n"]))


def fresh(topic: str) -> None:
    """Empty the topic by making it anew."""
    LocalBroker().delete(topic)
    LocalBroker().create(topic, TopicSpec("4Mi", "64Ki"))


@through_processes
@given(texts.map(b"".join))
@example(b"no newline at the end")
@example(b"crlf\r\nnul\0\n\n\n\xff")
@example(b"")
def test_lines(topic: str, data: bytes) -> None:
    fresh(topic)
    publish(topic, data)
    assert received(topic) == data


@through_processes
@given(st.binary(max_size=20_000), st.integers(1, 5000))
@example(bytes(range(256)), 256)
def test_blocks(topic: str, data: bytes, size: int) -> None:
    fresh(topic)
    publish(topic, data, "--frame-size", str(size))
    assert received(topic) == data


@through_processes
@given(st.lists(st.binary(max_size=2000), max_size=30))
@example([b"", b"a", b""])
def test_length_prefixed(topic: str, messages: list[bytes]) -> None:
    fresh(topic)
    stream = with_lengths(messages)
    publish(topic, stream, "--length-prefixed")
    assert received(topic, "--length-prefixed") == stream


def test_lines_writes_a_newline_where_a_message_has_none(topic: str) -> None:
    publish(topic, b"abcde", "--frame-size", "2")
    assert received(topic, "--lines") == b"ab\ncd\ne\n"


def test_several_files_are_sent_in_order_and_no_message_spans_two(
    topic: str, tmp_path: Path
) -> None:
    for file, data in (("a", b"1\n2"), ("b", b""), ("c", b"3\n")):
        (tmp_path / file).write_bytes(data)
    paths = [str(tmp_path / "a"), str(tmp_path / "b"), "-", str(tmp_path / "c")]
    publish(topic, b"in\n", "--file", *paths)
    assert received(topic) == b"1\n2in\n3\n"
    assert received(topic, "--length-prefixed") == with_lengths([b"1\n", b"2", b"in\n", b"3\n"])


def test_output_goes_to_a_file_that_is_emptied_first(topic: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"old and longer than what comes")
    data = secrets.token_bytes(1000)
    publish(topic, data, "--frame-size", "64Ki")
    assert received(topic, "--output", str(copy)) == b""
    assert copy.read_bytes() == data


@pytest.mark.parametrize(
    ("data", "options", "said", "sent"),
    [
        (b"ok\n" + b"x" * 70_000 + b"\n", (), "stdin, line 2: ", b"ok\n"),
        (b"ok\n" + b"x" * 4_000_000, (), "stdin, line 2: ", b"ok\n"),
        (
            b"\0\0\0\2ok\0\0\1\0only",
            ("--length-prefixed",),
            "stdin ends within message 2: 8 bytes of it are there, lengths included, and 260 were",
            b"ok",
        ),
        (b"\0\0\0\2ok\x7f\0\0\0", ("--length-prefixed",), "message 2: 2130706432 bytes", b"ok"),
    ],
)
def test_input_that_cannot_be_sent_is_named_and_what_stands_before_it_is_sent(
    topic: str, data: bytes, options: tuple[str, ...], said: str, sent: bytes
) -> None:
    done = run(*PUBLISHER, topic, *options, input=data)
    assert done.returncode == 8
    assert done.stderr.startswith(b"podring-publisher: ")
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert received(topic) == sent

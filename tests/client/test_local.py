"""Topics with no broker at all: shared memory alone, and several processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

import podring.local
from podring import client, segment
from podring.errors import InvalidTopic, LayoutMismatch, NoRoom, TopicExists, TopicNotFound
from podring.local import OWNER, LocalBroker, not_found
from podring.topic import TopicRecord, TopicSpec

SPEC = TopicSpec("1Mi", "4Ki")


@pytest.fixture
def broker() -> LocalBroker:
    return LocalBroker()


def segments_of(name: str) -> list[str]:
    """What lies in shared memory for a topic, whatever its state."""
    return [found.segment for found in segment.scan(OWNER) if found.segment.endswith(f".{name}")]


def test_a_topic_is_created_found_listed_and_deleted(broker: LocalBroker, name: str) -> None:
    record = broker.create(name, SPEC)
    assert (record.name, record.spec) == (name, SPEC)
    assert broker.get(name) == record
    assert record in broker.topics()
    assert broker.status(name).latest == 1
    broker.delete(name)
    assert segments_of(name) == []
    with pytest.raises(TopicNotFound):
        broker.get(name)


def test_creating_the_same_again_finds_the_first(broker: LocalBroker, name: str) -> None:
    record = broker.create(name, SPEC)
    assert broker.create(name, TopicSpec(1 << 20, 4096)) == record
    assert segments_of(name) == [record.segment]


def test_other_sizes_are_refused_with_both(broker: LocalBroker, name: str) -> None:
    broker.create(name, SPEC)
    with pytest.raises(TopicExists, match=r"shmsize 1048576, msgsize 4096.*shmsize 2097152"):
        broker.create(name, TopicSpec("2Mi", "4Ki"))


def test_a_topic_made_again_is_a_new_generation(broker: LocalBroker, name: str) -> None:
    first = broker.create(name, SPEC)
    broker.delete(name)
    second = broker.create(name, TopicSpec("2Mi", "4Ki"))
    assert second.generation > first.generation
    assert segments_of(name) == [second.segment]


def test_an_unknown_topic_is_told_with_those_that_there_are(broker: LocalBroker, name: str) -> None:
    broker.create(name, SPEC)
    with pytest.raises(TopicNotFound, match=rf"no topic 'typo' in .*; it knows .*'{name}'"):
        broker.get("typo")
    with pytest.raises(TopicNotFound, match="no topic 'typo'"):
        broker.delete("typo")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], "nor any other: create it first"),
        (["a"], "it knows 'a'"),
        (["a", "b"], "it knows 'a' and 'b'"),
        (["a", "b", "c"], "it knows 'a', 'b' and 'c'"),
        (list("abcdefghijk"), "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 3 more"),
    ],
)
def test_the_list_of_known_topics_reads_as_a_sentence(known: list[str], said: str) -> None:
    assert not_found("x", "here", known).endswith(said)


@pytest.mark.parametrize("name", ["../x", "", "n" * 300, "a\0b", "🙂", "/etc", "."])
def test_a_hostile_name_touches_nothing(broker: LocalBroker, name: str) -> None:
    before = os.listdir("/dev/shm")
    with pytest.raises(InvalidTopic) as refused:
        broker.create(name, SPEC)
    assert refused.value.field == "topicname"
    assert os.listdir("/dev/shm") == before


def test_a_topic_larger_than_memory_is_refused_and_leaves_nothing(
    broker: LocalBroker, name: str
) -> None:
    with pytest.raises(NoRoom, match=r"needs \d+ bytes of shared memory and \d+ are free"):
        broker.create(name, TopicSpec("250Gi", "1Mi"))
    assert segments_of(name) == []


CREATE = """
import sys
from podring.client import create_topic
from podring.topic import TopicSpec
sys.stdin.read()  # all at once, when the test closes it
print(create_topic(sys.argv[1], TopicSpec("4Mi", "4Ki"), broker="local").segment)
"""


def test_processes_that_create_the_same_topic_at_once_get_the_same_one(name: str) -> None:
    read_end, write_end = os.pipe()
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, name], stdin=read_end, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    os.close(read_end)
    time.sleep(0.5)
    os.close(write_end)
    answers = {child.communicate(timeout=60)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0] * 8
    assert answers == set(segments_of(name))
    assert len(answers) == 1


@pytest.fixture
def half_made(name: str) -> Iterator[str]:
    """A segment whose creator died before it was ready."""
    left = f"podring.{OWNER}.1.{name}"
    for half in (".roster", ".ring"):
        with open(f"/dev/shm/{left}{half}", "wb") as file:
            file.truncate(8192)
    yield left
    segment.remove(left)


def test_what_a_dead_creator_left_is_no_topic_and_is_swept_up(
    broker: LocalBroker, name: str, half_made: str
) -> None:
    with pytest.raises(TopicNotFound):
        broker.get(name)
    record = broker.create(name, SPEC)
    assert segments_of(name) == [record.segment] != [half_made]


def test_what_a_dead_deleter_left_is_no_topic_and_is_swept_up(
    broker: LocalBroker, name: str
) -> None:
    first = broker.create(name, SPEC)
    segment.mark_deleted(first.segment)
    with pytest.raises(TopicNotFound):
        broker.get(name)
    second = broker.create(name, SPEC)
    assert segments_of(name) == [second.segment] != [first.segment]


def test_a_segment_of_another_layout_is_left_alone(
    broker: LocalBroker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in use by a newer podring: only our own leftovers are swept."""
    other = broker.create(name, SPEC)

    class OtherLayout:
        def __init__(self, *_: object, **__: object) -> None:
            raise LayoutMismatch("layout 9.0")

    with monkeypatch.context() as patched:
        patched.setattr(segment, "Segment", OtherLayout)
        podring.local._sweep()
    assert broker.get(name) == other


LOCK = """
import time
from podring import segment
with segment.owner_lock("local", timeout_s=5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_creator_killed_under_the_lock_holds_nobody_up(broker: LocalBroker, name: str) -> None:
    with subprocess.Popen([sys.executable, "-c", LOCK], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        child.send_signal(signal.SIGKILL)
        started = time.monotonic()
        broker.create(name, SPEC)
        assert time.monotonic() - started < 2


def test_looking_up_needs_no_lock_and_creating_waits_for_it(
    broker: LocalBroker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = broker.create(name, SPEC)
    monkeypatch.setattr(podring.local, "LOCK_TIMEOUT_S", 0.1)
    with segment.owner_lock(OWNER, timeout_s=5):
        assert broker.get(name) == record
        with pytest.raises(TimeoutError, match=r"after 0\.1 s another process still keeps"):
            broker.delete(name)
    broker.delete(name)


def test_the_functions_take_an_address(name: str) -> None:
    record: TopicRecord = client.create_topic(name, broker="local")
    assert record.spec == TopicSpec()
    assert client.get_topic(name, broker="local") == record
    assert record in client.topics(broker="local")
    client.delete_topic(name, broker="local")
    with pytest.raises(TopicNotFound):
        client.get_topic(name, broker="local")


@pytest.mark.parametrize("spec", ["64Mi", 65536, {"size": "64Mi"}, True])
def test_what_is_no_spec_is_refused_with_how_to_write_one(name: str, spec: Any) -> None:
    with pytest.raises(TypeError, match=r"write TopicSpec\(size="):
        client.create_topic(name, spec, broker="local")
    with pytest.raises(TypeError, match=r"write TopicSpec\(size="):
        podring.Publisher(name, create=spec, broker="local")
    with pytest.raises(TypeError, match=r"write TopicSpec\(size="):
        client.create_topic(name, spec, broker="http://127.0.0.1:1")

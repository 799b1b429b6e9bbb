"""Opening and ending: fork, forgetting to close, full rosters, other layouts, cost of import."""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import mmap
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podring import (
    CorruptRing,
    HandleClosed,
    LayoutMismatch,
    OffsetOutOfRange,
    Publisher,
    PublisherBusy,
    Subscriber,
    TooManyParticipants,
    TopicNotFound,
    TopicSpec,
)
from podring.client import broker_at
from podring.ring import _ring
from podring.segment import Segment
from tests.ring.children import Child, killed_in_a_loan
from tests.ring.conftest import Topic


@pytest.fixture
def in_child() -> Callable[[Callable[[], None]], None]:
    """Run something in a forked child, and fail if it failed there."""

    def run(work: Callable[[], None]) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work()
                status = 0
            except BaseException:  # noqa: BLE001  the child ends here, whatever it was
                traceback.print_exc()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "see the child's traceback"

    return run


def alive(topic: Topic) -> list[bool]:
    return [one.alive for one in broker_at("local").status(topic.name).participants]


def test_a_forked_child_cannot_use_what_it_inherited(
    topic: Topic, in_child: Callable[[Callable[[], None]], None]
) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(b"before")
    message = subscriber.view(timeout=5)

    def work() -> None:
        uses: list[Callable[[], Any]] = [
            lambda: publisher.publish(b"x"),
            lambda: publisher.publish_many([b"x"]),
            lambda: publisher.loan(1).__enter__(),
            subscriber.receive,
            subscriber.receive_nowait,
            subscriber.receive_many,
            subscriber.view,
            lambda: next(subscriber),
        ]
        for use in uses:
            with pytest.raises(HandleClosed, match="belongs to the parent process: open another"):
                use()
        assert publisher.closed
        assert subscriber.closed
        publisher.close()
        subscriber.close()
        assert bytes(message) == b"before"  # views stay
        with Publisher(topic.name, broker="local") as own:
            own.publish(b"from the child")

    in_child(work)
    assert alive(topic) == [True, True]
    assert publisher.publish(b"after") == 3
    assert subscriber.receive_many(timeout=5) == [b"from the child", b"after"]


def test_a_child_leaves_its_parents_loan_alone(
    topic: Topic, in_child: Callable[[Callable[[], None]], None]
) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    with publisher.loan(4) as loan:

        def work() -> None:
            with pytest.raises(HandleClosed):
                loan.__exit__(None, None, None)
            publisher.close()

        in_child(work)
        loan[:] = b"mine"
    assert subscriber.receive(timeout=5) == b"mine"


PARENT_WITH_A_CHILD = """
    import os, sys, time
    from podring import Publisher, Subscriber
    publisher = Publisher(sys.argv[1], broker="local")
    subscriber = Subscriber(sys.argv[1], broker="local")
    kept = publisher.loan(10)
    kept.__enter__()
    if os.fork() == 0:
        print(os.getpid(), flush=True)  # by now it has let go of what was its parent's
        os.close(1)
        time.sleep(120)
        os._exit(0)
    time.sleep(1000)
"""


def test_a_parents_death_is_seen_although_its_child_lives_on(topic: Topic) -> None:
    publisher = topic.publisher()
    with Child(PARENT_WITH_A_CHILD, topic.name) as parent:
        grandchild = int(parent.line())
        try:
            assert alive(topic) == [True, True, True]
            parent.kill()
            os.kill(grandchild, 0)  # it does live on
            assert alive(topic) == [True, False, False]
            started = time.monotonic()
            assert publisher.publish(b"taken over") == 1
            assert time.monotonic() - started < 5
            os.kill(grandchild, 0)
        finally:
            os.kill(grandchild, signal.SIGKILL)


def test_the_entry_of_a_dead_participant_is_used_again(topic: Topic) -> None:
    topic.create()
    killed_in_a_loan(topic.name)
    # A subscriber leaves the dead holder's entry alone: only a publisher can give the lock back.
    with topic.subscriber() as subscriber:
        assert subscriber.slot == 1
    with topic.publisher() as heir:
        assert heir.slot == 0
        with topic.publisher() as other:
            assert other.publish(b"the lock is free") == 2


def test_an_exclusive_publisher_that_was_killed_is_inherited_from(topic: Topic) -> None:
    publisher = topic.publisher()
    killed_in_a_loan(topic.name, exclusive=True)
    with topic.publisher(exclusive=True) as heir:
        assert heir.publish(b"heir") == 2
        with pytest.raises(PublisherBusy):
            publisher.publish(b"x")
    killed_in_a_loan(topic.name, exclusive=True)
    assert publisher.publish(b"next") == 4


@pytest.mark.parametrize("kind", [Publisher, Subscriber])
def test_forgetting_to_close_is_warned_of_and_made_good(topic: Topic, kind: Any) -> None:
    topic.create()
    opened = kind(topic.name, broker="local")
    assert alive(topic) == [True]
    with pytest.warns(ResourceWarning, match=rf"unclosed <{kind.__name__} of '{topic.name}'"):  # noqa: PT031
        del opened
        gc.collect()
    assert alive(topic) == []
    with kind(topic.name, broker="local") as opened:
        pass
    opened.close()
    del opened  # warnings are errors here
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_forgetting_to_close_is_made_good_where_warnings_are_errors(topic: Topic) -> None:
    topic.create()
    opened = Subscriber(topic.name, broker="local")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del opened
        gc.collect()
    assert alive(topic) == []


def test_a_closed_object_says_so_and_closing_twice_is_fine(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    for opened in (publisher, subscriber):
        assert "closed" not in repr(opened)
        opened.close()
        opened.close()
        assert "closed" in repr(opened)
    assert publisher.closed
    assert subscriber.closed
    with pytest.raises(HandleClosed, match=rf"this publisher of topic '{topic.name}' is closed"):
        publisher.publish(b"x")
    with pytest.raises(HandleClosed, match="this subscriber"):
        subscriber.receive()
    assert (subscriber.offset, subscriber.lag, subscriber.last) == (1, 0, None)


def test_what_was_never_opened_says_so(topic: Topic) -> None:
    for kind in (Publisher, Subscriber):
        made: Any = kind.__new__(kind)
        assert made.closed
        uses = ["publish"] if kind is Publisher else ["receive", "__next__"]
        for use in uses:
            with pytest.raises(HandleClosed, match="never opened"):
                getattr(made, use)(*([b""] if use == "publish" else []))
    for name in ("offset", "lag", "last"):
        with pytest.raises(HandleClosed, match="never opened"):
            getattr(Subscriber.__new__(Subscriber), name)


def test_an_opening_that_fails_leaves_nothing_behind(topic: Topic) -> None:
    publisher = topic.publisher(exclusive=True)
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(OffsetOutOfRange):
            topic.subscriber(start=99)
        with pytest.raises(PublisherBusy):
            topic.publisher(exclusive=True)
        with pytest.raises(ValueError, match="spin"):
            topic.subscriber(spin=-1)
    gc.collect()  # an unclosed object would warn now
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert alive(topic) == [True]
    assert publisher.publish(b"x") == 1


def test_a_full_roster_is_told(topic: Topic) -> None:
    topic.create()
    with contextlib.ExitStack() as stack:
        for _ in range(_ring.PARTICIPANTS_MAX):
            stack.enter_context(Subscriber(topic.name, broker="local"))
        for kind in (Publisher, Subscriber):
            with pytest.raises(TooManyParticipants, match=r"has 256 participants.*close one"):
                kind(topic.name, broker="local")
        gc.collect()
    with topic.publisher() as publisher:
        assert publisher.publish(b"room again") == 1


def test_a_name_of_any_kind_is_shown_as_far_as_it_fits(topic: Topic) -> None:
    names = ["camera", "ä" * 30, "\udcff broken", "x" * 100, ""]
    opened = [topic.publisher(name=name) for name in names]
    shown = [one.name for one in broker_at("local").status(topic.name).participants]
    assert shown[0] == "camera"
    assert shown[1] == "ä" * 16
    assert shown[2] == "? broken"
    assert shown[3] == "x" * 32
    assert shown[4].endswith(str(os.getpid()))
    assert len(opened) == 5


@contextlib.contextmanager
def ring_bytes(topic: Topic) -> Iterator[mmap.mmap]:
    """The ring's own bytes, to spoil them."""
    record = broker_at("local").get(topic.name)
    with (
        open(f"/dev/shm/{record.segment}.ring", "r+b") as file,
        mmap.mmap(file.fileno(), 0) as mapped,
    ):
        yield mapped


def test_another_layout_is_refused_with_both_versions(topic: Topic) -> None:
    topic.create()
    record = broker_at("local").get(topic.name)
    with ring_bytes(topic) as mapped:
        mapped[8:12] = (2 << 16 | 1).to_bytes(4, "little")
    try:
        for write in (True, False):
            with pytest.raises(
                LayoutMismatch, match=r"has layout 2\.1, this process reads 1\.x: update"
            ):
                Segment(record.segment, write=write)
    finally:
        _restore(record.segment, 8, (1 << 16).to_bytes(4, "little"))


def test_a_header_that_is_none_is_told(topic: Topic) -> None:
    topic.create()
    record = broker_at("local").get(topic.name)
    for offset, said, error in ((16, "no podring writes", CorruptRing), (0, "made", TopicNotFound)):
        with ring_bytes(topic) as mapped:
            before = mapped[offset : offset + 8]
            mapped[offset : offset + 8] = bytes(8)
        try:
            with pytest.raises(error, match=said):
                Segment(record.segment, write=False)
        finally:
            _restore(record.segment, offset, before)


def _restore(segment: str, offset: int, value: bytes) -> None:
    with open(f"/dev/shm/{segment}.ring", "r+b") as file:
        file.seek(offset)
        file.write(value)


def test_a_ring_that_was_spoilt_is_told_and_never_loops(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish_many([b"a" * 100] * 10)
    with ring_bytes(topic) as mapped:
        at = mapped.find(b"a" * 100) - 32
        mapped[at : at + 8] = b"\xff" * 8
    calls: list[Callable[[], Any]] = [
        subscriber.receive,
        subscriber.receive_nowait,
        subscriber.receive_many,
        subscriber.view,
        lambda: next(subscriber),
    ]
    for call in calls:
        with pytest.raises(CorruptRing, match=r"holds bytes that no publisher writes: delete it"):
            call()


def test_a_subscriber_maps_the_ring_read_only(topic: Topic) -> None:
    subscriber = topic.subscriber()
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    segment = re.escape(subscriber.record.segment)
    assert re.findall(rf"(\S+) \S+ \S+ \S+ +/dev/shm/{segment}\.ring", maps) == ["r--s"]
    with pytest.raises(PermissionError, match="reading only"):
        subscriber.mapping.mark_deleted()
    with pytest.raises(PermissionError):
        _ring.Writer(subscriber.mapping, 200, lambda slot: True)


COST = """
import json, os, sys, time
def pages():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
before, started = pages(), time.process_time()
import podring
spent = time.process_time() - started
print(json.dumps({"ms": spent * 1000, "MiB": (pages() - before) / 2**20,
                  "modules": sorted(m for m in sys.modules if m.split(".")[0] in
                                    ("asyncio", "http", "json", "ssl", "email", "threading"))}))
"""


def test_importing_is_cheap() -> None:
    """At most 60 ms and 10 MiB; the best of several runs, because the machine may be busy."""
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", COST], check=True, stdout=-1).stdout)
        for _ in range(5)
    ]
    assert min(run["ms"] for run in runs) < 60
    assert min(run["MiB"] for run in runs) < 10
    assert "asyncio" not in runs[0]["modules"]


def test_every_public_name_shows_before_its_first_use() -> None:
    code = "import podring; print(*(set(podring.__all__) - set(dir(podring))))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, stdout=-1)
    assert shown.stdout == b"\n"


def test_opening_and_closing_keeps_no_memory_and_no_descriptor(topic: Topic) -> None:
    topic.create(TopicSpec("64Ki", "4Ki"))

    def once() -> None:
        with (
            Publisher(topic.name, broker="local") as publisher,
            Subscriber(topic.name, broker="local") as subscriber,
        ):
            publisher.publish(b"x" * 1000)
            with subscriber.view(timeout=5) as message:
                memoryview(message).release()
            with publisher.loan(100) as loan:
                loan[:] = b"y" * 100
            subscriber.receive_many()

    for _ in range(20):
        once()
    gc.collect()
    before = (len(os.listdir("/proc/self/fd")), _mappings())
    for _ in range(200):
        once()
    gc.collect()
    assert (len(os.listdir("/proc/self/fd")), _mappings()) == before


def _mappings() -> int:
    return Path("/proc/self/maps").read_text(encoding="utf-8").count("/dev/shm/podring")


class Unopened(Publisher):
    """One whose author forgot the base class."""

    def __init__(self) -> None:
        pass


def test_a_publisher_that_was_never_opened_says_so() -> None:
    publisher = Unopened()
    for use in (
        lambda: publisher.publish(b"x"),
        lambda: publisher.publish_many([b"x"]),
        lambda: publisher.loan(1),
        lambda: publisher.loan(0).__enter__(),
    ):
        with pytest.raises(HandleClosed, match="never opened"):
            use()


def test_nothing_that_lives_in_shared_memory_is_copied_or_pickled(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(b"x")
    for one in (publisher, subscriber, publisher.loan(1), subscriber.view(), publisher.mapping):
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot pickle"):
                way(one)


@pytest.mark.parametrize(
    "options", [{"name": 5}, {"name": b"x"}, {"on_loss": "print"}, {"broker": 7070}]
)
def test_an_argument_of_the_wrong_type_leaves_nothing_open(
    topic: Topic, options: dict[str, Any]
) -> None:
    topic.create()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(TypeError):
        Subscriber(topic.name, **{"broker": "local", **options})
    assert os.listdir("/proc/self/fd") == before

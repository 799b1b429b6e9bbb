"""What is left to chance nowhere else: lost wake-ups, forks in between, other users' segments."""

from __future__ import annotations

import asyncio
import mmap
import os
import threading
import time

import pytest

from podring import Subscriber, roster, segment
from podring.client import broker_at
from podring.ring import _ring
from tests.ring.children import Child
from tests.ring.conftest import Topic

SLEEPERS = 128  # RosterHeader.sleepers


def hide_the_sleepers(topic: Topic) -> None:
    """As if a publisher had been killed after its message counted and before it woke anyone."""
    record = broker_at("local").get(topic.name)
    with (
        open(f"/dev/shm/{record.segment}.roster", "r+b") as file,
        mmap.mmap(file.fileno(), 0) as roster_bytes,
    ):
        roster_bytes[SLEEPERS : SLEEPERS + 4] = bytes(4)


@pytest.mark.slow
def test_a_message_that_nobody_was_woken_for_arrives_within_seconds(topic: Topic) -> None:
    """The bound is 5 s: so often a sleeper looks by itself."""
    publisher = topic.publisher()
    asleep, awaiting = topic.subscriber(), topic.subscriber()
    times: dict[str, float] = {}

    def wait() -> None:
        assert asleep.receive(timeout=60) == b"unannounced"
        times["sync"] = time.monotonic()

    def wait_async() -> None:
        assert asyncio.run(asyncio.wait_for(awaiting.receive_async(), 60)) == b"unannounced"
        times["async"] = time.monotonic()

    threads = [threading.Thread(target=work, daemon=True) for work in (wait, wait_async)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    hide_the_sleepers(topic)
    started = time.monotonic()
    publisher.publish(b"unannounced")
    for thread in threads:
        thread.join(60)
    assert set(times) == {"sync", "async"}
    assert all(moment - started < 15 for moment in times.values())


def test_a_child_forked_while_a_topic_is_being_opened_lets_go_of_it(topic: Topic) -> None:
    topic.create()
    code = """
        import os, sys, time
        from podring import Subscriber
        from podring.ring import _ring
        class Slow(Subscriber):
            def seek(self, *where):
                if (pid := os.fork()) == 0:
                    os.close(1)
                    time.sleep(120)
                    os._exit(0)
                print(pid)
                time.sleep(1000)
        Slow(sys.argv[1], broker="local")
    """
    with Child(code, topic.name) as child:
        grandchild = int(child.line())
        try:
            participants = broker_at("local").status(topic.name).participants
            assert [one.alive for one in participants] == [True]
            child.kill()
            until = time.monotonic() + 30  # a machine that is busy may not have begun it yet
            alive = [True]
            while alive == [True] and time.monotonic() < until:
                participants = broker_at("local").status(topic.name).participants
                alive = [one.alive for one in participants]
            assert alive == [False]
        finally:
            os.kill(grandchild, 9)


def test_a_child_forked_while_a_topic_is_being_created_does_not_keep_the_owners_lock() -> None:
    pid = 0
    try:
        with segment.owner_lock("test", timeout_s=1):
            pid = os.fork()
            if pid == 0:
                time.sleep(120)
                os._exit(0)
        with segment.owner_lock("test", timeout_s=1):
            pass
    finally:
        if pid:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        segment.remove_owner("test")


def test_a_subscriber_never_locks_the_entry_of_a_dead_lock_holder(topic: Topic) -> None:
    from tests.ring.children import killed_in_a_loan

    topic.create()
    killed_in_a_loan(topic.name)
    tried: list[int] = []

    class Watched(segment.Segment):
        def lock(self, offset: int) -> bool:
            tried.append(offset)
            return super().lock(offset)

    watched = Watched(broker_at("local").get(topic.name).segment, write=False)
    try:
        assert roster.join(watched, _ring.SUBSCRIBER, "late") == 1
        assert tried == [watched.mapping.lock_offset(1)]
    finally:
        watched.close()


@pytest.mark.skipif(
    os.geteuid() != 0, reason="missing component root: another user's segment needs one"
)
def test_another_users_segment_is_refused_with_pythons_own_error(topic: Topic) -> None:
    topic.create()
    record = broker_at("local").get(topic.name)
    for half in ("ring", "roster"):
        os.chmod(f"/dev/shm/{record.segment}.{half}", 0o600)
    code = """
        import os, sys
        import podring.client, podring.local
        os.setgroups([])
        os.setgid(1000)
        os.setuid(1000)
        from podring.segment import Segment
        for write in (True, False):
            try:
                Segment(sys.argv[1], write=write)
            except PermissionError as error:
                print("refused", error.filename.startswith(sys.argv[1]))
    """
    with Child(code, record.segment) as child:
        assert [child.line(), child.line()] == ["refused True", "refused True"]


@pytest.mark.skipif(
    os.geteuid() != 0, reason="missing component root: another user's topic needs one"
)
def test_another_users_topic_is_not_deleted_and_goes_on(topic: Topic) -> None:
    publisher = topic.publisher()
    code = """
        import os, sys
        import podring.client, podring.local
        os.setgroups([])
        os.setgid(1000)
        os.setuid(1000)
        try:
            podring.delete_topic(sys.argv[1], broker="local")
        except PermissionError as error:
            print(error.strerror)
    """
    with Child(code, topic.name) as child:
        assert child.line() == "user 1000 may not delete what user 0 made"
    assert publisher.publish(b"still there") == 1
    assert broker_at("local").get(topic.name) == publisher.record


def test_a_closed_subscriber_is_forgotten_by_the_waiter(topic: Topic) -> None:
    """The waiting thread must not keep a topic's memory for ever."""
    import gc
    import weakref

    topic.create()

    async def main() -> weakref.ref[Subscriber]:
        subscriber = Subscriber(topic.name, broker="local")
        waiting = asyncio.create_task(subscriber.receive_async())
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        subscriber.close()
        return weakref.ref(subscriber)

    known = asyncio.run(main())
    for _ in range(200):
        gc.collect()
        if known() is None:
            return
        time.sleep(0.05)
    pytest.fail("somebody still holds it")

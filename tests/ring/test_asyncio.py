"""Subscribers on an event loop: one waiting thread, a loop that never stands still, no loss."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from podring import HandleClosed, Subscriber, TopicClosed, TopicSpec, aio
from tests.ring.conftest import Topic

TINY = TopicSpec(4096, 1024)


def waiters() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "podring-waiter"]


@contextlib.asynccontextmanager
async def heartbeat(most: float) -> AsyncIterator[None]:
    """Fail when the loop stood still for longer than `most` seconds."""
    worst = 0.0

    async def beat() -> None:
        nonlocal worst
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            worst = max(worst, time.monotonic() - before)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
    assert worst < most


async def collect(subscriber: Subscriber, count: int) -> list[bytes]:
    found: list[bytes] = []
    async for message in subscriber:
        found.append(message)
        if len(found) == count:
            break
    return found


def test_async_for_receives_what_comes(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()

    async def main() -> None:
        async with asyncio.timeout(60):
            receiving = asyncio.create_task(collect(subscriber, 2000))
            for number in range(2000):
                publisher.publish(b"%d" % number)
                if number % 50 == 0:
                    await asyncio.sleep(0.001)
            assert await receiving == [b"%d" % number for number in range(2000)]

    asyncio.run(main())
    assert subscriber.lost == 0


def test_a_message_for_who_sleeps_arrives_soon(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()

    async def main() -> None:
        for number in range(20):
            receiving = asyncio.create_task(subscriber.receive_async())
            await asyncio.sleep(0.02)
            started = time.monotonic()
            publisher.publish(b"%d" % number)
            assert await receiving == b"%d" % number
            assert time.monotonic() - started < 2  # far below the interval of looking by oneself

    asyncio.run(main())


def test_a_message_that_comes_at_once_is_met_without_the_waiting_thread(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber(spin=60)

    async def no_sleep(_: object) -> None:
        raise AssertionError("went to sleep")

    monkeypatch.setattr(aio, "wait_for_news", no_sleep)

    async def exchange() -> None:
        for number in range(100):
            waiting = asyncio.create_task(subscriber.receive_async())
            for _ in range(3):
                await asyncio.sleep(0)
            publisher.publish(b"%d" % number)
            assert await waiting == b"%d" % number

    asyncio.run(exchange())


def test_where_looking_is_in_vain_it_ends_until_it_pays_again(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber(spin=0.002)

    async def exchange(pause_s: float) -> float:
        waiting = asyncio.create_task(subscriber.receive_async())
        await asyncio.sleep(pause_s)
        publisher.publish(b"")
        await waiting
        return subscriber._spin_s()

    async def main() -> None:
        spins = [await exchange(0.03) for _ in range(30)]
        assert spins[:3] == pytest.approx([0.001, 0.0005, 0.00025], rel=1e-3)
        assert spins[-1] == 0
        for _ in range(100):  # a busy machine may take more than 8 ms for one
            if await exchange(0) == pytest.approx(0.002):
                return
        raise AssertionError("it never looks again")

    asyncio.run(main())


def test_being_cancelled_loses_no_message(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    count = 500

    async def main() -> list[bytes]:
        found: list[bytes] = []

        async def publish() -> None:
            for number in range(count):
                publisher.publish(b"%d" % number)
                await asyncio.sleep(0.0005)

        publishing = asyncio.create_task(publish())
        turn = 0
        async with asyncio.timeout(60):
            while len(found) < count:
                turn += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.0001 * (turn % 7)):
                        while True:
                            found.append(await subscriber.receive_async())
        await publishing
        return found

    assert asyncio.run(main()) == [b"%d" % number for number in range(count)]
    assert subscriber.lost == 0


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as this user may have; a shell starts with 1024."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
def test_hundreds_of_subscribers_need_one_thread(topic: Topic) -> None:
    """On more topics than the kernel waits for at once."""
    count = 150
    with contextlib.ExitStack() as stack:
        publishers, subscribers = [], []
        topics = [Topic(stack) for _ in range(count)]
        for one in topics:
            publishers.append(one.publisher(TINY))
            subscribers += [one.subscriber(TINY), one.subscriber(TINY)]
            stack.callback(one.delete)
        before = threading.active_count() - len(waiters())

        async def main() -> None:
            async with asyncio.timeout(90), heartbeat(5):
                receiving = [asyncio.create_task(collect(one, 5)) for one in subscribers]
                for number in range(5):
                    for publisher in publishers:
                        publisher.publish(b"%d" % number)
                    await asyncio.sleep(0.1)
                    assert len(waiters()) == 1
                    assert threading.active_count() == before + 1
                for found in await asyncio.gather(*receiving):
                    assert found == [b"%d" % number for number in range(5)]

        asyncio.run(main())


def test_the_loop_is_never_blocked_by_a_quiet_or_a_busy_topic(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    other = Topic(contextlib.ExitStack())
    stop = threading.Event()

    def publish() -> None:
        while not stop.is_set():
            publisher.publish_many([b"x" * 50] * 100)
            time.sleep(0.0005)

    async def main() -> None:
        quiet = other.subscriber()
        thread = threading.Thread(target=publish, daemon=True)
        try:
            async with heartbeat(2):
                waiting = asyncio.create_task(quiet.receive_async())
                thread.start()
                until = time.monotonic() + 2
                received = 0
                async for _ in subscriber:
                    received += 1
                    if time.monotonic() > until:
                        break
                assert received > 1000
                waiting.cancel()
        finally:
            stop.set()
            thread.join()
            quiet.close()
            other.delete()

    asyncio.run(main())


def test_a_topic_deleted_while_awaited_ends_the_iteration_with_an_error(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()

    async def main() -> None:
        receiving = asyncio.create_task(collect(subscriber, 10))
        publisher.publish(b"x")
        await asyncio.sleep(0.05)
        topic.delete()
        with pytest.raises(TopicClosed):
            await asyncio.wait_for(receiving, 30)

    asyncio.run(main())


def test_closing_while_awaited_says_so(topic: Topic) -> None:
    subscriber = topic.subscriber()

    async def main() -> None:
        receiving = asyncio.create_task(subscriber.receive_async())
        await asyncio.sleep(0.05)
        subscriber.close()
        with pytest.raises(HandleClosed):
            await asyncio.wait_for(receiving, 30)

    asyncio.run(main())


def test_several_tasks_share_one_subscriber(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()

    async def main() -> None:
        found: list[bytes] = []

        async def take() -> None:
            while True:
                found.append(await subscriber.receive_async())

        tasks = [asyncio.create_task(take()) for _ in range(5)]
        for number in range(200):
            publisher.publish(b"%03d" % number)
            await asyncio.sleep(0.0005)
        for _ in range(3000):
            if len(found) == 200:
                break
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        assert found == [b"%03d" % number for number in range(200)]

    asyncio.run(main())


def test_loops_of_several_threads_share_the_waiter(topic: Topic) -> None:
    publisher = topic.publisher()
    subscribers = [topic.subscriber() for _ in range(4)]
    results: list[list[bytes]] = []

    def run(subscriber: Subscriber) -> None:
        results.append(asyncio.run(asyncio.wait_for(collect(subscriber, 50), 60)))

    threads = [threading.Thread(target=run, args=[one], daemon=True) for one in subscribers]
    for thread in threads:
        thread.start()
    for number in range(50):
        publisher.publish(b"%d" % number)
        time.sleep(0.002)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert results == [[b"%d" % number for number in range(50)]] * 4
    assert len(waiters()) == 1


def test_a_loop_that_was_closed_does_not_disturb_the_next(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(subscriber.receive_async())
    loop.run_until_complete(asyncio.sleep(0.05))
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    loop.close()
    publisher.publish(b"x")

    async def main() -> bytes:
        return await asyncio.wait_for(subscriber.receive_async(), 30)

    assert asyncio.run(main()) == b"x"


def test_a_forked_child_has_a_waiter_of_its_own(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()

    async def once(receiver: Subscriber, delay: float) -> bytes:
        receiving = asyncio.create_task(receiver.receive_async())
        await asyncio.sleep(delay)
        publishing = topic.publisher()
        publishing.publish(b"to the loop")
        publishing.close()
        return await asyncio.wait_for(receiving, 30)

    assert asyncio.run(once(subscriber, 0.05)) == b"to the loop"
    assert len(waiters()) == 1
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with topic.subscriber() as own:
                if asyncio.run(once(own, 0.05)) == b"to the loop" and len(waiters()) == 1:
                    status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert subscriber.receive(timeout=5) == b"to the loop"
    assert publisher.publish(b"x") == 3

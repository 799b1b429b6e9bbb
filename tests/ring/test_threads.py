"""One object used by several threads: turns, closing in the middle of it, and no deadlock."""

from __future__ import annotations

import functools
import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from podring import HandleClosed, PublisherBusy, TopicSpec
from tests.ring.conftest import Topic


class Running(threading.Thread):
    """A thread whose result or error is looked at."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:  # noqa: BLE001  told to whoever joins
            self.error = error

    def finish(self, timeout: float = 30.0) -> Any:
        self.join(timeout)
        assert not self.is_alive(), "the thread hangs"
        if self.error is not None:
            raise self.error
        return self.result


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_closing_wakes_a_thread_that_waits(topic: Topic) -> None:
    subscriber = topic.subscriber()
    waiting = Running(subscriber.receive)
    time.sleep(0.1)
    started = time.monotonic()
    subscriber.close()
    assert time.monotonic() - started < 5
    with pytest.raises(HandleClosed, match="closed"):
        waiting.finish()


def test_closing_wakes_a_thread_that_spins_for_ever(topic: Topic) -> None:
    subscriber = topic.subscriber(spin=float("inf"))
    waiting = Running(subscriber.receive)
    time.sleep(0.1)
    subscriber.close()
    with pytest.raises(HandleClosed, match="closed"):
        waiting.finish()


def test_a_timeout_holds_while_another_thread_waits_in_the_same_subscriber(topic: Topic) -> None:
    subscriber = topic.subscriber()
    publisher = topic.publisher()
    waiting = Running(lambda: subscriber.receive(timeout=30))
    time.sleep(0.1)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        subscriber.receive(timeout=0.05)
    assert subscriber.receive_nowait() is None
    assert subscriber.receive_many(timeout=0) == []
    with pytest.raises(TimeoutError):
        subscriber.view(timeout=0.01)
    assert time.monotonic() - started < 10
    publisher.publish(b"for the one that waits")
    assert waiting.finish() == b"for the one that waits"


def test_each_message_goes_to_one_of_the_threads(topic: Topic) -> None:
    subscriber = topic.subscriber(TopicSpec("4Mi", "256Ki"))
    publisher = topic.publisher(None)

    def collect() -> list[bytes]:
        found = []
        while (message := subscriber.receive(timeout=30)) != b"end":
            found.append(message[:8])
        return found

    threads = [Running(collect) for _ in range(4)]
    count = 400
    for number in range(count):
        # Every other one is copied without the GIL.
        publisher.publish(number.to_bytes(8) + bytes(100_000 if number % 2 else 10))
        while subscriber.lag > 20:
            time.sleep(0.001)
    for _ in threads:
        publisher.publish(b"end")
    found = [thread.finish() for thread in threads]
    assert all(part == sorted(part) for part in found)
    assert sorted(itertools.chain(*found)) == [number.to_bytes(8) for number in range(count)]
    assert subscriber.lost == 0


def test_threads_may_share_a_publisher(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("16Mi", "256Ki"))
    subscriber = topic.subscriber(None)

    def publish(who: int) -> list[int]:
        sequences = []
        for number in range(100):
            size = 100_000 if (number + who) % 3 == 0 else 20
            sequences.append(publisher.publish(bytes([who, number]) + bytes(size)))
            if number % 10 == 0:
                publisher.publish_many([])
        return sequences

    threads = [Running(functools.partial(publish, who)) for who in range(4)]
    sequences: list[list[int]] = [thread.finish() for thread in threads]
    assert sorted(itertools.chain(*sequences)) == list(range(1, 401))
    messages = [subscriber.receive(timeout=5) for _ in range(400)]
    for who, own in enumerate(sequences):
        for number, sequence in enumerate(own):
            assert messages[sequence - 1][:2] == bytes([who, number])


def test_a_loan_keeps_other_threads_out_even_while_they_wait(topic: Topic) -> None:
    """Both wait for the lock that a third publisher holds; one gets it, and lends from it."""
    spec = TopicSpec("1Mi", "256Ki")
    publisher, blocker = topic.publisher(spec), topic.publisher(spec)
    subscriber = topic.subscriber(spec)
    lent, done = threading.Event(), threading.Event()

    def lend() -> int:
        with publisher.loan(1000) as loan:
            lent.set()
            assert done.wait(30)
            loan[:] = b"l" * 1000
        sequence = loan.sequence
        assert sequence is not None
        return sequence

    with blocker.loan(8) as first:
        lender = Running(lend)
        time.sleep(0.05)
        others = [Running(lambda: publisher.publish(b"o" * 500)) for _ in range(3)]
        time.sleep(0.05)
        first[:] = b"blocker!"
    # Whoever came first: a publish is whole before the loan, or refused while it is open.
    assert lent.wait(30)
    outcomes = []
    for other in others:
        other.join(30)
        assert not other.is_alive()
        assert other.error is None or isinstance(other.error, PublisherBusy), other.error
        outcomes.append(other.error is None)
    done.set()
    lender.finish()
    messages = subscriber.receive_many(timeout=5)
    assert sorted(messages) == sorted(
        [b"blocker!", b"l" * 1000] + [b"o" * 500] * outcomes.count(True)
    )


def test_threads_of_one_publisher_wait_together_for_a_lock(topic: Topic) -> None:
    publisher, blocker = topic.publisher(), topic.publisher()
    subscriber = topic.subscriber()
    for _ in range(20):
        with blocker.loan(1):
            threads = [Running(lambda: publisher.publish(b"x" * 20_000)) for _ in range(4)]
            time.sleep(0.02)
        sequences = [thread.finish() for thread in threads]
        assert len(set(sequences)) == 4
        assert len(subscriber.receive_many(timeout=5)) >= 1
    assert subscriber.lost == 0


def test_closing_a_publisher_while_it_waits_for_the_lock_gives_up(topic: Topic) -> None:
    publisher, blocker = topic.publisher(), topic.publisher()
    with blocker.loan(1):
        waiting = Running(lambda: publisher.publish(b"never"))
        time.sleep(0.1)
        publisher.close()
        with pytest.raises(HandleClosed):
            waiting.finish()
    assert blocker.publish(b"goes on") == 2


def test_two_threads_may_close_at_once(topic: Topic) -> None:
    for _ in range(30):
        subscriber, publisher = topic.subscriber(), topic.publisher()
        waiting = Running(subscriber.receive)
        closing = [Running(subscriber.close), Running(subscriber.close), Running(publisher.close)]
        publisher.close()
        for thread in closing:
            thread.finish()
        with pytest.raises(HandleClosed):
            waiting.finish()


def test_a_signal_handler_may_publish_while_the_lock_is_waited_for(topic: Topic) -> None:
    publisher, blocker = topic.publisher(), topic.publisher()
    subscriber = topic.subscriber()

    def lend() -> None:
        with blocker.loan(4) as loan:
            time.sleep(0.4)
            loan[:] = b"loan"

    before = signal.signal(signal.SIGALRM, lambda *_: publisher.publish(b"from the handler"))
    try:
        lending = Running(lend)
        time.sleep(0.1)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        publisher.publish(b"from below")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    lending.finish()
    received = subscriber.receive_many(timeout=5)
    assert received == [b"loan", b"from the handler", b"from below"]
    assert publisher.publish(b"more") == 4
    assert blocker.publish(b"and more") == 5


def test_a_dead_holder_is_found_although_signals_keep_interrupting(topic: Topic) -> None:
    """A timer that is faster than the interval at which a waiting publisher looks."""
    from tests.ring.children import killed_in_a_loan

    publisher = topic.publisher()
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        killed_in_a_loan(topic.name)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        started = time.monotonic()
        publisher.publish(b"taken over")
        assert time.monotonic() - started < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

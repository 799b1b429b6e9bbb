"""A loan: written in place, published on leaving, dropped by an exception."""

from __future__ import annotations

import io

import numpy as np
import pytest

from podring import HandleClosed, PublisherBusy, TopicSpec
from tests.ring.conftest import Topic


def test_leaving_the_block_publishes_what_was_written(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    with publisher.loan(5) as loan:
        assert len(loan) == 5
        loan[:] = b"hello"
        loan[0] = ord("j")
        assert loan[0] == ord("j")
        assert loan[1:3] == b"el"
        assert subscriber.receive_nowait() is None
    assert loan.sequence == 1
    with publisher.loan(8) as loan:
        io.BytesIO(b"readinto").readinto(loan)
    with publisher.loan(16) as loan:
        np.frombuffer(memoryview(loan), dtype="f8")[:] = [1.5, 2.5]
    with publisher.loan(0):
        pass
    assert subscriber.receive_many(timeout=5) == [
        b"jello", b"readinto", np.array([1.5, 2.5]).tobytes(), b"",
    ]  # fmt: skip


def test_slices_of_it_are_set_as_those_of_a_bytearray_of_fixed_length(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    expected = bytearray(8)
    with publisher.loan(8) as loan:
        for key, value in (
            (slice(None), b"abcdefgh"),
            (slice(-2, None), b"YZ"),
            (slice(1, 100), b"1234567"),
            (slice(3, 3), b""),
            (slice(5, 2), b""),
            (slice(None, None, 2), b"evry"),
            (slice(2, 4), bytearray(b"--")),
            (slice(0, 2), memoryview(b"++")),
        ):
            loan[key] = value
            expected[key] = value
        for key, value in ((slice(0, 3), b"four"), (slice(6, None), b"x"), (slice(8, 20), b"y")):
            with pytest.raises(ValueError, match="different"):
                loan[key] = value
        with pytest.raises(TypeError):
            loan[0:2] = "ab"  # type: ignore[assignment]
    assert subscriber.receive(timeout=5) == expected


def test_a_key_that_leaves_the_block_writes_nothing(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    loan = publisher.loan(8)

    class Leaves:
        def __index__(self) -> int:
            loan.__exit__(None, None, None)
            return 0

    with loan:
        loan[:] = b"original"
        with pytest.raises((HandleClosed, BufferError)):
            loan[Leaves() :] = b"tampered"
    assert subscriber.receive(timeout=5) == b"original"


def test_a_loan_is_had_from_a_publisher_only(topic: Topic) -> None:
    kind = type(topic.publisher().loan(1))
    with pytest.raises(TypeError, match=r"Publisher\.loan"):
        kind().__enter__()


def test_an_exception_drops_it(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    with pytest.raises(RuntimeError, match="sensor"), publisher.loan(100) as loan:  # noqa: PT012
        loan[:] = b"x" * 100
        raise RuntimeError("sensor")
    assert loan.sequence is None
    assert subscriber.receive_nowait() is None
    assert publisher.publish(b"next") == 1
    assert subscriber.receive(timeout=5) == b"next"


def test_truncate_publishes_only_the_beginning(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    with publisher.loan(1000) as loan:
        loan[:4] = b"four"
        loan.truncate(4)
        assert len(loan) == 4
        for wrong in (5, -1):
            with pytest.raises(ValueError, match="not between 0 and the 4 bytes"):
                loan.truncate(wrong)
    with publisher.loan(10) as loan:
        loan.truncate(0)
    assert subscriber.receive_many(timeout=5) == [b"four", b""]


def test_a_view_that_outlives_the_block_publishes_nothing(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    with pytest.raises(BufferError, match="nothing was published: 1 view"):  # noqa: SIM117
        with publisher.loan(100) as loan:
            leaked = memoryview(loan)
    assert loan.sequence is None
    assert subscriber.receive_nowait() is None
    leaked.release()
    assert publisher.publish(b"goes on") == 1
    # With an exception on its way, that one is told.
    with pytest.raises(RuntimeError, match="first"), publisher.loan(100) as loan:  # noqa: PT012
        leaked = memoryview(loan)
        raise RuntimeError("first")
    assert publisher.publish(b"and on") == 2


def test_a_loan_is_used_once_and_inside_its_block(topic: Topic) -> None:
    publisher = topic.publisher()
    loan = publisher.loan(10)
    with pytest.raises(HandleClosed, match="inside its with block"):
        memoryview(loan)
    with loan:
        pass
    for use in (lambda: memoryview(loan), lambda: loan.truncate(1), lambda: loan[0]):
        with pytest.raises(HandleClosed):
            use()
    with pytest.raises(PublisherBusy, match="used once"), loan:
        pass
    assert publisher.publish(b"x") == 2


def test_while_a_loan_is_open_its_publisher_does_nothing_else(topic: Topic) -> None:
    publisher = topic.publisher()
    with publisher.loan(10):
        with pytest.raises(PublisherBusy, match=r"loan .* still open"):
            publisher.publish(b"x")
        with pytest.raises(PublisherBusy):
            publisher.publish_many([b"x"])
        with pytest.raises(PublisherBusy), publisher.loan(5):
            pass
    assert publisher.publish(b"x") == 2


def test_closing_drops_an_open_loan(topic: Topic) -> None:
    publisher, other, subscriber = topic.publisher(), topic.publisher(), topic.subscriber()
    with pytest.raises(HandleClosed), publisher.loan(10) as loan:  # noqa: PT012
        publisher.close()
        with pytest.raises(HandleClosed):
            loan[0] = 1
    assert other.publish(b"first") == 1
    # The user's own error is not hidden by it.
    with pytest.raises(RuntimeError, match="mine"), other.loan(10):  # noqa: PT012
        other.close()
        raise RuntimeError("mine")
    assert subscriber.receive_many(timeout=5) == [b"first"]


def test_a_loan_of_more_than_half_the_ring_that_is_dropped_costs_no_message(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec(4064, 4064))
    subscriber = topic.subscriber(None)
    for number in range(1, 300):
        with pytest.raises(RuntimeError), publisher.loan(number * 1217 % 4064):
            raise RuntimeError
        assert publisher.publish(b"%d" % number * (number % 50)) == number
        assert subscriber.receive(timeout=5) == b"%d" % number * (number % 50)
    assert subscriber.lost == 0


def test_a_loan_of_less_than_nothing_is_refused(topic: Topic) -> None:
    with pytest.raises(ValueError, match="0 bytes or more: not -1"):
        topic.publisher().loan(-1)

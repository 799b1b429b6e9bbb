"""Topics whose publishers wait: nothing is lost, and whoever holds them up is named."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest

from podring import (
    Evicted,
    Full,
    HandleClosed,
    InvalidTopic,
    Publisher,
    PublisherBusy,
    Subscriber,
    TopicClosed,
    TopicSpec,
)
from podring.segment import record_of
from tests.ring.children import Child
from tests.ring.conftest import Topic

SPEC = TopicSpec("64Ki", 1024, "block")
MESSAGE = bytes(64)
LAST = b"l" * 64
FITS = 65536 // 96
"""How many of MESSAGE the ring holds."""


def fill(publisher: Publisher) -> int:
    """Publish until there is no room: how many messages that were."""
    publisher.timeout = 0
    for count in range(10 * FITS):
        try:
            publisher.publish(MESSAGE)
        except Full:
            return count
    raise AssertionError("it never was full")


def test_a_publisher_stops_before_the_first_message_that_is_still_needed(topic: Topic) -> None:
    publisher = topic.publisher(SPEC)
    subscriber = topic.subscriber(None)
    assert FITS - 1 <= fill(publisher) <= FITS
    assert subscriber.receive() == MESSAGE
    latest = publisher.publish(MESSAGE)
    assert (subscriber.lost, subscriber.lag) == (0, latest - 1)


def test_full_names_who_is_slow_and_by_how_much(topic: Topic) -> None:
    publisher = topic.publisher(SPEC, timeout=0.05)
    topic.subscriber(None, name="quick").close()
    quicker = topic.subscriber(None, name="billing")
    slowest = topic.subscriber(None, name="audit")
    publisher.publish(MESSAGE)
    quicker.receive()
    count = 1 + fill(publisher)
    with pytest.raises(Full) as caught:
        publisher.publish(MESSAGE)
    assert [each.name for each in caught.value.slow] == ["audit"]
    audit = caught.value.slow[0]
    assert (audit.process, audit.messages, audit.seconds) == (os.getpid(), count, None)
    assert audit.bytes == 96 * count
    assert "'audit'" in str(caught.value)
    assert "subscribe with lossy=True" in str(caught.value)
    assert isinstance(caught.value, TimeoutError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert slowest.lag == count


def test_a_publisher_waits_for_as_long_as_it_was_told(topic: Topic) -> None:
    publisher = topic.publisher(SPEC)
    topic.subscriber(None)
    fill(publisher)
    publisher.timeout = 0.2
    started = time.monotonic()
    with pytest.raises(Full):
        publisher.publish(MESSAGE)
    assert 0.2 <= time.monotonic() - started < 2
    for nonsense in (-1, float("nan")):
        with pytest.raises(ValueError, match="a timeout is seconds"):
            publisher.timeout = nonsense


def test_room_that_a_subscriber_makes_wakes_the_publisher(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC), topic.subscriber(None)
    fill(publisher)
    publisher.timeout = 20
    published: list[int] = []
    waiting = threading.Thread(target=lambda: published.append(publisher.publish(LAST)))
    waiting.start()
    time.sleep(0.2)
    assert not published
    received = [subscriber.receive(timeout=5) for _ in range(FITS // 2)]
    waiting.join(5)
    assert published
    while subscriber.lag:
        received.append(subscriber.receive(timeout=5))
    assert received[-1] == LAST
    assert (len(received), subscriber.lost) == (published[0], 0)


def test_a_batch_larger_than_the_ring_arrives_whole_and_in_order(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC, timeout=20), topic.subscriber(None)
    batch = [n.to_bytes(4, "little") * (1 + n % 16) for n in range(20 * FITS)]
    sent = threading.Thread(target=publisher.publish_many, args=(batch,))
    sent.start()
    assert [subscriber.receive(timeout=10) for _ in batch] == batch
    sent.join(10)
    assert subscriber.lost == 0


def test_full_says_how_much_of_a_batch_is_out(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC, timeout=0.05), topic.subscriber(None)
    with pytest.raises(Full) as caught:
        publisher.publish_many([MESSAGE] * (2 * FITS))
    assert caught.value.published == subscriber.lag > 0
    assert len(subscriber.receive_many(2 * FITS)) == caught.value.published


def test_a_loan_waits_for_room_like_everybody(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC), topic.subscriber(None)
    fill(publisher)
    with pytest.raises(Full), publisher.loan(64):
        pass
    subscriber.receive_many(FITS)
    with publisher.loan(64) as loan:
        loan[:] = b"n" * 64
    assert subscriber.receive_many(FITS)[-1] == b"n" * 64


def test_the_longest_message_passes_wherever_the_ring_stands(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec(4096, 4096, "block"), timeout=5)
    subscriber = topic.subscriber(None)
    for length in (4096, 1, 4096, 33, 4095, 4096, 2000, 4096):
        publisher.publish(b"n" * length)
        assert subscriber.receive(timeout=5) == b"n" * length
    assert subscriber.lost == 0


def test_a_lossy_subscriber_holds_nobody_up_and_counts_its_losses(topic: Topic) -> None:
    publisher, lossy = topic.publisher(SPEC, timeout=0), topic.subscriber(None, lossy=True)
    sequence = publisher.publish_many([MESSAGE] * (3 * FITS))
    received = sum(1 for _ in iter(lossy.receive_nowait, None))
    assert lossy.lost > 0
    assert received + lossy.lost == sequence


def test_whoever_leaves_or_dies_is_not_waited_for(topic: Topic) -> None:
    publisher = topic.publisher(SPEC)
    leaving = topic.subscriber(None)
    fill(publisher)
    leaving.close()
    assert publisher.publish(MESSAGE)
    with Child(JOIN, topic.name) as child:
        assert child.line() == "joined"
        fill(publisher)
        child.kill()
        publisher.timeout = 10
        started = time.monotonic()
        assert publisher.publish(MESSAGE)
        assert time.monotonic() - started < 1


JOIN = """
    import sys, time
    from podring import Subscriber
    subscriber = Subscriber(sys.argv[1], broker="local", name="child")
    print("joined")
    for line in sys.stdin:
        try:
            print(len(subscriber.receive_many(10000)), subscriber.lost)
        except Exception as error:
            print(type(error).__name__, error.first, error.lost)
"""


def test_a_stopped_subscriber_is_waited_for_and_loses_nothing(topic: Topic) -> None:
    publisher = topic.publisher(SPEC)
    with Child(JOIN, topic.name) as child:
        assert child.line() == "joined"
        os.kill(child.pid, signal.SIGSTOP)
        count = fill(publisher)
        with pytest.raises(Full, match="'child'"):
            publisher.publish(MESSAGE)
        os.kill(child.pid, signal.SIGCONT)
        child.tell("receive")
        assert child.line() == f"{count} 0"


def test_one_that_is_stuck_beyond_the_lease_is_evicted_and_told_when_it_wakes(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", 1024, "block", lease=0.2))
    with Child(JOIN, topic.name) as child:
        assert child.line() == "joined"
        count = fill(publisher)
        publisher.timeout = 10
        started = time.monotonic()
        publisher.publish_many([MESSAGE] * FITS)
        assert 0.2 <= time.monotonic() - started < 3
        assert [entry.name for entry in publisher.mapping.entries() if entry.evicted] == ["child"]
        child.tell("receive")
        kind, first, lost = child.line().split()
        assert (kind, first) == ("Evicted", "1")
        assert int(lost) >= FITS - 1
        child.tell("receive")
        received, total = map(int, child.line().split())
        assert total == int(lost)
        assert received + total == count + FITS
        assert not any(entry.evicted for entry in publisher.mapping.entries())
        fill(publisher)
        with pytest.raises(Full, match="'child'"):
            publisher.publish(MESSAGE)


def test_evicted_says_what_happened_and_goes_through_pickle() -> None:
    error = Evicted("prices", 5, 17, 3)
    assert "5 s, the topic's lease" in str(error)
    assert "at message 17" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.first, again.lost, str(again)) == (17, 3, str(error))


def test_where_nobody_subscribes_the_topic_says_what_becomes_of_messages(topic: Topic) -> None:
    publisher = topic.publisher(SPEC, timeout=0)
    assert publisher.publish_many([MESSAGE] * (3 * FITS)) == 3 * FITS


def test_a_topic_that_keeps_waits_for_somebody_who_then_gets_everything(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", 1024, "block", "keep"))
    count = fill(publisher)
    with pytest.raises(Full, match="nobody subscribes"):
        publisher.publish(MESSAGE)
    subscriber = topic.subscriber(None, start="earliest")
    assert len(subscriber.receive_many(2 * FITS)) == count
    assert publisher.publish(b"more") == count + 1
    subscriber.close()
    fill(publisher)
    again = topic.subscriber(None, start="earliest")
    received = again.receive_many(2 * FITS)
    assert b"more" in received
    assert again.offset == publisher.mapping.bounds()[1]


WORK = """
    import sys
    from podring import Subscriber
    worker = Subscriber(sys.argv[1], broker="local", name="worker", start="earliest")
    print(worker.receive().decode(), len(worker.receive_many(int(sys.argv[2]))))
    sys.stdin.readline()
"""


@pytest.mark.parametrize("batch", [1, 20, 10 * FITS])
def test_a_topic_that_keeps_gives_a_killed_subscriber_again_what_it_was_not_done_with(
    topic: Topic, batch: int
) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", 1024, "block", "keep"))
    publisher.publish(b"done")
    there = fill(publisher)
    with Child(WORK, topic.name, str(batch)) as worker:
        assert worker.line() == f"done {min(batch, there)}"
        fill(publisher)
        worker.kill()
    fill(publisher)
    again = topic.subscriber(None, name="worker")
    assert again.offset == 2
    for _ in range(3):
        again.receive_many(10 * FITS, timeout=0)
        fill(publisher)
    assert again.lost == 0
    assert again.offset > there


def test_a_topic_that_keeps_waits_until_a_name_is_done(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", 1024, "block", "keep"))
    worker = topic.subscriber(None, name="worker")
    count = fill(publisher)
    assert len(worker.receive_many(10 * FITS)) == count
    with pytest.raises(Full, match="worker"):
        publisher.publish(MESSAGE)
    publisher.timeout = 30
    waiting = threading.Thread(target=publisher.publish, args=(MESSAGE,))
    waiting.start()
    while not publisher.mapping.entries()[publisher.slot].waiting:
        time.sleep(0.001)
    worker.commit()
    waiting.join(5)
    assert not waiting.is_alive()
    with worker.view() as message:
        assert bytes(message) == MESSAGE
    assert fill(publisher) < count  # the view's message may come again
    assert worker.receive_many(10 * FITS, timeout=0)
    assert worker.receive_many(10 * FITS, timeout=0) == []
    assert fill(publisher) >= FITS - 1
    assert worker.lost == 0


def test_every_start_holds_from_the_first_message_that_it_gives(topic: Topic) -> None:
    publisher = topic.publisher(SPEC, timeout=0)
    publisher.publish_many([n.to_bytes(64, "little") for n in range(1, 2 * FITS)])
    for start in ("earliest", "last:10", "since:1h", "sequence", "latest"):
        if start == "sequence":
            start = f"sequence:{publisher.mapping.bounds()[1] - 20}"  # noqa: PLW2901
        subscriber = topic.subscriber(None, start=start)
        first = subscriber.offset
        fill(publisher)
        received = subscriber.receive_many(2 * FITS)
        assert (subscriber.lost, subscriber.offset - first) == (0, len(received)), start
        subscriber.close()


def test_nobody_who_joins_while_publishers_run_loses_anything(topic: Topic) -> None:
    publisher = topic.publisher(SPEC, timeout=30)
    going = True

    def publish() -> None:
        while going:
            publisher.publish_many([MESSAGE] * 50)

    running = threading.Thread(target=publish)
    running.start()
    try:
        for round_ in range(300):
            start = ("earliest", "latest", "last:100")[round_ % 3]
            with Subscriber(topic.name, broker="local", start=start) as subscriber:
                first = subscriber.offset
                for _ in range(200):
                    subscriber.receive(timeout=10)
                assert (subscriber.lost, subscriber.offset) == (0, first + 200)
    finally:
        going = False
        running.join(30)


def test_a_view_keeps_its_bytes_until_nothing_looks_at_them(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC, timeout=0), topic.subscriber(None)
    publisher.publish(b"first" * 10)
    publisher.publish(b"second" * 10)
    with subscriber.view() as first:
        array = np.frombuffer(memoryview(first), dtype=np.uint8)
    second = subscriber.view()
    fill(publisher)
    subscriber.receive_many(2 * FITS)
    assert bytes(array) == b"first" * 10
    assert first.valid
    with pytest.raises(Full):
        publisher.publish_many([MESSAGE] * 10)
    del array
    with pytest.raises(Full):
        publisher.publish_many([MESSAGE] * 10)
    assert bytes(second) == b"second" * 10
    del second
    gc.collect()
    assert publisher.publish_many([MESSAGE] * 10)


def test_each_view_that_is_dropped_lets_publishers_go_on(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC, timeout=0), topic.subscriber(None)
    for _ in range(5):
        publisher.publish(MESSAGE)
        message = subscriber.view()
        fill(publisher)
        subscriber.receive_many(2 * FITS)
        with pytest.raises(Full):
            publisher.publish_many([MESSAGE] * 10)
        del message
        gc.collect()
        assert publisher.publish_many([MESSAGE] * 10)
        subscriber.receive_many(2 * FITS)


def test_a_view_cannot_be_written_and_survives_close_and_deletion(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(SPEC), topic.subscriber(None)
    publisher.publish(b"kept" * 16)
    message = subscriber.view()
    array = np.frombuffer(memoryview(message), dtype=np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    subscriber.close()
    publisher.close()
    topic.delete()
    assert bytes(array) == b"kept" * 16
    del array
    assert bytes(message) == b"kept" * 16


def test_a_waiting_publisher_notices_that_the_topic_is_deleted_or_itself_closed(
    topic: Topic,
) -> None:
    publisher, other = topic.publisher(SPEC), topic.publisher(None)
    topic.subscriber(None)
    fill(publisher)
    publisher.timeout = other.timeout = 30
    errors: list[BaseException] = []

    def wait(who: Publisher) -> None:
        try:
            who.publish(MESSAGE)
        except (TopicClosed, HandleClosed) as error:
            errors.append(error)

    waiting = [threading.Thread(target=wait, args=(each,)) for each in (publisher, other)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    other.close()
    waiting[1].join(2)
    topic.delete()
    waiting[0].join(2)
    assert [type(error) for error in errors] == [HandleClosed, TopicClosed]


def test_a_waiting_publisher_holds_no_lock_and_shows_what_it_waits_for(topic: Topic) -> None:
    publisher, other = topic.publisher(SPEC), topic.publisher(None, timeout=0)
    subscriber = topic.subscriber(None)
    fill(publisher)
    publisher.timeout = 30
    waiting = threading.Thread(target=publisher.publish, args=(bytes(1024),))
    waiting.start()
    time.sleep(0.1)
    entries = {entry.slot: entry for entry in publisher.mapping.entries()}
    assert entries[publisher.slot].waiting > 0
    assert other.mapping.lock_holder() == -1
    subscriber.receive_many(4)
    assert other.publish(b"small") > 0
    subscriber.receive_many(FITS)
    waiting.join(5)
    assert not publisher.mapping.entries()[0].waiting


def test_a_segment_says_what_it_was_made_from(topic: Topic) -> None:
    spec = TopicSpec("64Ki", 1024, "block", "keep", lease=1.5)
    publisher = topic.publisher(spec)
    assert record_of(publisher._segment).spec == publisher.record.spec == spec


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"overflow": "drop"}, "overflow"),
        ({"overflow": "block", "unsubscribed": "wait"}, "unsubscribed"),
        ({"overflow": "block", "lease": -1}, "lease"),
        ({"overflow": "block", "lease": float("nan")}, "lease"),
        ({"overflow": "block", "lease": "5s"}, "lease"),
        ({"overflow": "block", "lease": True}, "lease"),
        ({"lease": 5}, "lease"),
        ({"unsubscribed": "keep"}, "unsubscribed"),
    ],
    ids=repr,
)
def test_a_policy_that_cannot_be_is_refused_by_field(
    arguments: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidTopic) as caught:
        TopicSpec("64Ki", 1024, **arguments)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert str(caught.value).startswith(field)


@pytest.mark.parametrize("meets", [PublisherBusy, TopicClosed])
def test_a_batch_that_had_to_wait_says_how_much_of_it_is_out_whatever_it_meets(
    topic: Topic, meets: type[PublisherBusy | TopicClosed]
) -> None:
    """Else its publisher would publish the same messages again."""
    publisher, subscriber = topic.publisher(SPEC), topic.subscriber(None)
    met: list[PublisherBusy | TopicClosed] = []

    def publish() -> None:
        try:
            publisher.publish_many([MESSAGE] * 2 * FITS)
        except (PublisherBusy, TopicClosed) as error:
            met.append(error)

    waiting = threading.Thread(target=publish)
    waiting.start()
    while not any(entry.waiting for entry in publisher.mapping.entries()):
        time.sleep(0.01)
    if meets is PublisherBusy:
        topic.publisher(None, exclusive=True)
    else:
        topic.delete()
    received = len(subscriber.receive_many(2 * FITS))
    waiting.join()
    assert [type(error) for error in met] == [meets]
    assert met[0].published == received > 0


def test_a_view_that_ended_is_room_at_once(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("8Ki", 4097, "block"), timeout=0)
    subscriber = topic.subscriber(None)
    publisher.publish(bytes(4000))
    subscriber.receive()
    publisher.publish(bytes(4097))
    with subscriber.view() as view:
        with pytest.raises(Full):  # the ring's end is too close, and its beginning is needed
            publisher.publish(bytes(4097))
        assert view.valid
    assert publisher.publish(bytes(4097)) == 3

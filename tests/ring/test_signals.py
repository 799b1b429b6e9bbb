"""Ctrl-C ends every wait at once, and loses no message.

Each wait runs in a process of its own that says that it begins, is sent SIGINT a little later, and
tells how it ended.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests.ring.children import Child
from tests.ring.conftest import Topic

FRAME = """
    import asyncio, math, sys
    from podring import Publisher, Subscriber
    topic = sys.argv[1]
    def subscriber(**options):
        return Subscriber(topic, broker="local", **options)
    async def forever():
        async for message in opened:
            pass
    opened = {opened}
    print("waiting")
    try:
        {wait}
    except KeyboardInterrupt:
        print("interrupted")
    {after}
    opened.close()
    print("closed")
"""

WAITS = {
    "receive": ("subscriber()", "opened.receive()"),
    "receive without spinning": ("subscriber(spin=0)", "opened.receive()"),
    "receive with a timeout": ("subscriber()", "opened.receive(timeout=1000)"),
    "receive that spins for ever": ("subscriber(spin=math.inf)", "opened.receive()"),
    "receive_many": ("subscriber()", "opened.receive_many()"),
    "view": ("subscriber()", "opened.view()"),
    "iteration": ("subscriber()", "for message in opened: pass"),
    "async for": ("subscriber()", "asyncio.run(forever())"),
    "publish": ("Publisher(topic, broker='local')", "opened.publish(b'x')"),
    "publish_many": ("Publisher(topic, broker='local')", "opened.publish_many([b'x'])"),
    "loan": ("Publisher(topic, broker='local')", "opened.loan(5).__enter__()"),
}


@pytest.mark.parametrize("what", WAITS)
def test_ctrl_c_interrupts(topic: Topic, what: str) -> None:
    opened, wait = WAITS[what]
    holder = topic.publisher()
    with (
        holder.loan(4) as loan,
        Child(FRAME.format(opened=opened, wait=wait, after=""), topic.name) as child,
    ):
        assert child.line() == "waiting"
        time.sleep(0.3)
        started = time.monotonic()
        child.process.send_signal(signal.SIGINT)
        assert child.line() == "interrupted"
        assert child.line() == "closed"
        assert time.monotonic() - started < 10
        loan[:] = b"held"
    assert holder.publish(b"x") == 2


def test_an_interrupted_subscriber_goes_on_where_it_was(topic: Topic) -> None:
    publisher = topic.publisher()
    code = FRAME.format(
        opened="subscriber()", wait="for m in opened: print(m)", after="print(opened.receive(60))"
    )
    with Child(code, topic.name) as child:
        assert child.line() == "waiting"
        publisher.publish(b"one")
        assert child.line() == "b'one'"
        child.process.send_signal(signal.SIGINT)
        assert child.line() == "interrupted"
        publisher.publish(b"two")
        assert child.line() == "b'two'"


def test_a_signal_that_python_handles_does_not_end_a_wait(topic: Topic) -> None:
    publisher = topic.publisher()
    code = """
        import signal, sys
        from podring import Subscriber
        signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
        subscriber = Subscriber(sys.argv[1], broker="local")
        print("waiting")
        print(subscriber.receive())
    """
    with Child(code, topic.name) as child:
        assert child.line() == "waiting"
        for _ in range(3):
            time.sleep(0.1)
            child.process.send_signal(signal.SIGUSR1)
            assert child.line() == "handled"
        publisher.publish(b"still here")
        assert child.line() == "b'still here'"

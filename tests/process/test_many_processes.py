"""Real processes on one topic: order, losses and deaths.

Three publishers and three subscribers move ten million messages; each subscriber's account is
checked against what was published. Then processes are stopped and killed where it hurts.
"""

from __future__ import annotations

import json
import os
import select
import signal
import textwrap
import time
from pathlib import Path

import pytest

from podring import Publisher, Subscriber, TopicSpec
from podring.client import broker_at
from tests.ring.children import Child, killed_in_a_loan
from tests.ring.conftest import Topic

PUBLISHERS = SUBSCRIBERS = 3
MESSAGES = 10_000_000
BATCH = 500
TAKEOVER_S = 5.0
"""A waiting publisher looks every 10 ms whether the holder lives; the rest is for a busy host."""

PUBLISH = """
    import struct, sys, time
    from podring import Publisher
    topic, who, count, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with Publisher(topic, broker="local", name=f"publisher {who}") as publisher:
        print("ready")
        sys.stdin.readline()
        pack = struct.Struct("<IQ").pack
        for first in range(0, count, batch):
            publisher.publish_many([pack(who, n) for n in range(first, min(first + batch, count))])
    print("done")
"""

# A subscriber checks each publisher's order by itself, keeps a running hash of all it received, and
# accounts for the rest by its losses. The sequence it expects tells when everything has come.
SUBSCRIBE = """
    import json, sys, zlib
    from podring import Subscriber
    topic, total, publishers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    gaps = []
    with Subscriber(topic, broker="local", start=1, on_loss=gaps.append) as subscriber:
        print("ready")
        crc = received = 0
        next_of, fresh = [0] * publishers, [False] * publishers
        missing = 0
        seen_gaps = 0
        while subscriber.offset <= total:
            batch = subscriber.receive_many(limit=20000, timeout=60)
            assert batch, f"nothing for 60 s at {subscriber.offset}"
            crc = zlib.crc32(b"".join(batch), crc)
            received += len(batch)
            # A batch never spans a loss: only its first message of each publisher may jump.
            lossy, seen_gaps = len(gaps) > seen_gaps, len(gaps)
            fresh = [lossy or jump for jump in fresh]
            for message in batch:
                who, number = message[0], int.from_bytes(message[4:], "little")
                if number != next_of[who]:
                    assert fresh[who] and number > next_of[who], (who, number, next_of[who])
                    missing += number - next_of[who]
                fresh[who] = False
                next_of[who] = number + 1
        print(json.dumps({"crc": crc, "received": received, "lost": subscriber.lost,
                          "gaps": sum(map(len, gaps)), "missing": missing, "next": next_of}))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", ["640Mi", "2Mi"], ids=["room for all", "lapped"])
def test_ten_million_messages_in_one_order(topic: Topic, size: str) -> None:
    """The first topic holds them all, so nothing is lost; the second one is lapped."""
    messages = MESSAGES if size == "640Mi" else MESSAGES // 5
    free = os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_frsize
    if size == "640Mi" and free < 800 << 20:
        size = "64Mi"  # there it may lose; the account below holds all the same
    topic.create(TopicSpec(size, 4096))
    each = [messages // PUBLISHERS + (who < messages % PUBLISHERS) for who in range(PUBLISHERS)]
    children = [
        Child(SUBSCRIBE, topic.name, str(messages), str(PUBLISHERS)) for _ in range(SUBSCRIBERS)
    ] + [Child(PUBLISH, topic.name, str(who), str(n), str(BATCH)) for who, n in enumerate(each)]
    try:
        for child in children:
            assert child.line() == "ready"
        for child in children[SUBSCRIBERS:]:
            child.tell("go")
        for child in children[SUBSCRIBERS:]:
            assert child.line() == "done"
        accounts = [json.loads(child.line()) for child in children[:SUBSCRIBERS]]
    finally:
        for child in children:
            child.__exit__(None, None, None)
    assert broker_at("local").status(topic.name).latest == messages + 1
    for account in accounts:
        assert account["received"] + account["lost"] == messages
        assert account["gaps"] == account["lost"]
        # What is missing in the publishers' own numbering, up to their ends, is what was lost.
        ends = sum(n - seen for n, seen in zip(each, account["next"], strict=True))
        assert account["missing"] + ends == account["lost"]
    whole = {account["crc"] for account in accounts if account["lost"] == 0}
    assert len(whole) <= 1
    if size == "640Mi":
        assert [account["lost"] for account in accounts] == [0] * SUBSCRIBERS
        assert len(whole) == 1


COUNT = """
    import sys
    from podring import Subscriber
    with Subscriber(sys.argv[1], broker="local", start=1) as subscriber:
        print("ready")
        received = 0
        while (message := subscriber.receive(timeout=60)) != b"end":
            received += 1
            if message == b"begin":
                print("begun")
        print(received, subscriber.lost, subscriber.losses)
"""


def wait_until_stopped(pid: int) -> None:
    for _ in range(3000):
        if (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
            == "T"
        ):
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} does not stop")


def test_a_stopped_subscriber_that_was_lapped_reports_the_exact_count_and_goes_on(
    topic: Topic,
) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", "1Ki"))
    with Child(COUNT, topic.name) as child:
        assert child.line() == "ready"
        publisher.publish(b"begin")
        assert child.line() == "begun"
        os.kill(child.pid, signal.SIGSTOP)
        wait_until_stopped(child.pid)
        for _ in range(10):
            publisher.publish_many([b"x" * 100] * 1000)
        # It goes on at the oldest message there is, which is known now.
        earliest = broker_at("local").status(topic.name).earliest
        os.kill(child.pid, signal.SIGCONT)
        while broker_at("local").status(topic.name).participants[1].lag:
            time.sleep(0.01)
        publisher.publish(b"end")
        received, lost, losses = child.line().split(maxsplit=2)
        assert losses == f"[range(2, {earliest})]"
        assert int(lost) == earliest - 2
        assert int(received) + int(lost) == 10_001


def test_a_publisher_killed_with_the_lock_is_taken_over_and_nothing_committed_is_lost(
    topic: Topic,
) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    expected = []
    for number in range(5):
        killed_in_a_loan(topic.name)
        started = time.monotonic()
        publisher.publish(b"heir %d" % number)
        assert time.monotonic() - started < TAKEOVER_S
        expected += [b"committed", b"heir %d" % number]
    assert subscriber.receive_many(timeout=5) == expected
    assert subscriber.lost == 0


def test_a_publisher_that_waits_already_takes_over(topic: Topic) -> None:
    subscriber = topic.subscriber()
    code = """
        import sys, time
        from podring import Publisher
        with Publisher(sys.argv[1], broker="local") as publisher:
            print("waiting")
            publisher.publish(b"at last")
            print("published")
    """
    lend = """
        import sys, time
        from podring import Publisher
        with Publisher(sys.argv[1], broker="local") as publisher, publisher.loan(9):
            print("lent")
            time.sleep(1000)
    """
    with Child(lend, topic.name) as holder:
        assert holder.line() == "lent"
        with Child(code, topic.name) as first, Child(code, topic.name) as second:
            assert (first.line(), second.line()) == ("waiting", "waiting")
            time.sleep(0.2)
            assert subscriber.receive_nowait() is None
            started = time.monotonic()
            holder.kill()
            assert (first.line(), second.line()) == ("published", "published")
            assert time.monotonic() - started < TAKEOVER_S
    assert subscriber.receive_many(timeout=5) == [b"at last"] * 2


PUBLISH_FOR_EVER = """
    import os, sys
    from podring import Publisher
    publisher = Publisher(sys.argv[1], broker="local", exclusive=len(sys.argv) > 2)
    print("ready")
    number = 0
    while True:
        number += 1
        last = publisher.publish_many([b"%d %d" % (os.getpid(), number)] * (number % 40))
        if number % 7 == 0:
            with publisher.loan(3000) as loan:
                loan[:4] = b"loan"
                loan.truncate(4)
"""


@pytest.mark.parametrize("exclusive", [False, True], ids=["shared", "exclusive"])
def test_publishers_killed_at_any_moment_leave_a_sound_topic(topic: Topic, exclusive: bool) -> None:
    topic.create(TopicSpec("256Ki", "4Ki"))
    subscriber = topic.subscriber(None, start=1)
    received = 0
    for attempt in range(25):
        with Child(PUBLISH_FOR_EVER, topic.name, *(["yes"] if exclusive else [])) as child:
            assert child.line() == "ready"
            until = time.monotonic() + 0.01 + attempt * 0.001
            while time.monotonic() < until:
                received += len(subscriber.receive_many(limit=5000, timeout=0.001))
            child.kill()
        started = time.monotonic()
        with topic.publisher(None) as heir:
            sequence = heir.publish(b"heir")
        assert time.monotonic() - started < TAKEOVER_S
        while subscriber.offset <= sequence:
            batch = subscriber.receive_many(limit=5000, timeout=5)
            received += len(batch)
        assert batch[-1] == b"heir"
        assert received + subscriber.lost == sequence
        with topic.subscriber(None, start="earliest") as late:
            assert late.receive(timeout=5)
    assert received > 0


def test_a_subscriber_killed_in_its_sleep_costs_nothing_lasting(topic: Topic) -> None:
    publisher = topic.publisher()
    code = """
        import sys
        from podring import Subscriber
        subscriber = Subscriber(sys.argv[1], broker="local", spin=0)
        print("ready")
        subscriber.receive()
    """
    for _ in range(3):
        with Child(code, topic.name) as child:
            assert child.line() == "ready"
            wait_until_asleep(child.pid)
            child.kill()
    publisher.publish(b"one vain wake-up")
    wake = _wake_word(topic)
    for _ in range(1000):
        publisher.publish(b"x")
    assert _wake_word(topic) == wake  # it moves with every wake-up
    assert [one.alive for one in broker_at("local").status(topic.name).participants] == [
        True,
        False,
    ]
    with topic.subscriber() as again:
        assert again.slot == 1


def wait_until_asleep(pid: int, name: str = "") -> None:
    """Until the process sleeps in futex_wait: its voluntary switches stand still."""
    for _ in range(600):
        before = _switches(pid)
        time.sleep(0.05)
        if _switches(pid) == before and _state(pid) == "S":
            return
    pytest.fail(f"process {pid} {name} does not fall asleep: {_state(pid)}")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]


def _switches(pid: int) -> int:
    """Voluntary context switches of all its threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text(encoding="utf-8")
        total += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return total


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def _wake_word(topic: Topic) -> int:
    record = broker_at("local").get(topic.name)
    with open(f"/dev/shm/{record.segment}.ring", "rb") as file:
        file.seek(896)  # RingHeader.wake
        return int.from_bytes(file.read(4), "little")


IDLE = {
    "subscriber": """
        from podring import Subscriber
        subscriber = Subscriber(topic, broker="local")
        print("ready")
        subscriber.receive()
    """,
    "iteration": """
        from podring import Subscriber
        print("ready")
        for message in Subscriber(topic, broker="local", spin=0): pass
    """,
    "asyncio": """
        import asyncio
        from podring import Subscriber
        async def main():
            subscribers = [Subscriber(topic, broker="local") for _ in range(20)]
            print("ready")
            await asyncio.gather(*(subscriber.receive_async() for subscriber in subscribers))
        asyncio.run(main())
    """,
    "publisher": """
        import time
        from podring import Publisher
        publisher = Publisher(topic, broker="local")
        exclusive = Publisher(topic + "-x", broker="local", exclusive=True)
        exclusive.publish(b"x")
        print("ready")
        time.sleep(1000)
    """,
}


@pytest.mark.slow
def test_who_is_idle_uses_no_cpu(topic: Topic) -> None:
    """Ten seconds: no CPU time that the kernel could count, and a handful of looks by oneself."""
    topic.create()
    other = broker_at("local").create(topic.name + "-x", TopicSpec("64Ki", "4Ki"))
    prelude = "import sys\ntopic = sys.argv[1]\n"
    children = {
        name: Child(prelude + textwrap.dedent(code), topic.name) for name, code in IDLE.items()
    }
    try:
        for name, child in children.items():
            assert child.line() == "ready", name
            wait_until_asleep(child.pid, name)
        before = {name: (_cpu_ticks(c.pid), _switches(c.pid)) for name, c in children.items()}
        time.sleep(10)
        for name, child in children.items():
            ticks, switches = _cpu_ticks(child.pid), _switches(child.pid)
            assert ticks - before[name][0] <= 1, name
            assert switches - before[name][1] <= 8, name
    finally:
        for child in children.values():
            child.__exit__(None, None, None)
        broker_at("local").delete(other.name)


def test_processes_that_race_for_entries_get_one_each(topic: Topic) -> None:
    topic.create()
    code = """
        import sys
        from podring import Publisher, Subscriber
        sys.stdin.readline()
        opened = [(Publisher, Subscriber)[n % 2](sys.argv[1], broker="local") for n in range(10)]
        print(*(one.slot for one in opened))
        sys.stdin.readline()
    """
    children = [Child(code, topic.name) for _ in range(8)]
    try:
        for child in children:
            child.tell("go")
        slots = [int(slot) for child in children for slot in child.line().split()]
        assert sorted(slots) == list(range(80))
        assert all(one.alive for one in broker_at("local").status(topic.name).participants)
    finally:
        for child in children:
            child.__exit__(None, None, None)
    assert not any(one.alive for one in broker_at("local").status(topic.name).participants)


def test_processes_that_race_to_create_get_the_same_topic(topic: Topic) -> None:
    code = """
        import sys
        from podring import Publisher, TopicSpec
        sys.stdin.readline()
        with Publisher(sys.argv[1], broker="local", create=TopicSpec("64Ki", "4Ki")) as publisher:
            print(publisher.record.generation, publisher.publish(b"x"))
    """
    children = [Child(code, topic.name) for _ in range(6)]
    try:
        for child in children:
            child.tell("go")
        answers = [child.line().split() for child in children]
    finally:
        for child in children:
            child.__exit__(None, None, None)
    assert len({generation for generation, _ in answers}) == 1
    assert sorted(int(sequence) for _, sequence in answers) == list(range(1, 7))


AS_USER = """
    import os, sys
    import podring.client, podring.local  # first: the other user may not read where they lie
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
    Publisher, Subscriber = podring.Publisher, podring.Subscriber
    with Subscriber(sys.argv[1], broker="local") as subscriber:
        with Publisher(sys.argv[1], broker="local") as publisher:
            print("ready")
            sys.stdin.readline()
            publisher.publish(b"from %d" % os.getuid())
            print(sorted(subscriber.receive(timeout=60) for _ in range(2)))
            sys.stdin.readline()
            try:
                with publisher.loan(3):
                    print("lent")
                    sys.stdin.readline()
            finally:
                pass
"""


@pytest.mark.skipif(
    os.geteuid() != 0, reason="missing component root: two users need the right to become them"
)
def test_two_users_share_a_topic(topic: Topic) -> None:
    topic.create()
    with Child(AS_USER, topic.name, "1000") as one, Child(AS_USER, topic.name, "2000") as two:
        assert (one.line(), two.line()) == ("ready", "ready")
        one.tell("go")
        two.tell("go")
        both = "[b'from 1000', b'from 2000']"
        assert (one.line(), two.line()) == (both, both)
        users = {p.user for p in broker_at("local").status(topic.name).participants}
        assert users == {1000, 2000}
        # One dies with the lock, and the other finds it dead.
        one.tell("lend")
        assert one.line() == "lent"
        one.kill()
        started = time.monotonic()
        two.tell("lend")
        assert two.line() == "lent"
        assert time.monotonic() - started < TAKEOVER_S


def test_a_reader_far_away_in_its_own_process_is_not_slowed_by_the_dead(topic: Topic) -> None:
    """A message comes while nobody else is left to wake the sleeper again."""
    subscriber = Subscriber(topic.name, broker="local", create=TopicSpec("64Ki", "4Ki"))
    try:
        code = """
            import os, signal, sys
            from podring import Publisher
            publisher = Publisher(sys.argv[1], broker="local")
            publisher.publish(b"last words")
            os.kill(os.getpid(), signal.SIGKILL)
        """
        with Child(code, topic.name) as child:
            assert subscriber.receive(timeout=60) == b"last words"
            assert child.process.wait(30) == -signal.SIGKILL
        with Publisher(topic.name, broker="local") as publisher:
            publisher.publish(b"next")
        assert subscriber.receive(timeout=5) == b"next"
    finally:
        subscriber.close()


def test_a_child_that_prints_nothing_is_not_waited_for_for_ever() -> None:
    """The helper of these tests itself: a child that ends gives an empty line."""
    with Child("pass") as child:
        assert child.process.stdout is not None
        assert select.select([child.process.stdout], [], [], 60)[0]
        assert child.line() == ""

"""A /dev/shm that is really full: creating is refused, and topics that are there go on."""

from __future__ import annotations

from tests.limits.confined import run_with_small_shm

FILL = """
    import os, sys
    from podring import NoRoom, Publisher, Subscriber, TopicSpec, create_topic, delete_topic

    SPEC = TopicSpec("1Mi", "64Ki")

    def fill():
        "Let somebody else take all that is left."
        file = os.open("/dev/shm/somebody-elses", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(file, bytes(4096))
        except OSError as error:
            print("full:", os.statvfs("/dev/shm").f_bavail, error.strerror)
"""


def test_creating_is_refused_with_the_numbers_and_nothing_is_left_behind() -> None:
    lines = run_with_small_shm(
        "8m",
        FILL
        + """
    made = []
    try:
        for number in range(20):
            made.append(create_topic(f"t{number}", SPEC).name)
            before = sorted(os.listdir("/dev/shm"))
    except NoRoom as error:
        print(len(made), "made,", error)
    print("nothing left behind:", sorted(os.listdir("/dev/shm")) == before)
    delete_topic("t0")
    print(create_topic("after", SPEC).name)
    """,
    )
    assert lines[0].startswith("7 made, topic 't7' needs 11")
    assert "bytes of shared memory and" in lines[0]
    assert lines[0].endswith("are free: delete a topic, or ask for less")
    assert lines[1:] == ["nothing left behind: True", "after"]


def test_topics_that_are_there_go_on_without_sigbus_and_without_a_loss() -> None:
    """Every page of a topic is its own from the start: the second lap needs no memory either."""
    lines = run_with_small_shm(
        "8m",
        FILL
        + """
    block = TopicSpec("256Ki", "64Ki", "block")
    create_topic("a", SPEC); create_topic("b", block)
    fill()
    with Publisher("a") as a, Subscriber("a", name="late") as reader:
        for number in range(100):                         # three laps
            a.publish(number.to_bytes(4, "little") * 10_000)
        print("lost and came:", len(reader.receive_many(1000)) + reader.lost)
        with a.loan(60_000) as loan:
            loan[:] = b"x" * 60_000
        print("loan:", len(reader.receive(1)))
    with Publisher("b", timeout=5) as b, Subscriber("b") as reader:
        for number in range(100):
            b.publish(number.to_bytes(4, "little") * 10_000)
            assert reader.receive(1)[:4] == number.to_bytes(4, "little")
        print("block:", reader.offset - 1, reader.lost)
    with Publisher("a", name="again"), Subscriber("a", name="late"):
        print("joined")
    """,
    )
    assert lines == [
        "full: 0 No space left on device",
        "lost and came: 100",
        "loan: 60000",
        "block: 100 0",
        "joined",
    ]


BROKER = """
    import tempfile
    from pathlib import Path
    from podring.client import broker_at
    from tests.broker.harness import Broker

    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder), "small", "memory:", "--budget", sys.argv[1]).start()
        try:
            keeper = broker_at(broker.address)
            try:
                for number in range(20):
                    keeper.create(f"t{number}", SPEC)
            except NoRoom as error:
                print(len(keeper.topics()), "made,", error)
            keeper.delete("t0")
            print(keeper.create("after", SPEC).name, broker.ready())
        finally:
            broker.close()
"""


def test_a_broker_whose_budget_is_above_what_is_there_says_what_is_there() -> None:
    lines = run_with_small_shm("8m", FILL + BROKER, "64Mi")
    assert lines[0].startswith("7 made, ")
    assert "free" in lines[0]
    assert lines[1] == "after True"


def test_a_broker_whose_budget_is_spent_says_so() -> None:
    lines = run_with_small_shm("16m", FILL + BROKER, "4Mi")
    assert lines[0].startswith("3 made, ")
    assert "4194304" in lines[0]
    assert "budget" in lines[0].lower()
    assert lines[1] == "after True"

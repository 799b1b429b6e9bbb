"""The broker is killed and comes back; /dev/shm is emptied by a reboot. Real processes, SIGKILL."""

import os
import time
from pathlib import Path

import pytest

from podring import Publisher, Subscriber, TopicClosed, segment
from podring.topic import TopicSpec
from podring_broker.janitor import PERIOD_S
from tests.broker.conftest import MakeBroker
from tests.broker.harness import SHM, Broker, eventually
from tests.broker.traffic import Traffic


def reboot(broker: Broker) -> None:
    """Kill the broker and empty /dev/shm of its segments, telling nobody."""
    broker.kill()
    for file in SHM.glob(f"podring.{broker.owner}.*.*"):
        file.unlink()


def test_a_killed_broker_adopts_its_topics_and_nobody_notices(broker: Broker) -> None:
    record = broker.create("t")
    with Traffic("t", broker.address) as traffic:
        broker.kill()
        traffic.goes_on()
        broker.start()
        traffic.goes_on()
        assert broker.get("t") == record
        assert [event["generation"] for event in broker.events("topic.adopted")] == [
            record["generation"]
        ]


def test_without_a_catalogue_that_lasts_topics_are_adopted_all_the_same(
    make_broker: MakeBroker,
) -> None:
    broker = make_broker(catalogue="memory:").start()
    record = broker.create("t")
    broker.kill()
    broker.start()
    assert broker.get("t") == record


def test_after_a_reboot_topics_are_made_again_in_a_new_generation(broker: Broker) -> None:
    before = {name: broker.create(name) for name in ("a", "b")}
    reboot(broker)
    broker.start()
    for name, record in before.items():
        again = broker.get(name)
        assert again["generation"] > record["generation"]
        assert again["segment"] != record["segment"]
        assert (again["shmsize"], again["msgsize"]) == (record["shmsize"], record["msgsize"])
        with Publisher(name, broker=broker.address) as publisher:
            assert publisher.publish(b"first") == 1
    after = {name: broker.get(name) for name in before}
    broker.kill()
    broker.start()
    assert {name: broker.get(name) for name in before} == after


def test_what_was_deleted_stays_deleted_after_a_reboot(broker: Broker) -> None:
    broker.create("t")
    broker.call("DELETE", "/topics/t")
    reboot(broker)
    broker.start()
    assert broker.call("GET", "/topics").json()["topics"] == []
    assert broker.segments() == []


def test_a_topic_without_room_after_a_reboot_waits_for_it_and_says_so(
    make_broker: MakeBroker,
) -> None:
    roomy = make_broker("--budget", "32Mi")
    catalogue = f"sqlite://{roomy.log.parent}/catalogue.db"
    roomy.start()
    roomy.create("big", "24Mi")
    roomy.create("small", "1Mi")
    reboot(roomy)
    tight = make_broker("--budget", "16Mi", catalogue=catalogue, folder="tight").start()
    eventually(lambda: tight.events("topic.recreated"))
    listed = tight.call("GET", "/topics").json()
    assert [topic["topicname"] for topic in listed["topics"]] == ["small"]
    assert [topic["topicname"] for topic in listed["waiting"]] == ["big"]
    assert "budget" in listed["waiting"][0]["problem"]
    assert "podring_topics_waiting 1.0" in tight.call("GET", "/metrics").text
    assert tight.call("GET", "/topics/big").status_code == 507
    assert len(tight.events("topic.waiting")) == 1
    tight.kill()
    roomy.start()
    eventually(lambda: roomy.call("GET", "/topics").json()["waiting"] == [])
    assert roomy.get("big")["shmsize"] == 24 << 20


def test_a_waiting_topic_can_be_deleted(make_broker: MakeBroker) -> None:
    roomy = make_broker("--budget", "32Mi")
    catalogue = f"sqlite://{roomy.log.parent}/catalogue.db"
    roomy.start().create("big", "24Mi")
    reboot(roomy)
    tight = make_broker("--budget", "16Mi", catalogue=catalogue, folder="tight").start()
    assert tight.call("DELETE", "/topics/big").status_code == 204
    assert tight.call("GET", "/topics/big").status_code == 404
    assert tight.call("GET", "/topics").json()["waiting"] == []


def test_an_orphan_is_removed(broker: Broker) -> None:
    broker.kill()
    orphan = segment.create("orphan", TopicSpec("64Ki", 1024), owner=broker.owner)
    broker.start()
    assert broker.segments() == []
    assert broker.events("orphan.removed")[-1]["segment"] == orphan.segment


def test_an_orphan_that_somebody_uses_is_a_topic_again(broker: Broker) -> None:
    record = broker.create("t")
    catalogue = broker.log.parent / "catalogue.db"
    empty = catalogue.read_bytes()
    with Traffic("t", broker.address) as traffic:
        broker.kill()
        _forget_all_records(catalogue)
        assert catalogue.read_bytes() != empty
        broker.start()
        assert broker.get("t") == record
        traffic.goes_on()
    broker.kill()
    broker.start()
    assert broker.get("t") == record


def test_a_lost_catalogue_is_written_again_from_the_segments(broker: Broker) -> None:
    record = broker.create("t")
    broker.kill()
    (broker.log.parent / "catalogue.db").unlink()
    broker.start()
    assert broker.get("t") == record
    reboot(broker)
    broker.start()
    assert broker.get("t")["generation"] > record["generation"]


@pytest.mark.parametrize("half", ["roster", "ring"])
def test_what_a_dead_broker_left_half_made_is_removed(broker: Broker, half: str) -> None:
    broker.kill()
    leftovers = [SHM / f"podring.{broker.owner}.{time.time_ns() // 1000}.t.roster"]
    if half == "ring":
        leftovers.append(leftovers[0].with_suffix(".ring"))
    for file in leftovers:
        file.write_bytes(bytes(65536))
        os.chmod(file, 0o600)
    broker.start()
    assert broker.segments() == []
    assert not any(file.exists() for file in leftovers)
    assert broker.events("orphan.removed")[-1]["why"] == "half made"


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, bytes(8)), (8, b"\xff" * 4), (16, b"\xff" * 8), (48, bytes(8)), (128, b"../x")],
    ids=["magic", "version", "capacity", "generation", "name"],
)
def test_a_damaged_header_is_removed_and_its_topic_made_again(
    broker: Broker, offset: int, value: bytes
) -> None:
    record = broker.create("t")
    broker.kill()
    with (SHM / f"{record['segment']}.ring").open("r+b") as ring:
        ring.seek(offset)
        ring.write(value)
    broker.start()
    again = broker.get("t")
    assert again["generation"] > record["generation"]
    assert broker.segments() == [again["segment"]]


def test_a_damaged_topic_is_listed_with_its_problem_and_can_be_deleted(broker: Broker) -> None:
    damaged = broker.create("damaged")
    broker.create("whole")
    with (SHM / f"{damaged['segment']}.ring").open("r+b") as ring:
        ring.seek(16)
        ring.write(b"\xff" * 8)
    listed = {t["topicname"]: t for t in broker.call("GET", "/topics").json()["topics"]}
    assert listed["damaged"]["problem"]
    assert listed["damaged"]["latest"] is None
    assert listed["whole"]["latest"] == 1
    assert broker.call("GET", "/substopic", params={"topicname": "damaged"}).is_success
    assert broker.call("GET", "/metrics").is_success
    assert broker.call("DELETE", "/topics/damaged").status_code == 204
    assert len(broker.segments()) == 1


def test_what_others_left_in_shared_memory_is_left_alone(broker: Broker) -> None:
    names = ["ring", ".ring", "x.t.ring", "lock.roster", "12.", "99.t.rings"]
    strange = [SHM / f"podring.{broker.owner}.{name}" for name in names]
    broker.kill()
    for file in strange:
        file.touch()
    broker.start()
    assert all(file.exists() for file in strange)
    for file in strange:
        file.unlink()


def test_an_interrupted_deletion_is_finished(broker: Broker) -> None:
    record = broker.create("t")
    with Subscriber("t", broker=broker.address) as subscriber:
        broker.kill()
        segment.mark_deleted(record["segment"])
        broker.start()
        assert broker.call("GET", "/topics/t").status_code == 404
        assert broker.segments() == []
        with pytest.raises(TopicClosed):
            subscriber.receive(timeout=5)
    reboot(broker)
    broker.start()
    assert broker.call("GET", "/topics/t").status_code == 404


def test_a_segment_that_vanishes_under_a_running_broker_is_made_again(broker: Broker) -> None:
    record = broker.create("t")
    for file in SHM.glob(f"{record['segment']}.*"):
        file.unlink()
    eventually(lambda: broker.get("t")["generation"] > record["generation"])
    with Publisher("t", broker=broker.address) as publisher:
        publisher.publish(b"it works")


@pytest.mark.parametrize("half", ["ring", "roster"])
def test_half_a_segment_is_removed_when_the_topic_is_made_again(broker: Broker, half: str) -> None:
    record = broker.create("t")
    (SHM / f"{record['segment']}.{half}").unlink()
    eventually(lambda: broker.events("topic.recreated"))
    assert broker.segments() == [broker.get("t")["segment"]]
    assert broker.get("t")["generation"] > record["generation"]


def test_what_is_wrong_with_a_topic_is_logged_once(broker: Broker) -> None:
    record = broker.create("t")
    with (SHM / f"{record['segment']}.ring").open("r+b") as ring:
        ring.seek(16)
        ring.write(b"\xff" * 8)
    eventually(lambda: broker.events("topic.unreadable"))
    time.sleep(2.5 * PERIOD_S)
    assert len(broker.events("topic.unreadable")) == 1


def _forget_all_records(catalogue: Path) -> None:
    import sqlite3

    with sqlite3.connect(catalogue) as connection:
        connection.execute("DELETE FROM topics")
    connection.close()

"""Who declared a topic: asked for at its creation, kept through everything, judged at deletion."""

from __future__ import annotations

import pytest

from podring.client import broker_at
from podring.errors import InvalidTopic, OtherOrigin
from podring.topic import TopicSpec
from tests.broker.conftest import MakeBroker
from tests.broker.harness import SHM, Broker, eventually

ORIGIN = "sharedmemory/default/prices/3f0c1d5e-0000-4000-8000-000000000000"
OTHER = "sharedmemory/default/prices/another"


def delete(broker: Broker, origin: str | None = None) -> tuple[int, str]:
    """Delete topic t: the status, and whose it is if that was the reason."""
    only = {} if origin is None else {"origin": origin}
    answer = broker.call("DELETE", "/topics/t", params=only)
    return answer.status_code, answer.json().get("origin", "") if answer.content else ""


def test_every_answer_about_a_topic_tells_its_origin(broker: Broker) -> None:
    assert broker.create("t", origin=ORIGIN)["origin"] == ORIGIN
    assert broker.get("t")["origin"] == ORIGIN
    for path in ("/topics/t", "/substopic?topicname=t"):
        assert broker.call("GET", path).json()["origin"] == ORIGIN
    assert [t["origin"] for t in broker.call("GET", "/topics").json()["topics"]] == [ORIGIN]
    assert broker.create("made.by.hand")["origin"] == ""


@pytest.mark.parametrize(("first", "again"), [(ORIGIN, OTHER), ("", ORIGIN), (ORIGIN, "")])
def test_who_comes_second_gets_the_topic_and_does_not_become_its_origin(
    broker: Broker, first: str, again: str
) -> None:
    made = broker_at(broker.address).create("t", TopicSpec("64Ki", 64), first)
    assert broker_at(broker.address).create("t", TopicSpec("64Ki", 64), again) == made
    assert broker.get("t")["origin"] == first


def test_a_topic_is_deleted_for_its_own_origin_or_without_asking(broker: Broker) -> None:
    for origin in (ORIGIN, None):
        broker.create("t", origin=ORIGIN)
        assert delete(broker, origin) == (204, "")
    assert delete(broker, ORIGIN)[0] == 404


@pytest.mark.parametrize("asked", [OTHER, ""])
def test_a_topic_is_not_deleted_for_another_origin_and_told_whose_it_is(
    broker: Broker, asked: str
) -> None:
    broker.create("t", origin=ORIGIN)
    assert delete(broker, asked) == (409, ORIGIN)
    with pytest.raises(OtherOrigin, match=f"declared by '{ORIGIN}'.*leave it alone"):
        broker_at(broker.address).delete("t", asked)
    assert broker.get("t")["origin"] == ORIGIN


def test_what_was_made_by_hand_is_nobodys(broker: Broker) -> None:
    broker.create("t")
    assert delete(broker, ORIGIN) == (409, "")
    assert delete(broker, "") == (204, "")


@pytest.mark.parametrize("origin", ["", "a b", "ä", "x" * 254, None, 7, ["x"]], ids=repr)
def test_an_origin_that_cannot_be_is_refused_by_field(broker: Broker, origin: object) -> None:
    body = {"topicname": "t", "shmsize": "1Mi", "msgsize": 1, "origin": origin}
    answer = broker.call("POST", "/createTopic", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "origin")
    assert ("origin is empty" in answer.json()["detail"]) == (origin == "")
    assert broker.segments() == []


def test_an_origin_that_cannot_be_is_refused_at_deletion_too(broker: Broker) -> None:
    broker.create("t")
    answer = broker.call("DELETE", "/topics/t", params={"origin": "a b"})
    assert (answer.status_code, answer.json()["field"]) == (422, "origin")
    with pytest.raises(InvalidTopic, match="origin"):
        broker_at(broker.address).delete("t", "a b")


@pytest.mark.parametrize("catalogue", ["memory:", ""], ids=["memory", "sqlite"])
def test_a_restart_keeps_origins_with_or_without_a_catalogue_that_lasts(
    make_broker: MakeBroker, catalogue: str
) -> None:
    broker = make_broker(catalogue=catalogue).start()
    declared, by_hand = broker.create("t", origin=ORIGIN), broker.create("by.hand")
    broker.kill()
    broker.start()
    assert (broker.get("t"), broker.get("by.hand")) == (declared, by_hand)
    assert delete(broker, ORIGIN)[0] == 204


def test_a_topic_made_again_is_still_of_its_origin(broker: Broker) -> None:
    before = broker.create("t", origin=ORIGIN)
    for file in SHM.glob(f"{before['segment']}.*"):
        file.unlink()
    eventually(lambda: broker.get("t")["generation"] > before["generation"])
    assert broker.get("t")["origin"] == ORIGIN


def test_a_publisher_that_forges_the_origin_in_the_segment_does_not_get_through(
    broker: Broker,
) -> None:
    record = broker.create("t", origin=ORIGIN)
    with (SHM / f"{record['segment']}.ring").open("r+b") as ring:
        ring.seek(1024)
        ring.write(OTHER.encode().ljust(256, b"\0"))
    broker.kill()
    broker.start()
    assert broker.get("t") == record

"""podring topics, info, create, delete: for people and as JSON."""

from __future__ import annotations

import json
import re

import pytest

from podring import Publisher, Subscriber
from podring.cli.tables import age, columns, size
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import PODRING, publish, run


def said(*arguments: str) -> str:
    done = run(*PODRING, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_create_info_topics_and_delete_for_people(name: str) -> None:
    made = said("create", name, "--size", "2Mi", "--max-message", "4Ki")
    assert made == f"{name}: 2Mi ring, messages up to 4Ki, overwrite\n"
    with Subscriber(name, broker="local", name="reader"):
        publish(name, b"a\nb\nc\n")
        assert re.search(rf"^{name} +2Mi +4Ki +3 +0 +1 +\ds$", said("topics"), re.MULTILINE)
        info = said("info", name)
    assert re.search(r"^  size +2Mi$", info, re.MULTILINE)
    assert "3 published, of which the last 3 can be received" in info
    assert re.search(r"^subscriber +reader +\d+ +0 +0 +1 +3 +0 +yes$", info, re.MULTILINE)
    assert said("delete", name) == ""
    assert name not in said("topics", "--json")


def test_what_rounding_added_to_a_size_is_told_exactly(name: str) -> None:
    said("create", name, "--size", "1Mi", "--max-message", "1Mi")
    capacity = LocalBroker().get(name).capacity
    assert capacity > 1 << 20
    assert f"  size         1Mi ({capacity} bytes given)\n" in said("info", name)


def test_the_same_as_json(name: str) -> None:
    record = json.loads(said("create", name, "--size", "2Mi", "--max-message", "4Ki", "--json"))
    assert (record["topicname"], record["shmsize"], record["msgsize"]) == (name, 2 << 20, 4096)
    with Publisher(name, broker="local", name="writer") as publisher:
        publisher.publish(b"abc")
        info = json.loads(said("info", name, "--json"))
        listed = json.loads(said("topics", "--json"))
    assert info | record == info
    assert (info["earliest"], info["latest"]) == (1, 2)
    assert info["participants"][0]["name"] == "writer"
    assert [one["topicname"] for one in listed if one["topicname"] == name] == [name]
    assert json.loads(said("delete", name, "--json")) == {"deleted": [name]}


def test_creating_the_same_again_does_no_harm_and_other_sizes_are_refused(topic: str) -> None:
    said("create", topic, "--size", "4Mi", "--max-message", "64Ki")
    done = run(*PODRING, "create", topic, "--size", "8Mi", "--max-message", "64Ki")
    assert done.returncode == 6
    assert re.fullmatch(rb"podring: topic '\S+' exists with shmsize 4194304, .*\n", done.stderr)


def test_what_can_be_deleted_is_deleted_although_something_else_is_not_there(topic: str) -> None:
    done = run(*PODRING, "delete", "no-such-topic", topic, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout) == {"deleted": [topic]}
    assert b"no topic 'no-such-topic'" in done.stderr
    assert topic not in [record.name for record in LocalBroker().topics()]


@pytest.mark.parametrize(
    "arguments", [("--broker", "local", "topics"), ("topics", "--broker", "local")]
)
def test_the_broker_may_stand_before_or_after_the_verb(
    topic: str, arguments: tuple[str, ...]
) -> None:
    done = run(*PODRING, *arguments, env={"PATH": "/bin", "PODRING_BROKER": "http://127.0.0.1:1"})
    assert topic in done.stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "the following arguments are required: VERB"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
        (("info",), "the following arguments are required: TOPIC"),
        (("create", "x", "--size", "much"), "shmsize 'much' is not a quantity"),
        (("create", "x", "--size", "1Ti"), "shmsize 1099511627776 is outside"),
        (("create", "x", "--size", "0"), "shmsize 0 is outside"),
    ],
)
def test_wrong_arguments_are_named_in_one_sentence(
    arguments: tuple[str, ...], complaint: str
) -> None:
    done = run(*PODRING, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(b"podring: ")
    assert complaint in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_participant_cannot_drive_the_terminal(name: str) -> None:
    LocalBroker().create(name, TopicSpec("1Mi", "1Ki"))
    with Publisher(name, broker="local", name="\x1b[2Jred\n"):
        info = said("info", name)
    assert "?[2Jred?" in info
    assert "\x1b" not in info


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (512, "512"), (1024, "1Ki"), (1536, "1.5Ki"), (64 << 20, "64Mi"), (3 << 40, "3Ti")],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (1e6, "11d")]
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_numbers_stand_to_the_right_and_names_to_the_left() -> None:
    assert columns(("A", "N"), [("x", "1"), ("long", "100")]) == "A       N\nx       1\nlong  100"

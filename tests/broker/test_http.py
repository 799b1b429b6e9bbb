"""The calls over a real connection, to one broker with a budget of 64 MiB."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from podring import Publisher, Subscriber, segment
from podring.topic import TopicSpec
from tests.broker.harness import SHM, Broker

PROBLEM = {"type", "title", "status", "detail", "instance"}


@pytest.fixture(autouse=True)
def _no_topic_is_left(shared: Broker) -> Iterator[None]:
    yield
    for topic in shared.call("GET", "/topics").json()["topics"]:
        shared.call("DELETE", f"/topics/{topic['topicname']}")


def create(shared: Broker, **body: Any) -> httpx.Response:
    whole = {"topicname": "t", "shmsize": "1Mi", "msgsize": "4Ki", **body}
    return shared.call("POST", "/createTopic", json=whole)


def expect_problem(answer: httpx.Response, status: int, field: str | None = None) -> Any:
    """Check that an answer is a whole problem, and give it back."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() >= PROBLEM
    assert problem["status"] == status
    assert problem["detail"]
    if field is not None:
        assert problem["field"] == field
        assert field in problem["detail"] or field == "topicname"
    return problem


def test_a_new_topic_is_201_and_the_same_again_is_200_with_the_same_generation(
    shared: Broker,
) -> None:
    first, second = create(shared), create(shared)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["location"] == "/topics/t"
    assert first.json() == second.json()
    assert first.json()["shmsize"] == 1 << 20
    assert first.json()["capacity"] >= 1 << 20
    assert first.json()["overflow"] == "overwrite"


def test_the_same_size_in_other_words_is_the_same_topic(shared: Broker) -> None:
    first = create(shared, shmsize="1Mi")
    for words in (1048576, "1048576", "1024Ki", "1048.576k"):
        again = create(shared, shmsize=words)
        assert (again.status_code, again.json()) == (200, first.json())


def test_other_sizes_are_409_and_the_existing_topic_is_shown(shared: Broker) -> None:
    existing = create(shared).json()
    problem = expect_problem(create(shared, shmsize="2Mi"), 409, "shmsize")
    assert problem["existing"] == existing
    expect_problem(create(shared, msgsize="8Ki"), 409, "msgsize")
    assert shared.get("t") == existing


def test_of_concurrent_creators_one_creates_and_all_get_the_same(shared: Broker) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: create(shared, shmsize="16Mi"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1


def test_every_way_to_read_a_topic_tells_the_same(shared: Broker) -> None:
    record = create(shared).json()
    assert shared.get("t") == record
    by_get = shared.call("GET", "/substopic", params={"topicname": "t"}).json()
    by_post = shared.call("POST", "/substopic", params={"topicname": "t"}).json()
    assert by_get == by_post == {**record, "earliest": 1, "latest": 1}
    one = shared.call("GET", "/topics/t").json()
    assert shared.call("GET", "/topics").json()["topics"] == [one]
    assert one.items() >= by_get.items()
    assert one["participants"] == []
    assert one["footprint"] == segment.footprint(TopicSpec("1Mi", "4Ki"))


def test_the_list_shows_live_figures_and_the_budget(shared: Broker) -> None:
    create(shared)
    with (
        Publisher("t", broker=shared.address) as publisher,
        Subscriber("t", broker=shared.address) as subscriber,
    ):
        for number in range(5):
            publisher.publish(b"%d" % number)
        subscriber.receive()
        listed = shared.call("GET", "/topics").json()
        [topic] = listed["topics"]
        roles = {each["role"]: each for each in topic["participants"]}
    assert (topic["earliest"], topic["latest"]) == (1, 6)
    assert roles["publisher"]["messages"] == 5
    assert roles["publisher"]["bytes"] == 5
    assert roles["publisher"]["alive"]
    assert roles["subscriber"]["lost"] == 0
    assert listed["used"] == topic["footprint"]
    assert listed["budget"] == 64 << 20
    assert listed["waiting"] == []


def test_deleting_is_204_then_404_and_gives_the_memory_back(shared: Broker) -> None:
    create(shared)
    assert shared.call("DELETE", "/topics/t").status_code == 204
    expect_problem(shared.call("DELETE", "/topics/t"), 404, "topicname")
    assert shared.segments() == []
    assert shared.call("GET", "/topics").json()["used"] == 0


def test_a_404_names_the_topics_that_there_are(shared: Broker) -> None:
    create(shared, topicname="clock")
    answer = shared.call("GET", "/getTopic", params={"topicname": "prices"})
    problem = expect_problem(answer, 404, "topicname")
    assert problem["known"] == ["clock"]
    assert "'prices'" in problem["detail"]
    assert "'clock'" in problem["detail"]


HOSTILE_NAMES = [
    "../x",
    "",
    "x" * 300,
    "a\0b",
    "\N{SNOWMAN}",
    "🦊",
    "a/b",
    "a b",
    "a\n",
    ".a",
    "-a",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_hostile_name_is_refused_by_field_everywhere(shared: Broker, name: str) -> None:
    expect_problem(create(shared, topicname=name), 422, "topicname")
    for method, path in (("GET", "/getTopic"), ("GET", "/substopic"), ("POST", "/substopic")):
        answer = shared.call(method, path, params={"topicname": name})
        expect_problem(answer, 422, "topicname")
    if name != "../x":  # which httpx resolves
        quoted = "/topics/" + quote(name, safe="")
        expect_problem(shared.call("GET", quoted), 422, "topicname")
        expect_problem(shared.call("DELETE", quoted), 422, "topicname")
    assert shared.segments() == []


@pytest.mark.parametrize("name", [None, 7, True, 1.5, [], {}], ids=repr)
def test_a_name_that_is_no_text_is_refused_by_field(shared: Broker, name: object) -> None:
    expect_problem(create(shared, topicname=name), 422, "topicname")


def test_half_a_surrogate_pair_is_refused_like_any_other_name(shared: Broker) -> None:
    body = rb'{"topicname": "\ud800", "shmsize": 1, "msgsize": 1, "\ud801": 1}'
    headers = {"content-type": "application/json"}
    answer = shared.call("POST", "/createTopic", content=body, headers=headers)
    assert answer.status_code == 422
    body = rb'{"topicname": "\ud800", "shmsize": 1, "msgsize": 1, "overflow": "\ud800"}'
    answer = shared.call("POST", "/createTopic", content=body, headers=headers)
    assert answer.status_code == 422


HOSTILE_SIZES = [
    0, -1, "0", "-64Ki", 1 << 40, "1Ti", "16Ei", 10**30, "64Qi", "64 Mi", "1.5", "", "Mi", "1e-3",
    "0x10", "\u0661", "9" * 300, True, False, 1.5, 65536.0, None, [], {}, "NaN", "Infinity",
]  # fmt: skip


@pytest.mark.parametrize("field", ["shmsize", "msgsize"])
@pytest.mark.parametrize("size", HOSTILE_SIZES, ids=repr)
def test_a_hostile_size_is_refused_by_field(shared: Broker, field: str, size: object) -> None:
    expect_problem(create(shared, **{field: size}), 422, field)
    assert shared.segments() == []


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity", "9" * 4000, "9" * 5000])
def test_numbers_that_json_should_not_hold_are_refused(shared: Broker, number: str) -> None:
    body = f'{{"topicname": "t", "shmsize": {number}, "msgsize": 1}}'
    headers = {"content-type": "application/json"}
    answer = shared.call("POST", "/createTopic", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json().keys() >= PROBLEM


def test_a_message_larger_than_its_ring_is_refused_by_field(shared: Broker) -> None:
    problem = expect_problem(create(shared, shmsize="4Ki", msgsize="8Ki"), 422, "msgsize")
    assert "8192" in problem["detail"]
    assert "4096" in problem["detail"]


@pytest.mark.parametrize("missing", ["topicname", "shmsize", "msgsize"])
def test_a_missing_field_is_named(shared: Broker, missing: str) -> None:
    body = {"topicname": "t", "shmsize": "1Mi", "msgsize": 1}
    del body[missing]
    expect_problem(shared.call("POST", "/createTopic", json=body), 422, missing)


@pytest.mark.parametrize(("method", "path"), [("GET", "/getTopic"), ("POST", "/substopic")])
def test_a_name_that_is_not_in_the_query_is_told_where_it_belongs(
    shared: Broker, method: str, path: str
) -> None:
    answer = shared.call(method, path, json={"topicname": "t"})
    problem = expect_problem(answer, 422, "topicname")
    assert f"{path}?topicname=" in problem["detail"]


def test_an_unknown_field_is_named(shared: Broker) -> None:
    expect_problem(create(shared, shmsise="1Mi"), 422, "shmsise")


@pytest.mark.parametrize("overflow", ["drop", "", "x" * 5000, None, 7, [], [[[]]]], ids=repr)
def test_an_unknown_overflow_is_named(shared: Broker, overflow: object) -> None:
    problem = expect_problem(create(shared, overflow=overflow), 422, "overflow")
    assert len(problem["detail"]) < 1100


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"\xff\xfe", 400),
        (b"[" * 30000, 400),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_body_that_is_no_object_is_a_problem(shared: Broker, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    expect_problem(shared.call("POST", "/createTopic", content=body, headers=headers), status)


def test_a_form_or_a_bare_body_is_a_problem(shared: Broker) -> None:
    expect_problem(shared.call("POST", "/createTopic", data={"topicname": "t"}), 422)
    expect_problem(shared.call("POST", "/createTopic", content=b"{}"), 422)


def test_a_body_beyond_64_kib_is_413_announced_or_not(shared: Broker) -> None:
    big = b'{"topicname": "' + b"x" * (64 << 10) + b'"}'
    headers = {"content-type": "application/json"}
    expect_problem(shared.call("POST", "/createTopic", content=big, headers=headers), 413)
    chunks = (big[at : at + 1000] for at in range(0, len(big), 1000))
    expect_problem(shared.call("POST", "/createTopic", content=chunks, headers=headers), 413)


def test_no_room_now_is_507_with_the_numbers_and_nothing_is_left_behind(shared: Broker) -> None:
    create(shared, topicname="first", shmsize="40Mi")
    problem = expect_problem(create(shared, topicname="second", shmsize="40Mi"), 507)
    used = segment.footprint(TopicSpec("40Mi", "4Ki"))
    assert problem["budget"] == 64 << 20
    assert problem["used"] == used
    assert problem["free"] == (64 << 20) - used
    assert problem["needed"] == used
    assert str(problem["free"]) in problem["detail"]
    assert "PODRING_BUDGET" in problem["detail"]
    assert len(shared.segments()) == 1
    shared.call("DELETE", "/topics/first")
    assert create(shared, topicname="second", shmsize="40Mi").status_code == 201


def test_no_room_ever_is_the_fault_of_its_size(shared: Broker) -> None:
    problem = expect_problem(create(shared, shmsize="65Mi"), 422, "shmsize")
    assert str(64 << 20) in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/createTopic", "POST"),
        ("DELETE", "/substopic", "GET, POST"),
        ("PUT", "/topics/t", "DELETE, GET"),
        ("POST", "/healthz", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_told_every_right_one(
    shared: Broker, method: str, path: str, allowed: str
) -> None:
    answer = shared.call(method, path)
    expect_problem(answer, 405)
    assert set(answer.headers["allow"].split(", ")) >= set(allowed.split(", "))


@pytest.mark.parametrize("path", ["/", "/nothing", "/getTopic/", "/docs/files/nothing", "//x"])
def test_an_unknown_path_is_a_problem(shared: Broker, path: str) -> None:
    expect_problem(shared.call("GET", path), 404)


@pytest.mark.parametrize("path", ["/topics/a%3Fb", "/topics/a%23b", "/topics/a%0D%0Ab", "/no%25"])
def test_a_problem_names_the_path_as_it_was_sent(shared: Broker, path: str) -> None:
    assert shared.call("GET", path).json()["instance"] == path


def test_segments_have_the_rights_that_publishers_and_subscribers_need(shared: Broker) -> None:
    before = os.umask(0o077)
    try:
        record = create(shared).json()
    finally:
        os.umask(before)
    for half in ("ring", "roster"):
        file = SHM / f"{record['segment']}.{half}"
        assert stat.S_IMODE(file.stat().st_mode) == 0o666


def test_a_topic_costs_at_most_one_percent_and_64_kib_beyond_its_size(shared: Broker) -> None:
    for size in (1, 4096, 1 << 20, 48 << 20):
        create(shared, topicname=f"s{size}", shmsize=size, msgsize=1)
        topic = shared.call("GET", f"/topics/s{size}").json()
        shared.call("DELETE", f"/topics/s{size}")
        assert topic["footprint"] <= size * 1.01 + (64 << 10)


def test_metrics_tell_what_the_list_tells(shared: Broker) -> None:
    create(shared)
    with (
        Publisher("t", broker=shared.address, name="camera") as publisher,
        Subscriber("t", broker=shared.address, name="viewer") as one,
        Subscriber("t", broker=shared.address) as two,
    ):
        publisher.publish(b"12345")
        assert one.receive() == two.receive() == b"12345"
        answer = shared.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    topic, footprint = ("topic", "t"), segment.footprint(TopicSpec("1Mi", "4Ki"))
    assert samples["podring_catalogue_up", ()] == 1
    assert samples["podring_budget_bytes", ()] == 64 << 20
    assert samples["podring_budget_used_bytes", ()] == footprint
    assert samples["podring_topic_messages_total", (topic,)] == 1
    assert samples["podring_topic_footprint_bytes", (topic,)] == footprint
    assert samples["podring_topic_participants", (("role", "subscriber"), topic)] == 2
    assert samples["podring_publisher_bytes_total", (("publisher", "camera"), topic)] == 5
    assert samples["podring_subscriber_lost_messages_total", (("subscriber", "viewer"), topic)] == 0
    assert ("podring_subscriber_lag_messages", (("subscriber", "viewer"), topic)) in samples


def test_the_web_page_needs_no_internet(shared: Broker) -> None:
    page = shared.call("GET", "/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for part in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/files/{part}" in page.text
        assert len(shared.call("GET", f"/docs/files/{part}").content) > 100_000


def test_healthz_and_readyz_are_well(shared: Broker) -> None:
    for path in ("/healthz", "/readyz"):
        answer = shared.call("GET", path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_unix_socket_serves_the_same_and_is_open_to_every_user(shared: Broker) -> None:
    record = create(shared).json()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(shared.socket))) as client:
        answer = client.get("http://broker/getTopic", params={"topicname": "t"})
    assert answer.json() == record
    assert stat.S_IMODE(shared.socket.stat().st_mode) == 0o666

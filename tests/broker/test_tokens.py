"""Tokens: who may do what to which topic, over real connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from podring import Publisher, Subscriber
from podring.client import broker_at
from podring.errors import NotAllowed
from podring.topic import TopicSpec
from podring_broker.access.tokenfile import hash_of
from podring_broker.options import METHODS
from tests.broker.asking import CALLS, Asking, Keys
from tests.broker.conftest import MakeBroker
from tests.broker.harness import Broker, eventually
from tests.broker.test_process import refused

SPEC = TopicSpec("64Ki", 1024)
OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/files/swagger-ui.css")


@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda each: str(each)[:12])
def test_without_a_token_or_with_a_wrong_one_every_call_is_401(
    asking: Asking, keys: Keys, method: str, path: str, body: Any
) -> None:
    for token in (None, "nobody", "x" * 20_000):
        answer = asking.call(token, method, path, body)
        assert answer.status_code == 401, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith('Bearer realm="podring"')
        assert "PODRING_TOKEN" in answer.json()["detail"] or "token" in answer.json()["detail"]
    assert asking.call("ops", "GET", "/topics/camera.front").is_success


def test_a_path_or_method_that_there_is_not_tells_a_stranger_nothing_either(asking: Asking) -> None:
    for method, path in (("GET", "/nothing"), ("PUT", "/topics/clock"), ("GET", "/docs/../topics")):
        assert asking.call(None, method, path).status_code == 401


@pytest.mark.parametrize("path", OPEN)
def test_health_metrics_and_documentation_are_open(asking: Asking, path: str) -> None:
    assert asking.call(None, "GET", path).is_success


def test_the_description_says_which_calls_want_a_token(asking: Asking, shared: Broker) -> None:
    described = asking.call(None, "GET", "/openapi.json").json()
    assert described["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer"}
    }
    wanting = {path for path, calls in described["paths"].items() if "security" in str(calls)}
    assert wanting == {"/createTopic", "/getTopic", "/substopic", "/topics", "/topics/{name}"}
    assert "security" not in shared.call("GET", "/openapi.json").text


def test_rights_end_where_their_pattern_ends(asking: Asking, keys: Keys) -> None:
    allowed = [asking.call("cameras", *each).status_code for each in CALLS]
    assert allowed == [403, 200, 200, 200, 200, 200, 403]
    for method, path, _ in CALLS[1:4]:
        answer = asking.call("cameras", method, path.replace("camera.front", "clock"))
        assert answer.status_code == 403
        assert answer.json()["detail"] == (
            "'cameras' may not publish or subscribe topic 'clock': it was granted "
            "publish,subscribe:camera.*; ask whoever runs the broker"
        )


def test_what_a_caller_may_not_see_it_is_not_told_of(asking: Asking, keys: Keys) -> None:
    def seen(name: str) -> list[str]:
        listed = asking.call(name, "GET", "/topics").json()["topics"]
        return [topic["topicname"] for topic in listed]

    assert seen("ops") == ["camera.front", "clock"]
    assert seen("cameras") == ["camera.front"]
    assert seen("stranger") == []
    missing = asking.call("stranger", "GET", "/getTopic?topicname=other.t")
    assert (missing.status_code, missing.json()["known"]) == (404, [])
    assert "clock" not in missing.text
    # Whether a topic exists is not told either.
    for name in ("clock", "no.such.topic"):
        answer = asking.call("stranger", "GET", f"/topics/{name}")
        assert answer.status_code == 403


def test_each_right_opens_its_own_calls_and_no_other(asking: Asking, keys: Keys) -> None:
    expected = {
        "create": [201, 403, 403, 403, 200, 200, 403],
        "delete": [403, 403, 403, 403, 200, 200, 204],
        "publish": [403, 200, 200, 200, 200, 200, 403],
        "subscribe": [403, 200, 200, 200, 200, 200, 403],
    }
    for right, statuses in expected.items():
        token = keys.add(f"only-{right}", f"{right}:camera.*")
        body = {"topicname": "camera.front", "shmsize": 65536, "msgsize": 1024}
        asking.call("ops", "POST", "/createTopic", body)
        asking.call("ops", "DELETE", "/topics/camera.x")
        assert [asking.call(token, *each).status_code for each in CALLS] == statuses, right


def test_a_token_of_podrings_programs_comes_from_a_file_or_a_variable(
    asking: Asking, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = broker_at(asking.address)
    with pytest.raises(NotAllowed, match="PODRING_TOKEN_FILE") as unknown:
        broker.get("camera.front")
    assert unknown.value.status == 401
    monkeypatch.setenv("PODRING_TOKEN", keys.tokens["cameras"])
    with (
        Publisher("camera.front", broker=asking.address) as publisher,
        Subscriber("camera.front", broker=asking.address, start="earliest") as subscriber,
    ):
        publisher.publish(b"known")
        assert subscriber.receive(timeout=5) == b"known"
    with pytest.raises(NotAllowed, match="'cameras' may not create") as refusal:
        broker.create("camera.rear", SPEC)
    assert refusal.value.status == 403
    file = tmp_path / "token"
    file.write_text(keys.tokens["ops"] + "\n")
    monkeypatch.setenv("PODRING_TOKEN_FILE", str(file))
    assert broker.create("camera.rear", SPEC).name == "camera.rear"
    file.write_text(keys.tokens["cameras"])  # a token that changes is the next call's
    with pytest.raises(NotAllowed, match="'cameras' may not delete"):
        broker.delete("camera.rear")


@pytest.mark.parametrize("content", [None, "", "two words", "a\nb", "x" * 20_000, "ä"])
def test_a_token_file_that_cannot_serve_is_named_and_its_content_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, shared: Broker
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("PODRING_TOKEN_FILE", str(file))
    with pytest.raises(NotAllowed, match="PODRING_TOKEN_FILE") as refusal:
        broker_at(shared.address).topics()
    assert str(file) in str(refusal.value)
    assert not content or content not in str(refusal.value)


def test_the_command_ends_with_a_code_of_its_own_when_it_may_not(
    asking: Asking, keys: Keys
) -> None:
    for token, said in (("", "who calls"), (keys.tokens["stranger"], "may not delete")):
        command = [
            sys.executable,
            "-m",
            "podring.cli",
            "--broker",
            asking.address,
            "delete",
            "clock",
        ]
        environment = {"PODRING_BROKER": asking.address, "PODRING_TOKEN": token}
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment
        )
        assert (result.returncode, result.stdout) == (12, "")
        assert said in result.stderr


def test_a_changed_file_holds_at_once_and_the_others_stay(asking: Asking, keys: Keys) -> None:
    late = keys.add("late", "all:*")
    assert asking.call(late, "GET", "/topics").is_success
    lines = keys.file.read_text().splitlines(keepends=True)
    keys.file.write_text("".join(line for line in lines if not line.startswith("ops ")))
    assert asking.call("ops", "GET", "/topics").status_code == 401
    assert asking.call(late, "GET", "/topics").is_success


def test_a_token_is_replaced_without_a_gap(asking: Asking, keys: Keys) -> None:
    old, new = keys.tokens["cameras"], keys.add("cameras", "publish,subscribe:camera.*")
    for token in (old, new):
        assert asking.call(token, "GET", "/topics/camera.front").is_success


def test_a_broken_line_counts_for_nothing_and_is_named_while_the_rest_holds(
    asking: Asking, keys: Keys
) -> None:
    secret = "podring_" + "s" * 43
    with keys.file.open("a") as file:
        file.write(f"pasted {secret} all:*\n{secret} x all:*\nbad {hash_of('x')} {secret}:*\n")
    assert asking.call(secret, "GET", "/topics").status_code == 401
    assert asking.call("ops", "GET", "/topics").is_success
    said = asking.events("tokens.line_refused")
    assert [event["line"] for event in said] == ["5 (pasted)", "6", "7 (bad)"]
    assert secret not in asking.broker.log.read_text()


def test_a_file_that_went_away_lets_nobody_in_and_says_why(asking: Asking, keys: Keys) -> None:
    content = keys.file.read_text()
    keys.file.unlink()
    answer = asking.call("ops", "GET", "/topics")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["type"] == "urn:podring:problem:access-unknown"
    assert str(keys.file) in answer.json()["detail"]
    assert asking.call(None, "GET", "/readyz").is_success
    keys.file.write_text(content)
    assert asking.call("ops", "GET", "/topics").is_success


def test_on_a_socket_that_not_everybody_may_connect_to_no_token_is_asked(
    make_broker: MakeBroker, keys: Keys
) -> None:
    settings = ["--authenticate", "tokens", "--tokens", str(keys.file)]
    for mode, status in (("660", 200), ("600", 200), ("666", 401), ("662", 401)):
        broker = make_broker(*settings, "--socket-mode", mode, folder=f"m{mode}").start()
        assert f"{broker.socket.stat().st_mode & 0o777:o}" == mode
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(broker.socket))) as client:
            assert client.get("http://broker/topics").status_code == status
        assert broker.call("GET", "/topics").status_code == 401
        broker.end()


def test_no_secret_is_ever_logged(asking: Asking, keys: Keys) -> None:
    for who in keys.tokens:
        for each in CALLS:
            asking.call(who, *each)
        asking.call(who, "GET", "/nothing")
    asking.broken_body("ops")
    assert asking.events("caller.refused")
    assert asking.events("call.forbidden")
    log = asking.broker.log.read_text()
    assert not [name for name, token in keys.tokens.items() if token in log]


def test_the_log_tells_who_made_and_deleted_a_topic(asking: Asking, keys: Keys) -> None:
    asking.call("ops", "DELETE", "/topics/clock")
    asking.create("clock")
    assert [event["caller"] for event in asking.events("topic.created")] == ["ops"]
    assert [event["caller"] for event in asking.events("topic.deleted")] == ["ops"]
    asking.call("cameras", "DELETE", "/topics/camera.front")
    assert asking.events("call.forbidden")[-1]["caller"] == "cameras"


def test_guessing_is_slowed_down_and_does_not_lock_out_who_knows(
    asking: Asking, keys: Keys
) -> None:
    answers = [asking.call(f"podring_guess{n}", "GET", "/topics") for n in range(15)]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert asking.call("ops", "GET", "/topics").is_success


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_beyond_loopback_a_broker_starts_only_when_told_whom_to_let_in(host: str) -> None:
    if host:
        code, line = refused({"--host": host})
        assert code == 2
        assert line.startswith("podring-broker: --authenticate: ")
        assert all(method in line for method in METHODS)
    else:
        code, line = refused({"--host": "127.0.0.1", "--budget": "0"})
        assert "--budget" in line


def test_beyond_loopback_none_can_be_said_and_holds(make_broker: MakeBroker) -> None:
    broker = make_broker("--host", "0.0.0.0", "--authenticate", "none").start()
    broker.address = broker.address.replace("0.0.0.0", "127.0.0.1")
    assert broker.create("t")["topicname"] == "t"
    assert broker.events("broker.start")[0]["authenticate"] == "none"


@pytest.mark.parametrize("host", ["localhost", "::1", "127.1.2.3"])
def test_on_loopback_nobody_need_be_asked(make_broker: MakeBroker, host: str) -> None:
    broker = make_broker("--host", host).start()
    assert broker.call("GET", "/topics").is_success


def test_a_file_read_at_the_same_time_as_it_is_written_settles_on_its_last_state(
    asking: Asking, keys: Keys
) -> None:
    for number in range(5):
        keys.add(f"n{number}", "all:*")
        asking.call("ops", "GET", "/topics")
    eventually(lambda: asking.call("n4", "GET", "/topics").is_success)

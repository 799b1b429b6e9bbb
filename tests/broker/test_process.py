"""The broker as a process: how it starts, refuses, hands over and ends."""

import contextlib
import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from podring import segment
from podring_broker.__main__ import owner_of
from podring_broker.listen import sockets
from podring_broker.settings import BadSetting, read
from tests.broker.conftest import MakeBroker
from tests.broker.harness import Broker, Redis, clean, eventually
from tests.broker.traffic import Traffic


def refused(
    settings: dict[str, str], node: str = "test-refused", **environment: str
) -> tuple[int, str]:
    """Run a broker that ends by itself: its exit code, and the last line that it said."""
    whole = {"--port": "0", "--socket": "none", "--catalogue": "memory:", "--node": node}
    whole |= settings
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "podring_broker",
            *(part for pair in whole.items() if pair[1] for part in pair),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, **environment},
    )
    if result.returncode == 2:
        clean(owner_of(node, whole["--catalogue"]))
    return result.returncode, result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_and_topics_live_on(
    broker: Broker, number: signal.Signals
) -> None:
    record = broker.create("t")
    place = urlsplit(broker.address)
    with Traffic("t", broker.address) as traffic, contextlib.ExitStack() as stack:
        for _ in range(3):  # keep-alive connections that have nothing to say
            idle = http.client.HTTPConnection(place.hostname or "", place.port)
            stack.callback(idle.close)
            idle.request("GET", "/healthz")
            idle.getresponse().read()
        half = socket.create_connection((place.hostname, place.port))
        stack.callback(half.close)
        half.sendall(b"POST /createTopic HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
        code, seconds = broker.end(number)
        assert code == 0
        assert seconds < 1
        assert [each for each in broker.events() if each["level"] == "error"] == []
        traffic.goes_on()
        assert not broker.socket.exists()
        assert broker.segments() == [record["segment"]]
        broker.start()
        assert broker.get("t") == record


def test_a_signal_while_gigabytes_are_zeroed_ends_it_within_a_second_too(
    make_broker: MakeBroker,
) -> None:
    size = min(2 << 30, segment.free_bytes() // 4)
    broker = make_broker("--budget", "100%").start()

    def create() -> None:
        body = {"topicname": "t", "shmsize": size, "msgsize": 1024}
        with contextlib.suppress(Exception):  # the broker goes away meanwhile
            broker.call("POST", "/createTopic", json=body)

    asking = threading.Thread(target=create)
    asking.start()
    eventually(broker.segments)
    code, seconds = broker.end()
    asking.join()
    assert code == 0
    assert seconds < 1
    broker.start()
    # It may have been finished and recorded in that second. There is no half of it.
    listed = broker.call("GET", "/topics").json()["topics"]
    assert broker.segments() == [topic["segment"] for topic in listed]


def test_it_answers_while_gigabytes_are_zeroed(make_broker: MakeBroker) -> None:
    size = min(4 << 30, segment.free_bytes() // 4)
    broker = make_broker("--budget", "100%").start()
    asking = threading.Thread(target=broker.create, args=("t", size))
    asking.start()
    answers = 0
    while asking.is_alive():
        answers += broker.call("GET", "/healthz").is_success
    # About a thousand a second on an idle machine; one or two if creating held everything up.
    assert answers >= 10
    assert broker.get("t")["shmsize"] == size


def test_without_topics_it_stays_under_90_mb(make_broker: MakeBroker, redis: Redis) -> None:
    for number, catalogue in enumerate(("", redis.url)):
        broker = make_broker(catalogue=catalogue, folder=f"b{number}").start()
        for path in ("/topics", "/metrics", "/openapi.json", "/docs", "/readyz"):
            assert broker.call("GET", path).is_success
        with open(f"/proc/{broker.process.pid}/status") as status:
            [resident] = [line.split()[1] for line in status if line.startswith("VmRSS")]
        assert int(resident) < 90_000, f"{resident} kB"
        broker.kill()


@pytest.mark.timeout(60)
def test_a_second_broker_on_the_same_topics_is_refused_after_ten_seconds(
    broker: Broker, node: str
) -> None:
    catalogue = f"sqlite://{broker.log.parent}/catalogue.db"
    code, line = refused({"--catalogue": catalogue}, node)
    assert code == 1
    assert broker.owner in line
    assert "another process" in line
    broker.create("t")


def test_a_rolling_update_hands_over_topics_and_sockets(broker: Broker) -> None:
    record = broker.create("t")
    old = broker.process
    with Traffic("t", broker.address) as traffic:
        before = len(broker.events("broker.start"))
        broker.launch()
        eventually(lambda: len(broker.events("broker.start")) > before)
        old.terminate()
        assert old.wait(10) == 0
        eventually(lambda: len(broker.events("broker.listening")) == 2)
        broker.address = broker.events("broker.listening")[-1]["addresses"][0]
        assert broker.get("t") == record
        assert broker.socket.exists()
        traffic.goes_on()


def test_the_socket_of_a_dead_broker_is_replaced_and_of_a_living_one_refused(
    broker: Broker,
) -> None:
    broker.kill()
    assert broker.socket.exists()
    broker.start()
    code, line = refused({"--socket": ""}, PODRING_SOCKET=str(broker.socket))
    assert code == 2
    assert line.startswith("podring-broker: PODRING_SOCKET: ")  # which is what was set
    assert str(broker.socket) in line


def test_the_socket_of_a_stopped_broker_holds_nobody_up(tmp_path: Path) -> None:
    path = str(tmp_path / "stopped.sock")
    with socket.socket(socket.AF_UNIX) as stopped, contextlib.ExitStack() as stack:
        stopped.bind(path)
        stopped.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                caller = stack.enter_context(socket.socket(socket.AF_UNIX))
                caller.setblocking(False)
                caller.connect(path)
        code, line = refused({"--socket": path})
    assert (code, "another broker is listening" in line) == (2, True)


def test_a_file_in_the_sockets_place_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data")
    code, line = refused({"--socket": str(precious)})
    assert (code, precious.read_text()) == (2, "data")
    assert "--socket" in line


def test_the_default_socket_is_left_out_where_it_cannot_be_made_and_a_chosen_one_is_not() -> None:
    settings = read(["--port", "0", "--catalogue", "memory:"], {})
    nowhere = replace(settings, socket="/proc/nowhere/broker.sock")
    with sockets(nowhere) as listeners:
        assert len(listeners) == 1
    with (
        pytest.raises(BadSetting, match=r"^--socket: "),
        sockets(replace(nowhere, socket_chosen=True)),
    ):
        pass


def test_the_sockets_folder_lets_every_user_pass_whatever_the_umask(tmp_path: Path) -> None:
    place = tmp_path / "run" / "podring" / "broker.sock"
    settings = read(["--port", "0", "--socket", str(place)], {})
    before = os.umask(0o077)
    try:
        with sockets(settings):
            modes = [stat.S_IMODE(each.stat().st_mode) for each in (place, *place.parents[:2])]
    finally:
        assert os.umask(before) == 0o077
    assert modes == [0o666, 0o755, 0o755]


def test_what_cannot_work_ends_it_with_code_2_and_names_the_flag(
    broker: Broker, tmp_path: Path
) -> None:
    port = str(urlsplit(broker.address).port)
    (tmp_path / "text").write_text("this is no database" * 99)
    for flag, value in (
        ("--port", port),
        ("--host", "no.such.host.invalid"),
        ("--host", "203.0.113.9"),
        ("--catalogue", "mysql://user:secret@host"),
        ("--catalogue", f"sqlite://{tmp_path}/text"),
        ("--budget", "much"),
    ):
        code, line = refused({flag: value})
        assert code == 2, line
        assert line.startswith("podring-broker: --"), line
        assert flag in line or flag == "--host"
        assert "secret" not in line


@pytest.mark.parametrize("closed", [False, True], ids=["its reader has gone", "stderr is closed"])
def test_a_log_that_cannot_be_written_keeps_nothing_from_being_done(
    tmp_path: Path, node: str, owner: str, *, closed: bool
) -> None:
    place = tmp_path / "broker.sock"
    settings = ["--port", "0", "--socket", str(place), "--node", node, "--catalogue", "memory:"]
    process = subprocess.Popen(
        [sys.executable, "-m", "podring_broker", *settings],
        stderr=None if closed else subprocess.PIPE,
        preexec_fn=(lambda: os.close(2)) if closed else None,  # noqa: PLW1509  # no threads here
    )
    if process.stderr is not None:
        assert b"broker.start" in process.stderr.readline()
        process.stderr.close()
    try:
        eventually(place.exists)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(place)), timeout=30) as client:
            body = {"topicname": "t", "shmsize": 65536, "msgsize": 64}
            assert client.post("http://broker/createTopic", json=body).status_code == 201
            assert client.delete("http://broker/topics/t").status_code == 204
            client.post("http://broker/createTopic", json=body)
            [found] = segment.scan(owner)
            segment.remove(found.segment)  # of which the janitor has to tell
            eventually(lambda: [each.segment != found.segment for each in segment.scan(owner)])
            assert client.get("http://broker/topics/t").is_success
    finally:
        process.terminate()
    assert process.wait(30) == 0


def test_every_line_of_its_log_is_json_with_event_level_and_time(
    make_broker: MakeBroker, redis: Redis
) -> None:
    url = redis.url.replace("unix://", "unix://user:secret@") + "?db=0&password=secret"
    broker = make_broker("--log-level", "debug", catalogue=url).start()
    broker.call("GET", "/nothing")
    broker.call("POST", "/createTopic", content=b"{")
    redis.kill()
    eventually(lambda: broker.events("catalogue.lost"))
    broker.end()
    lines = broker.log.read_text().splitlines()
    events = broker.events()
    assert len(lines) == len(events)
    assert all({"event", "level", "timestamp"} <= event.keys() for event in events)
    names = [event["event"] for event in events]
    assert names[:2] != ["broker.listening", "broker.start"]
    assert {"broker.start", "broker.listening", "catalogue.lost", "broker.stop"} <= set(names)
    assert "secret" not in broker.log.read_text()

"""Each image runs as nobody in particular, on a root that cannot be written, and ends when told."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.docker.containers import CONFINED, Container, eventually, python, run, running
from tests.docker.engine import podman
from tests.docker.images import MEMBERS, image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ON_HOST = (*(option for option in CONFINED if "network" not in option), "--network=host")
"""On the machine's own network, so that a test can ask."""
END_S = 1.5
START_S = 2.0

RIGHTS = """
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
def written(folder):
    try:
        open(folder + "/probe", "w").close()
    except OSError as error:
        return error.strerror
rights = {key: status[key] for key in ("Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs")}
folders = ["/", "/tmp", "/run", "/opt/podring", "/var/lib/podring"]
print(json.dumps(rights | {"written": {folder: written(folder) for folder in folders}}))
"""


@pytest.mark.parametrize("member", MEMBERS)
def test_its_program_and_the_podring_command_say_how_to_use_them(member: str) -> None:
    done = run(member, "--help")
    assert (done.code, done.errors) == (0, "")
    assert done.output.startswith(f"usage: podring-{member} ")
    assert "usage: podring " in run(member, "--help", options=("--entrypoint=podring",)).output


@pytest.mark.parametrize("member", MEMBERS)
def test_it_is_user_65532_without_capabilities_and_can_write_nowhere(member: str) -> None:
    config = json.loads(podman("image", "inspect", image(member)))[0]["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == [f"podring-{member}"]
    rights = json.loads(python(member, RIGHTS))
    assert rights["Uid"].split() == rights["Gid"].split() == ["65532"] * 4
    assert {int(rights[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert rights["NoNewPrivs"] == "1"
    assert set(rights["written"].values()) == {"Read-only file system"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_the_broker_answers_within_two_seconds_of_podman_run() -> None:
    image("broker")
    times = []
    for _ in range(5):  # the best of some: something else may come between
        port = free_port()
        started = time.monotonic()
        with running("broker", f"--port={port}", "--budget=1Mi", confined=ON_HOST):
            while not answers(port) and time.monotonic() < started + 30:
                time.sleep(0.01)
            times.append(time.monotonic() - started)
        if times[-1] < START_S:
            break
    print(f"/healthz answered after {', '.join(f'{each:.2f}' for each in times)} s")
    # On a machine where others queue for each processor it takes as many times longer.
    queue = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert min(times) < START_S * queue


def ended(container: Container) -> tuple[int, float]:
    """SIGTERM's exit code and seconds, and both printed."""
    code, seconds = container.end()
    print(f"ended with {code} after {seconds:.2f} s")
    return code, seconds


def test_sigterm_ends_the_broker_at_once() -> None:
    with running("broker", "--budget=1Mi") as broker:
        eventually(lambda: "broker.listening" in broker.logs())
        code, seconds = ended(broker)
    assert code == 0
    assert seconds < END_S


def test_sigterm_ends_publisher_and_subscriber_at_once() -> None:
    local = ("--env=PODRING_BROKER=local", "--shm-size=16m")
    arguments = ("t", "--create", "--size=1Mi", "--max-message=1Ki")
    with running("publisher", *arguments, options=(*local, "--ipc=shareable")) as publisher:
        joined = (*local[:1], f"--ipc=container:{publisher.name}")
        with running("subscriber", *arguments, options=joined) as subscriber:

            def both() -> bool:
                roles = [one["role"] for one in json.loads(info(publisher))["participants"]]
                return sorted(roles) == ["publisher", "subscriber"]

            eventually(both)
            for container in (subscriber, publisher):
                code, seconds = ended(container)
                assert code == 143
                assert seconds < END_S


def info(container: Container) -> str:
    try:
        return container.exec("podring", "info", "t", "--json")
    except AssertionError:  # the topic is still being made
        return '{"participants": []}'


def test_sigterm_ends_the_controller_at_once_also_without_an_api_server(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {}}],
                "current-context": "c",
            }
        )
    )
    tmp_path.chmod(0o755)
    options = (f"--volume={config}:/kubeconfig:ro", "--env=KUBECONFIG=/kubeconfig")
    with running("controller", options=options) as controller:
        eventually(lambda: "controller.start" in controller.logs())
        code, seconds = ended(controller)
    assert code == 0
    assert seconds < END_S

"""docker/compose.yaml as it stands, run by podman-compose: messages arrive, all are confined.

What it does not do is pull: our images are this work tree's, and Redis is Debian's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.containers import Container, eventually
from tests.docker.engine import alone, environment, has_image, podman, require_podman
from tests.docker.images import ROOT, image
from tests.kubernetes.support import redisimage
from tests.support.components import require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SERVICES = ("redis", "broker", "publisher", "subscriber")


def program(name: str) -> str:
    """A command of this virtual environment."""
    return str(Path(sys.executable).with_name(name))


class Project:
    """The services of the file, under a project name and a port of their own."""

    def __init__(self) -> None:
        self.name = f"podring-test-{os.getpid()}"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = int(taken.getsockname()[1])

    def compose(self, *arguments: str) -> None:
        file = str(ROOT / "docker/compose.yaml")
        command = [program("podman-compose"), "--project-name", self.name, "--file", file]
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=environment() | {"PODRING_PORT": str(self.port)},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def service(self, name: str) -> Container:
        return Container(f"{self.name}_{name}_1")


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    require_podman()
    for component in ("/usr/lib/podman/netavark", "/usr/lib/podman/aardvark-dns", "iptables"):
        require(component)
    for member in ("broker", "publisher", "subscriber"):
        podman("tag", image(member), f"localhost/podring-{member}:0.1.0")
    archive = redisimage.build()
    with alone():
        if not has_image(f"docker.io/library/{redisimage.name()}"):
            podman("load", "--quiet", "--input", archive)
    made = Project()
    try:
        made.compose("up", "--detach")
        yield made
    finally:
        # Twice: what was starting again just when it was to be removed.
        for _ in range(2):
            try:
                made.compose("down", "--volumes", "--timeout", "5")
            except AssertionError:
                continue
            break


def lines(container: Container) -> list[str]:
    """The messages that the subscriber printed: /proc/loadavg has five words."""
    return [line for line in container.logs().splitlines() if len(line.split()) == 5]


def test_the_publishers_messages_arrive_in_the_subscriber(project: Project) -> None:
    eventually(lambda: len(lines(project.service("subscriber"))) >= 2)


def test_the_broker_answers_on_the_laptops_loopback(project: Project) -> None:
    eventually(lambda: lines(project.service("subscriber")))
    asked = f"http://127.0.0.1:{project.port}"
    command = [program("podring"), "--broker", asked, "topics", "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert [topic["topicname"] for topic in told] == ["load"]


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_has_a_right_that_it_does_not_need(project: Project, service: str) -> None:
    found: Any = project.service(service).inspect()
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert not found["EffectiveCaps"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["PidsLimit"] == 64
    assert found["Config"]["User"] not in ("", "0", "root")


def test_the_broker_comes_back_to_its_topics_and_messages_go_on(project: Project) -> None:
    subscriber, broker = project.service("subscriber"), project.service("broker")
    eventually(lambda: lines(subscriber))
    before = broker.exec("podring", "info", "load", "--json")
    podman("restart", "--time", "5", broker.name)
    count = len(lines(subscriber))
    eventually(lambda: len(lines(subscriber)) > count)

    def same_topic() -> bool:
        try:
            after = broker.exec("podring", "info", "load", "--json")
        except AssertionError:
            return False
        return bool(json.loads(after)["generation"] == json.loads(before)["generation"])

    eventually(same_topic)

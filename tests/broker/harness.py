"""Real brokers and a real Redis in processes of their own, to be really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from podring import segment
from podring_broker.__main__ import owner_of
from tests.support.components import require

SHM = Path("/dev/shm")
START_S = 60.0


def eventually(claim: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait until a claim holds."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)


def clean(owner: str) -> None:
    """Remove everything of an owner from shared memory."""
    for found in segment.scan(owner):
        segment.remove(found.segment)
    (SHM / f"podring.{owner}.lock").unlink(missing_ok=True)


class Broker:
    """A broker process. `start` waits until it listens; its log goes on in the same file."""

    def __init__(
        self,
        folder: Path,
        node: str,
        catalogue: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "broker.sock"
        self.log = folder / "broker.log"
        self.owner = owner_of(node, catalogue)
        self.address = ""
        self._settings = ["--port", "0", "--socket", str(self.socket), "--node", node]
        self._settings += ["--catalogue", catalogue, *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        # One connection a call, so that no test sees a dead broker's; TLS would cost 30 ms each.
        alone = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(verify=False, trust_env=False, limits=alone, timeout=30)

    def launch(self) -> Broker:
        """Start it without waiting for anything."""
        command = [sys.executable, "-m", "podring_broker", *self._settings]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, env=self._environment)
        return self

    def start(self) -> Broker:
        before = len(self.events("broker.listening"))
        self.launch()
        eventually(lambda: self._listens(before), START_S)
        addresses = self.events("broker.listening")[-1]["addresses"]
        self.address = next(each for each in addresses if each.startswith("http://"))
        return self

    def _listens(self, before: int) -> bool:
        assert self.process.poll() is None, f"it ended: {self.log.read_text()}"
        return len(self.events("broker.listening")) > before

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal: the exit code, and how many seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        return code, time.monotonic() - started

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._client.close()
        clean(self.owner)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What it logged, each line parsed."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        events = [json.loads(line) for line in lines if line.startswith("{") and line[-1] == "}"]
        return [event for event in events if name is None or event["event"] == name]

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._client.request(method, self.address + path, **more)

    def create(
        self, name: str, size: int | str = "1Mi", message: int | str = "4Ki", **more: str
    ) -> Any:
        """Create a topic, and give back its record."""
        body = {"topicname": name, "shmsize": size, "msgsize": message, **more}
        answer = self.call("POST", "/createTopic", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, name: str) -> Any:
        answer = self.call("GET", "/getTopic", params={"topicname": name})
        assert answer.is_success, answer.text
        return answer.json()

    def ready(self) -> bool:
        return self.call("GET", "/readyz").is_success

    def segments(self) -> list[str]:
        return [found.segment for found in segment.scan(self.owner)]


class Redis:
    """A redis-server on a Unix socket; nothing it acknowledged is lost while it is `durable`."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.durable = durable
        self._command = [require("redis-server"), "--port", "0", "--unixsocket", str(self.socket)]
        self._command += ["--dir", str(folder), "--save", ""]
        self._command += ["--appendonly", "yes" if durable else "no", "--appendfsync", "always"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Redis:
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        eventually(self.socket.exists)
        return self

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

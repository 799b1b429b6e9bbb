"""A broker that asks its callers for tokens, and callers of several rights."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx

from podring_broker.access.tokenfile import hash_of
from tests.broker.harness import Broker

CALLS = (
    ("POST", "/createTopic", {"topicname": "camera.x", "shmsize": 65536, "msgsize": 64}),
    ("GET", "/getTopic?topicname=camera.front", None),
    ("GET", "/substopic?topicname=camera.front", None),
    ("POST", "/substopic?topicname=camera.front", None),
    ("GET", "/topics", None),
    ("GET", "/topics/camera.front", None),
    ("DELETE", "/topics/camera.front", None),
)


class Keys:
    """A tokens file, and the tokens whose hashes are in it, by caller."""

    def __init__(self, file: Path) -> None:
        self.file, self.tokens = file, {"nobody": "podring_" + "n" * 43}
        file.touch()

    def add(self, name: str, *grants: str) -> str:
        """Make a token, append its line, and give the token back."""
        token = f"podring_{secrets.token_urlsafe(32)}"
        with self.file.open("a") as file:
            file.write(f"{name} {hash_of(token)} {' '.join(grants)}\n")
        self.tokens[name] = token
        return token

    def begin(self) -> Keys:
        """Forget all but three callers."""
        self.file.write_text("# name hash grants\n")
        self.tokens = {"nobody": "podring_" + "n" * 43}
        self.add("ops", "all:*")
        self.add("cameras", "publish,subscribe:camera.*")
        self.add("stranger", "publish:other.*")
        return self


class Asking:
    """A broker that asks for tokens. Each test calls it from an address that nobody else has."""

    def __init__(self, broker: Broker, keys: Keys) -> None:
        self.broker, self.keys, self.address = broker, keys, broker.address
        here = f"127.{secrets.randbelow(250) + 1}.{secrets.randbelow(250)}.1"
        transport = httpx.HTTPTransport(local_address=here)
        self.client = httpx.Client(transport=transport, base_url=broker.address, timeout=30)
        self._before = 0

    def call(self, who: str | None, method: str, path: str, body: Any = None) -> httpx.Response:
        """One call as somebody who has a token, with a token, or with none."""
        token = self.keys.tokens.get(who or "", who)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.request(method, path, headers=headers, json=body)

    def broken_body(self, who: str) -> None:
        headers = {"Authorization": f"Bearer {self.keys.tokens[who]}"}
        self.client.post("/createTopic", content=b"{", headers=headers)

    def create(self, name: str) -> None:
        body = {"topicname": name, "shmsize": 65536, "msgsize": 1024}
        assert self.call("ops", "POST", "/createTopic", body).is_success

    def begin(self) -> Asking:
        """Leave no topics but two."""
        for topic in self.call("ops", "GET", "/topics").json()["topics"]:
            self.call("ops", "DELETE", f"/topics/{topic['topicname']}")
        for name in ("camera.front", "clock"):
            self.create(name)
        self._before = len(self.broker.events())
        return self

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged since this test began."""
        return [each for each in self.broker.events()[self._before :] if each["event"] == name]

"""The webhook answers over TLS by its own CA, whether or not the API server is there."""

import asyncio
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from kubernetes.client import ApiClient, Configuration

from podring_controller.placement.annotations import PUBLISHES
from podring_controller.placement.certificates import make_certificates
from podring_controller.placement.webhook import PlacementWebhook, WebhookSettings
from tests.controller.placement.test_review import asked


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[aiohttp.ClientSession]:
    """A webhook whose API server refuses connections, and a client that trusts its CA."""
    nobody = Configuration()
    nobody.host, nobody.retries = f"http://127.0.0.1:{free_port()}", 0
    webhook = PlacementWebhook(
        WebhookSettings(host="127.0.0.1", port=port, names=("127.0.0.1",)), ApiClient(nobody)
    )
    await webhook.start()
    trust = ssl.create_default_context(cadata=webhook._certificates.authority.decode())
    trust.verify_flags |= ssl.VERIFY_X509_STRICT  # Python's default from 3.13 on
    base = f"https://127.0.0.1:{port}"
    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(ssl=trust)) as client:
        try:
            yield client
        finally:
            await webhook.stop()


def ask(use: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving(free_port()) as client:
            await use(client)

    asyncio.run(run())


def test_a_review_is_answered_while_no_api_server_is_there() -> None:
    async def use(client: aiohttp.ClientSession) -> None:
        async with client.post("/placement", json=asked({PUBLISHES: "t"})) as reply:
            answer: dict[str, Any] = await reply.json()
        assert reply.status == 200
        assert answer["response"]["patchType"] == "JSONPatch"

    ask(use)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"[" * 200_000, b'{"request": {"object": {"metadata": 5}}}'],
    ids=["nothing", "cut", "no text", "a list", "a deep list", "no pod"],
)
def test_what_is_no_review_is_refused_and_the_next_one_answered(body: bytes) -> None:
    async def use(client: aiohttp.ClientSession) -> None:
        async with client.post("/placement", data=body) as reply:
            assert reply.status == 400
        async with client.post("/placement", json=asked({})) as reply:
            assert reply.status == 200

    ask(use)


def test_a_review_of_the_largest_pod_is_answered() -> None:
    async def use(client: aiohttp.ClientSession) -> None:
        review = asked({PUBLISHES: "t", "other": "x" * 3_000_000})
        async with client.post("/placement", data=io.BytesIO(json.dumps(review).encode())) as reply:
            assert reply.status == 200

    ask(use)


def test_a_port_that_is_taken_stops_the_start() -> None:
    async def use() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OSError, match="address already in use"):
                async with serving(taken.getsockname()[1]):
                    pass

    asyncio.run(use())


def test_a_certificate_names_the_service_and_what_else_is_asked_for() -> None:
    settings = WebhookSettings(namespace="elsewhere", names=("10.1.2.3", "fd00::1", "host"))
    server = x509.load_pem_x509_certificate(make_certificates(settings.all_names()).server)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["podring-placement.elsewhere.svc", "host"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.1.2.3", "fd00::1"]


def test_each_start_has_an_authority_of_its_own() -> None:
    first, second = (make_certificates(["a"]) for _ in range(2))
    assert first.authority != second.authority
    assert first.context() is not first.context()

"""The controller's own image serves the webhook, in a real container as deploy/ describes it."""

import base64
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring_controller.placement.annotations import PUBLISHES
from tests.controller.placement.test_review import asked
from tests.kubernetes.placement.site import webhook_overlay
from tests.kubernetes.placement.test_webhook import CONFIGURATION
from tests.kubernetes.support.api import Json
from tests.kubernetes.support.controlplane import free_port
from tests.kubernetes.support.deployment import SYSTEM, rolled_out
from tests.kubernetes.support.nodecluster import NodeCluster
from tests.kubernetes.support.tools import tool
from tests.kubernetes.support.waiting import wait_until

SERVICE = "podring-placement"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def controller(node_cluster: NodeCluster, tmp_path: Path) -> Iterator[NodeCluster]:
    """A real node with the controller and its webhook."""
    overlay = webhook_overlay(tmp_path)
    node_cluster.apply(overlay)
    rolled_out(node_cluster, "deployment", "podring-controller")
    yield node_cluster
    done = node_cluster.kubectl("delete", "-k", str(overlay), "--wait", timeout_s=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def port(controller: NodeCluster) -> Iterator[int]:
    """A local port that leads to the Service's pod."""
    local = free_port()
    command = [tool("kubectl"), f"--kubeconfig={controller.admin}", f"--namespace={SYSTEM}"]
    command += ["port-forward", f"service/{SERVICE}", f"{local}:443"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as forward:
        try:
            wait_until("the port to lead there", lambda: opens(local))
            yield local
        finally:
            forward.terminate()


def opens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


def test_the_image_answers_reviews_with_a_certificate_that_the_api_server_is_told(
    controller: NodeCluster, port: int
) -> None:
    def told() -> str:
        (webhook,) = controller.api.get(CONFIGURATION)["webhooks"]
        return base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()

    trust = ssl.create_default_context(cadata=wait_until("the authority", told))
    response = post(port, trust, asked({PUBLISHES: "t"}))["response"]
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"


def post(port: int, trust: ssl.SSLContext, review: Json) -> Json:
    """Ask as an API server does: by the Service's name, which the certificate must have."""
    body = json.dumps(review).encode()
    name = f"{SERVICE}.{SYSTEM}.svc"
    head = f"POST /placement HTTP/1.1\r\nHost: {name}\r\nContent-Length: {len(body)}\r\n"
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=name) as secure,
    ):
        secure.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
        reply = b"".join(iter(lambda: secure.recv(65536), b""))
    status, _, rest = reply.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 200"), reply
    answer: Json = json.loads(rest)
    return answer

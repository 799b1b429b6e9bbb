"""What tests of a real node ask again and again."""

from __future__ import annotations

from tests.kubernetes.support import redisimage
from tests.kubernetes.support.api import Json
from tests.kubernetes.support.isolation import outside
from tests.kubernetes.support.nodecluster import NodeCluster


def ok(node: NodeCluster, *arguments: str, stdin: str | None = None) -> str:
    """kubectl, which must succeed: what it prints."""
    done = node.kubectl(*arguments, stdin=stdin, timeout_s=150)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def not_ready(pods: list[Json]) -> list[str]:
    """The names of those pods that are not Ready."""

    def ready(pod: Json) -> bool:
        found = pod["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in found)

    return [pod["metadata"]["name"] for pod in pods if not ready(pod)]


def load_redis(node: NodeCluster) -> None:
    """Give the node the image that the manifests name for Redis."""
    with outside():
        archive = redisimage.build()
    node.node.containerd.load(archive)

"""Puts deploy/ on a cluster and takes it away again, with everything that came from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kubernetes.support.api import ApiError, Json
from tests.kubernetes.support.controlplane import ControlPlane
from tests.kubernetes.support.waiting import wait_until

ROOT = Path(__file__).parents[3]
OVERLAYS = ROOT / "deploy" / "overlays"
SYSTEM = "podring-system"
RESOURCES = "/apis/is.github.com/v1alpha1"


@contextmanager
def deployed(plane: ControlPlane, overlay: str) -> Iterator[None]:
    """Apply an overlay; at the end delete all Sharedmemory objects, then what was applied."""
    plane.apply(OVERLAYS / overlay)
    try:
        yield
    finally:
        remove(plane, overlay)


def remove(plane: ControlPlane, overlay: str) -> None:
    """The objects first, while somebody is there to free their memory; nobody need be."""
    for item in _resources(plane):
        meta = item["metadata"]
        path = f"{RESOURCES}/namespaces/{meta['namespace']}/sharedmemories/{meta['name']}"
        plane.api.delete(path)
    try:
        wait_until("no Sharedmemory to be left", lambda: not _resources(plane), timeout_s=20)
    except AssertionError:
        for item in _resources(plane):
            meta = item["metadata"]
            path = f"{RESOURCES}/namespaces/{meta['namespace']}/sharedmemories/{meta['name']}"
            plane.api.patch(path, {"metadata": {"finalizers": None}})
    done = plane.kubectl(
        "delete", "--ignore-not-found", "-k", str(OVERLAYS / overlay), timeout_s=120
    )
    assert done.returncode == 0, done.stderr


def _resources(plane: ControlPlane) -> list[Json]:
    try:
        return plane.api.items(f"{RESOURCES}/sharedmemories")
    except ApiError as error:
        if error.code == 404:  # the definition itself is gone
            return []
        raise


def rolled_out(plane: ControlPlane, kind: str, name: str, timeout_s: float = 120.0) -> None:
    """Wait until a Deployment or DaemonSet of podring-system is all there."""
    done = plane.kubectl(
        *("rollout", "status", f"{kind}/{name}", f"--namespace={SYSTEM}"),
        f"--timeout={timeout_s:g}s",
        timeout_s=timeout_s + 10,
    )
    if done.returncode != 0:
        told = plane.kubectl("describe", "pods", f"--namespace={SYSTEM}").stdout
        raise AssertionError(f"{kind}/{name} did not roll out: {done.stderr}\n{told}")


def sample(name: str = "sharedmemory-sample", topic: str = "t", **spec: object) -> Json:
    """The seed's sample object."""
    sizes = {"shmsize": 1048576, "msgsize": 1024}
    return {
        "apiVersion": "is.github.com/v1alpha1",
        "kind": "Sharedmemory",
        "metadata": {"name": name},
        "spec": {"topicname": topic, **sizes, **spec},
    }


def is_true(plane: ControlPlane, namespace: str, name: str, kind: str) -> bool:
    """Whether a Sharedmemory has a condition that is True."""
    found = plane.api.get(f"{RESOURCES}/namespaces/{namespace}/sharedmemories/{name}")
    conditions = found.get("status", {}).get("conditions", [])
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)

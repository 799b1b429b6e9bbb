"""The chart on a real API server: installed, changed and taken away again by helm."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from deploy.helm.sources import DEPLOY
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.tools import tool

CHART = DEPLOY / "chart"
NAMESPACE = "elsewhere"
WORKLOADS = "daemonsets,deployments,statefulsets,networkpolicies,poddisruptionbudgets"
FULL = {
    "daemonset.apps/podring-broker",
    "deployment.apps/podring-controller",
    "statefulset.apps/podring-redis",
    "networkpolicy.networking.k8s.io/podring-broker",
    "networkpolicy.networking.k8s.io/podring-nobody",
    "networkpolicy.networking.k8s.io/podring-redis",
    "poddisruptionbudget.policy/podring-controller",
    "poddisruptionbudget.policy/podring-redis",
}


@pytest.fixture(scope="module")
def plane(own_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster without nodes: what runs is not this file's business."""
    return own_cluster()


def helm(plane: Cluster, *arguments: str) -> str:
    command = [tool("helm"), f"--kubeconfig={plane.admin}", f"--namespace={NAMESPACE}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def there(plane: Cluster) -> set[str]:
    done = plane.kubectl("get", WORKLOADS, "--output=name", f"--namespace={NAMESPACE}")
    return set(done.stdout.split())


def test_helm_installs_changes_and_removes_podring(plane: Cluster) -> None:
    said = helm(plane, "install", "podring", str(CHART), "--create-namespace")
    assert f"kubectl label namespace {NAMESPACE} pod-security" in said
    assert there(plane) == FULL

    smaller = ["redis", "networkPolicy", "disruptionBudget", "authentication", "placement"]
    smaller.append("publishersGroup")
    off = [f"--set={name}.enabled=false" for name in smaller]
    helm(plane, "upgrade", "podring", str(CHART), *off)
    assert there(plane) == {"daemonset.apps/podring-broker", "deployment.apps/podring-controller"}

    # As on a cluster before 1.36: no MutatingAdmissionPolicy, but the controller's webhook.
    older = ["--set=placement.enabled=false", "--set=placementWebhook.enabled=true"]
    helm(plane, "upgrade", "podring", str(CHART), *older)
    assert there(plane) == FULL | {"networkpolicy.networking.k8s.io/podring-placement"}

    helm(plane, "uninstall", "podring")
    assert there(plane) == set()


def test_topics_survive_the_removal_of_the_chart(plane: Cluster) -> None:
    """Helm leaves the definition, and so all objects of it, alone."""
    assert plane.api.exists(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sharedmemories.is.github.com"
    )

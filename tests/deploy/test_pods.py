"""Every pod that a manifest makes is bounded, watched and confined."""

from __future__ import annotations

import re

import pytest

import podring
from podring.topic import parse_quantity
from tests.deploy.manifests import SETS, Pod, of_kind, pod, pods

PROCESS_BYTES = 256 << 20
"""What the manifests leave to the broker's process beside its budget."""

every_set = pytest.mark.parametrize("which", [*SETS, "sample"])


@every_set
def test_every_container_asks_for_what_it_needs_and_is_bounded(which: str) -> None:
    for each in pods(which):
        for container in each.containers:
            resources = container["resources"]
            for kind in ("requests", "limits"):
                assert resources[kind].keys() == {"cpu", "memory"}, each
            memory = {kind: size(resources[kind]["memory"]) for kind in ("requests", "limits")}
            assert memory["requests"] <= memory["limits"], each


@every_set
def test_every_container_is_watched(which: str) -> None:
    """A publisher and a subscriber have no liveness probe: their end is all there is to see."""
    wanted = {"broker": 3, "controller": 3, "redis": 2, "publisher": 1, "subscriber": 1}
    for each in pods(which):
        probes = [key for key in each.containers[0] if key.endswith("Probe")]
        assert "readinessProbe" in probes, each
        assert len(probes) >= wanted[each.component], each


@every_set
def test_every_pod_is_as_confined_as_hostipc_allows(which: str) -> None:
    for each in pods(which):
        of_pod = each.spec["securityContext"]
        assert of_pod["runAsNonRoot"] is True, each
        assert of_pod["runAsUser"] > 0, each
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}, each
        assert not {"hostNetwork", "hostPID"} & each.spec.keys(), each
        for container in each.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, each


@every_set
def test_only_what_touches_segments_shares_memory_with_the_node(which: str) -> None:
    sharing = {each.component for each in pods(which) if each.spec.get("hostIPC")}
    assert sharing == {each.component for each in pods(which)} - {"controller", "redis"}


@every_set
def test_nothing_of_the_nodes_file_system_is_mounted(which: str) -> None:
    volumes = [volume for each in pods(which) for volume in each.spec.get("volumes", ())]
    kinds = {key for volume in volumes for key in volume} - {"name"}
    assert kinds <= {"emptyDir", "projected"}


@every_set
def test_only_a_pod_that_asks_the_api_server_has_a_token_for_it(which: str) -> None:
    allowed = {
        subject["name"]
        for each in of_kind(which, "ClusterRoleBinding")
        for subject in each["subjects"]
    }
    for each in pods(which):
        has_one = each.spec.get("automountServiceAccountToken", False)
        assert has_one == (each.spec.get("serviceAccountName") in allowed), each
    for account in of_kind(which, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@every_set
def test_no_pod_takes_settings_from_services_that_happen_to_be_there(which: str) -> None:
    """A Service called podring would set PODRING_PORT to tcp://…, and end the broker."""
    assert all(each.spec["enableServiceLinks"] is False for each in pods(which))


@every_set
def test_every_pod_may_end_quickly(which: str) -> None:
    assert all(each.spec["terminationGracePeriodSeconds"] <= 30 for each in pods(which))


@pytest.mark.parametrize("which", SETS)
def test_the_brokers_memory_limit_covers_what_topics_may_take(which: str) -> None:
    broker = pod(which, "broker")
    budget = size(broker.environment()["PODRING_BUDGET"])
    resources = broker.containers[0]["resources"]
    assert size(resources["limits"]["memory"]) >= budget + PROCESS_BYTES
    assert resources["requests"]["memory"] == resources["limits"]["memory"]


@every_set
def test_every_image_of_ours_has_the_version_of_the_workspace(which: str) -> None:
    for each in pods(which):
        for container in each.containers:
            name, _, tag = container["image"].partition(":")
            if each.component == "redis":
                assert re.fullmatch(r"[0-9]+(\.[0-9]+)+.*", tag), each
            else:
                assert (name, tag) == (f"podring-{each.component}", podring.__version__), each
            assert container["imagePullPolicy"] == "IfNotPresent", each


@every_set
def test_every_object_says_whose_it_is(which: str) -> None:
    for each in pods(which):
        assert labels_are_ours(each), each


def labels_are_ours(each: Pod) -> bool:
    labels = {key.removeprefix("app.kubernetes.io/"): each.labels[key] for key in each.labels}
    components = ("broker", "controller", "redis", "publisher", "subscriber")
    return labels["name"] == labels["part-of"] == "podring" and labels["component"] in components


def size(quantity: str) -> int:
    return int(parse_quantity(quantity, "memory"))

"""What becomes of a pod at admission: the same by CEL and by Python, and never a refusal."""

import copy
import random
import time
from typing import Any

import pytest

from podring_controller.placement.affinity import PREFERRED, REQUIRED, patch_of
from podring_controller.placement.annotations import (
    PLACEMENT,
    PUBLISHES,
    SUBSCRIBES,
    MalformedAnnotation,
)
from podring_controller.placement.labels import PREFIX
from tests.controller.placement.applied import apply
from tests.controller.placement.examples import AFFINITIES, ANNOTATIONS, LABELS
from tests.kubernetes.placement.site import Site, pod
from tests.kubernetes.support.api import ApiError, Json
from tests.kubernetes.support.waiting import wait_until


def expected(site: Site, body: Json) -> tuple[Any, Any]:
    """Labels and affinity by Python, of the pod as the API server sees it before admission."""
    before = site.made_of("default", body)
    try:
        after = apply(patch_of(before), before)
    except MalformedAnnotation:
        after = before
    return after["metadata"].get("labels"), after["spec"].get("affinity")


def found(site: Site, body: Json) -> tuple[Any, Any]:
    made = site.made_of("placed", body)
    return made["metadata"].get("labels"), made["spec"].get("affinity")


def test_every_topic_has_the_label_of_the_table(site: Site) -> None:
    for topic, label in LABELS.items():
        labels, _ = found(site, pod("p", {PUBLISHES: topic}))
        assert labels == {PREFIX + label: "publishes"}, topic


def test_every_pod_has_the_labels_of_the_table_and_the_affinity_of_python(site: Site) -> None:
    for name, example in ANNOTATIONS.items():
        body = pod("p", example.annotations)
        labels, affinity = found(site, body)
        roles = example.roles and {PREFIX + label: role for label, role in example.roles.items()}
        assert labels == roles, name
        assert (labels, affinity) == expected(site, body), name


@pytest.mark.parametrize("strength", ["preferred", "required"])
def test_labels_and_affinity_that_a_pod_has_stay_and_a_second_look_adds_nothing(
    site: Site, strength: str
) -> None:
    for name, spec in AFFINITIES.items():
        annotations = {PUBLISHES: "t,u", PLACEMENT: strength}
        before = pod("p", annotations, {"app": "x", PREFIX + "t": "mine"}, **copy.deepcopy(spec))
        labels, affinity = found(site, before)
        assert (labels, affinity) == expected(site, before), name
        assert labels.items() >= {"app": "x", PREFIX + "t": "mine"}.items(), name
        again = pod("p", annotations, labels, affinity=affinity)
        assert found(site, again) == (labels, affinity), name


def test_cel_and_python_agree_on_pods_at_random(policy_site: Site) -> None:
    chance = random.Random(20261121)
    for _ in range(200):
        body = pod_at_random(chance)
        assert found(policy_site, body) == expected(policy_site, body), body


def pod_at_random(chance: random.Random) -> Json:
    names = ["t", "u", "t.", "v" * 70, "v" * 80, "A", "t", "u", "a b", "x/", "", " "]

    def text() -> str:
        some = [chance.choice(names[: chance.choice([7, 12])]) for _ in range(chance.randint(0, 5))]
        return chance.choice([",", " , ", ",\n"]).join(some)

    def terms() -> list[Json]:
        return [
            {
                "labelSelector": {
                    "matchExpressions": [
                        {
                            "key": PREFIX + chance.choice(["t", "u", "A"]),
                            "operator": chance.choice(["Exists", "DoesNotExist"]),
                        }
                    ]
                },
                "topologyKey": chance.choice(["kubernetes.io/hostname", "rack"]),
            }
            for _ in range(chance.randint(0, 2))
        ]

    strength = chance.choice(["required", "preferred", "required", "never"])
    annotations = {PUBLISHES: text(), SUBSCRIBES: text(), PLACEMENT: strength}
    for key in list(annotations):
        if chance.random() < 0.25:
            del annotations[key]
    lists = {
        REQUIRED: terms(),
        PREFERRED: [{"weight": 5, "podAffinityTerm": term} for term in terms()],
    }
    affinity = chance.choice([{}, {"podAffinity": {}}, {"podAffinity": lists}])
    labels = chance.choice([None, {"app": "x"}, {PREFIX + "t": "mine"}])
    return pod("p", annotations, labels, affinity=affinity)


def test_a_malformed_annotation_warns_and_does_not_keep_a_pod_from_its_node(
    site: Site, placed: str
) -> None:
    body = """
apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {podring.io/publishes: a/b, podring.io/placement: required}}
spec: {containers: [{name: c, image: i}]}
"""
    done = site.cluster.kubectl("apply", f"--namespace={placed}", "-f", "-", stdin=body)
    assert done.returncode == 0
    assert "annotation podring.io/publishes" in done.stderr
    assert "scheduled as if it had no podring.io annotations" in done.stderr
    site.scheduled(placed, "p")


def test_a_template_with_a_malformed_annotation_warns_too(policy_site: Site) -> None:
    body = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 0
  selector: {matchLabels: {app: d}}
  template:
    metadata:
      labels: {app: d}
      annotations: {podring.io/subscribes: t, podring.io/placement: near}
    spec: {containers: [{name: c, image: i}]}
"""
    done = policy_site.cluster.kubectl(
        "apply", "--namespace=placed", "--dry-run=server", "-f", "-", stdin=body
    )
    assert done.returncode == 0
    assert "annotation podring.io/placement near is not known" in done.stderr


@pytest.mark.parametrize("text", ["t," * 120_000, ",".join(map(str, range(40_000))), " " * 240_000])
def test_a_huge_annotation_keeps_no_api_server_busy(site: Site, text: str) -> None:
    begin = time.monotonic()
    labels, affinity = found(site, pod("p", {PUBLISHES: text}))
    assert (labels, affinity) == (None, None)
    assert time.monotonic() - begin < 2


def test_a_quota_that_forbids_affinity_across_namespaces_forbids_placed_pods(
    policy_site: Site,
) -> None:
    scope = {"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "alone"},
        "spec": {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [scope]}},
    }
    path = "/api/v1/namespaces/placed/resourcequotas"
    policy_site.cluster.api.create(path, quota)
    try:
        with pytest.raises(ApiError, match="exceeded quota: alone"):
            wait_until(
                "the quota to be enforced",
                lambda: not found(policy_site, pod("p", {PUBLISHES: "t"})),
            )
        assert found(policy_site, pod("p", {})) == (None, None)
    finally:
        policy_site.cluster.api.delete(f"{path}/alone")
    policy_site.wait_for(on=True)


def test_affinity_that_a_later_step_replaces_is_completed_again(policy_site: Site) -> None:
    later = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: zz-replaces-affinity}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: placed}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: "[JSONPatch{op: 'add', path: '/spec/affinity', value: {'podAffinity': {}}}]"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: zz-replaces-affinity}
spec: {policyName: zz-replaces-affinity}
"""
    own = AFFINITIES["preferred"]
    body = pod("p", {PUBLISHES: "t"}, **own)
    policy_site.cluster.apply(later)
    try:
        wait_until(
            "the later policy",
            lambda: len(found(policy_site, body)[1]["podAffinity"][PREFERRED]) == 1,
        )
        _, affinity = found(policy_site, body)
    finally:
        policy_site.cluster.kubectl("delete", "-f", "-", stdin=later)
    (entry,) = affinity["podAffinity"][PREFERRED]
    assert entry["podAffinityTerm"]["labelSelector"]["matchExpressions"][0]["key"] == PREFIX + "t"

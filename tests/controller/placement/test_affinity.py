"""A pod gets labels and affinity for its topics, keeps what it has, and gets nothing twice."""

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podring_controller.placement.affinity import PREFERRED, REQUIRED, patch_of
from podring_controller.placement.annotations import (
    PLACEMENT,
    PUBLISHES,
    SUBSCRIBES,
    MalformedAnnotation,
)
from podring_controller.placement.labels import PREFIX
from tests.controller.placement.applied import apply
from tests.controller.placement.examples import AFFINITIES, ANNOTATIONS, BARE, Example


def pod(annotations: dict[str, str], labels: dict[str, str] | None = None, **spec: Any) -> Any:
    metadata = {"name": "p", "annotations": annotations} | ({"labels": labels} if labels else {})
    return {"metadata": metadata, "spec": BARE | spec}


def placed(before: dict[str, Any]) -> Any:
    untouched = copy.deepcopy(before)
    after = apply(patch_of(before), before)
    assert before == untouched
    return after


def keys(terms: list[dict[str, Any]]) -> list[str]:
    found = [term.get("podAffinityTerm", term)["labelSelector"] for term in terms]
    return [s["matchExpressions"][0]["key"] for s in found if "matchExpressions" in s]


@pytest.mark.parametrize("example", ANNOTATIONS.values(), ids=list(ANNOTATIONS))
def test_a_pod_is_labelled_as_the_table_says(example: Example) -> None:
    before = pod(example.annotations)
    if example.roles is None:
        with contextlib.suppress(MalformedAnnotation):
            assert patch_of(before) == []
        return
    after = placed(before)
    wanted = {PREFIX + name: role for name, role in example.roles.items()}
    assert after["metadata"]["labels"] == wanted
    pod_affinity = after["spec"]["affinity"]["podAffinity"]
    required = list(wanted)[: example.annotations.get(PLACEMENT) == "required"]
    assert keys(pod_affinity.get(REQUIRED, [])) == required
    assert keys(pod_affinity.get(PREFERRED, [])) == list(wanted)[len(required) :]


def test_a_preferred_term_says_which_pods_where_and_how_much() -> None:
    after = placed(pod({SUBSCRIBES: "camera.front"}))
    assert after["spec"]["affinity"]["podAffinity"][PREFERRED] == [
        {
            "weight": 100,
            "podAffinityTerm": {
                "labelSelector": {
                    "matchExpressions": [
                        {"key": "topic.podring.io/camera.front", "operator": "Exists"}
                    ]
                },
                "namespaceSelector": {"matchLabels": {"podring.io/placement": "enabled"}},
                "topologyKey": "kubernetes.io/hostname",
            },
        }
    ]


def test_a_pod_without_annotations_is_left_alone() -> None:
    assert patch_of(pod({})) == []
    assert patch_of({"metadata": {}, "spec": BARE}) == []
    assert patch_of({}) == []


@pytest.mark.parametrize("strength", ["preferred", "required"])
@pytest.mark.parametrize("spec", AFFINITIES.values(), ids=list(AFFINITIES))
def test_affinity_that_a_pod_has_stays(spec: dict[str, Any], strength: str) -> None:
    before = pod({PUBLISHES: "t", PLACEMENT: strength}, **copy.deepcopy(spec))
    after = placed(before)["spec"]["affinity"]
    was = before["spec"].get("affinity", {})
    assert {k: v for k, v in after.items() if k != "podAffinity"} == {
        k: v for k, v in was.items() if k != "podAffinity"
    }
    for kind in (PREFERRED, REQUIRED):
        old = was.get("podAffinity", {}).get(kind, [])
        new = after["podAffinity"].get(kind, [])
        assert new[: len(old)] == old
        # A required term of ours beside another's would ask for a pod that meets both.
        used = "preferred" if was.get("podAffinity", {}).get(REQUIRED) else strength
        assert len(new) - len(old) == kind.startswith(used)


def test_labels_that_a_pod_has_stay() -> None:
    labels = {"app": "camera", PREFIX + "t": "mine"}
    after = placed(pod({PUBLISHES: "t,u"}, labels))
    assert after["metadata"]["labels"] == labels | {PREFIX + "u": "publishes"}
    assert keys(after["spec"]["affinity"]["podAffinity"][PREFERRED]) == [PREFIX + "t", PREFIX + "u"]


texts = st.text(alphabet="ab.,- _", max_size=12)


@given(texts, texts, st.sampled_from(["preferred", "required"]), st.sampled_from(list(AFFINITIES)))
def test_a_second_call_adds_nothing(
    publishes: str, subscribes: str, strength: str, spec: str
) -> None:
    annotations = {PUBLISHES: publishes, SUBSCRIBES: subscribes, PLACEMENT: strength}
    try:
        once = placed(pod(annotations, **copy.deepcopy(AFFINITIES[spec])))
    except MalformedAnnotation:
        return
    assert patch_of(once) == []


def test_a_term_for_another_topology_is_not_taken_for_ours() -> None:
    after = placed(pod({PUBLISHES: "t"}))
    after["spec"]["affinity"]["podAffinity"][PREFERRED][0]["podAffinityTerm"]["topologyKey"] = (
        "rack"
    )
    assert len(patch_of(after)) == 1

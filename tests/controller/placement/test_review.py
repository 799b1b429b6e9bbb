"""The webhook's answer is always yes, with a patch, a warning, or nothing."""

import base64
import json
from typing import Any

import pytest

from podring_controller.placement.affinity import patch_of
from podring_controller.placement.annotations import PUBLISHES
from podring_controller.placement.review import NotAReview, answer
from tests.controller.placement.examples import BARE


def asked(annotations: dict[str, str]) -> dict[str, Any]:
    pod = {"metadata": {"name": "p", "annotations": annotations}, "spec": BARE}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "u-1", "operation": "CREATE", "object": pod},
    }


def test_the_answer_holds_the_patch_and_the_uid_that_was_asked_with() -> None:
    review = asked({PUBLISHES: "t"})
    response = answer(review)["response"]
    assert (response["uid"], response["allowed"], response["patchType"]) == (
        "u-1",
        True,
        "JSONPatch",
    )
    assert json.loads(base64.b64decode(response["patch"])) == patch_of(review["request"]["object"])


def test_a_pod_without_topics_is_admitted_as_it_is() -> None:
    assert answer(asked({}))["response"] == {"uid": "u-1", "allowed": True}


def test_a_pod_that_cannot_be_read_is_admitted_with_a_warning() -> None:
    response = answer(asked({PUBLISHES: "a/b"}))["response"]
    assert response["allowed"] is True
    assert "patch" not in response
    (warning,) = response["warnings"]
    assert warning.startswith("annotation podring.io/publishes: topicname 'a/b'")
    assert len(warning) <= 256  # what is longer, an API server cuts


@pytest.mark.parametrize(
    "pod",
    [
        {"metadata": 5},
        {"metadata": {"annotations": ["t"]}},
        {"metadata": {"annotations": {PUBLISHES: 5}}},
        {"metadata": {"annotations": {PUBLISHES: "t"}, "labels": 7}},
        {"metadata": {"annotations": {PUBLISHES: "t"}}, "spec": 7},
        {"metadata": {"annotations": {PUBLISHES: "t"}}, "spec": {"affinity": 7}},
    ],
)
def test_what_no_pod_looks_like_is_refused(pod: dict[str, Any]) -> None:
    with pytest.raises(NotAReview, match="is no pod"):
        answer({"request": {"uid": "u", "object": pod}})


@pytest.mark.parametrize("body", [None, [], "x", {}, {"request": 1}, {"request": {"uid": "u"}}])
def test_what_is_no_review_is_refused(body: object) -> None:
    with pytest.raises(NotAReview):
        answer(body)

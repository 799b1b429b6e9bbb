"""What the API server takes for a Sharedmemory, and in which sentence it refuses the rest.

The rules are podring.topic's, said again in CEL. So that the two cannot come to disagree, both are
asked about the same objects here.
"""

from typing import Any, get_args

import pytest
import yaml

from podring.topic import MESSAGE_MAX, SIZE_MAX, Overflow, Unsubscribed
from podring_controller.resource import InvalidResource, Sharedmemory
from tests.kubernetes.declaring import Declaring, resource
from tests.kubernetes.support.access import Access
from tests.kubernetes.support.api import ApiError, Json
from tests.kubernetes.support.tools import ROOT
from tests.kubernetes.support.waiting import wait_until

CRD = ROOT / "controller" / "crd" / "sharedmemories.yaml"
SAMPLE: Json = {"topicname": "t", "shmsize": 1048576, "msgsize": 1024}


@pytest.fixture(scope="module")
def declaring(any_cluster: Access) -> Declaring:
    any_cluster.apply(CRD)
    found = Declaring(any_cluster.api, "default")
    wait_until(
        "the resource to be served",
        lambda: any_cluster.api.exists(found.path),
        retry=(OSError, ApiError),  # 429: its storage is being made
    )
    return found


def refusal(declaring: Declaring, spec: Json) -> str:
    """What the API server says of a spec under strict validation; empty when it takes it."""
    path = f"{declaring.path}?fieldValidation=Strict&dryRun=All"
    try:
        declaring.api.create(path, resource("tried", spec))
    except ApiError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"replicas": 3}, 'unknown field "spec.replicas"'),
        ({"msgsize": "2Mi"}, "spec.msgsize 2Mi is above spec.shmsize 1048576: one message must"),
        (
            {"shmsize": "64Qi"},
            "spec.shmsize is not a quantity: write bytes, or a number with",
        ),
        ({"topicname": "a/b"}, "spec.topicname is not a topic name: 1 to 200 of A-Z a-z 0-9 . _ -"),
        ({"topicname": "n" * 201}, "spec.topicname is not a topic name"),
        ({"shmsize": 0, "msgsize": 0}, "spec.shmsize is outside 1 to 274877906944 bytes (256Gi)"),
        ({"shmsize": "257Gi"}, "spec.shmsize is outside 1 to 274877906944 bytes (256Gi)"),
        ({"shmsize": "8Gi", "msgsize": "3Gi"}, "spec.msgsize is outside 1 to 2147483648 bytes"),
        ({"shmsize": "1000000.5"}, "spec.shmsize is not a whole number of bytes"),
        ({"overflow": "drop"}, 'spec.overflow: Unsupported value: "drop"'),
        ({"overflow": "block", "unsubscribed": "stop"}, "spec.unsubscribed: Unsupported value"),
        ({"overflow": "block", "lease": -1}, "spec.lease is neither 0, for none, nor 0.001 to"),
        ({"lease": 5}, "spec.lease means nothing where publishers never wait"),
        ({"unsubscribed": "keep"}, "spec.unsubscribed means nothing where publishers never"),
        ({"retain": "yes"}, "spec.retain"),
        ({"nodeSelector": {"zone": 1}}, "spec.nodeSelector.zone"),
    ],
)
def test_a_bad_object_is_refused_with_a_sentence_that_names_the_field(
    declaring: Declaring, changes: Json, sentence: str
) -> None:
    assert sentence in refusal(declaring, SAMPLE | changes)


@pytest.mark.parametrize("field", ["topicname", "shmsize", "msgsize"])
def test_a_missing_field_is_named(declaring: Declaring, field: str) -> None:
    spec = {name: value for name, value in SAMPLE.items() if name != field}
    assert f"spec.{field}: Required value" in refusal(declaring, spec)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shmsize": 2097152}, "spec.shmsize cannot be changed: delete the resource and make it"),
        ({"msgsize": 1}, "spec.msgsize cannot be changed"),
        ({"topicname": "u"}, "spec.topicname cannot be changed: make another resource"),
        ({"retain": True}, "spec.retain cannot be changed"),
        ({"overflow": "block"}, "spec.overflow cannot be changed"),
        ({"overflow": "block", "lease": 5}, "spec.lease cannot be changed"),
    ],
)
def test_what_a_topic_was_made_with_cannot_be_changed(
    declaring: Declaring, changes: Json, sentence: str
) -> None:
    declaring.create("kept", "t", **SAMPLE)
    try:
        with pytest.raises(ApiError) as refused:
            declaring.patch("kept", {"spec": changes})
        assert sentence in str(refused.value)
    finally:
        declaring.delete("kept")


def test_the_same_size_in_other_words_and_another_selector_are_no_change(
    declaring: Declaring,
) -> None:
    declaring.create("kept", "t", **SAMPLE)
    try:
        changed = declaring.patch("kept", {"spec": {"shmsize": "1Mi", "nodeSelector": {"a": "b"}}})
        assert changed["spec"]["shmsize"] == "1Mi"
    finally:
        declaring.delete("kept")


NUMBERS = [
    "1",
    "0",
    "-1",
    "+5",
    "1.5",
    ".5",
    "5.",
    ".",
    "",
    "1048576",
    "0.000000001",
    "1.1234567890",
]
SUFFIXES = [
    "",
    "k",
    "K",
    "Ki",
    "M",
    "Mi",
    "Gi",
    "T",
    "Qi",
    "m",
    "n",
    "e3",
    "E2",
    "e-3",
    "E",
    "e400",
]
STRICTER = ("m", "n", "e-3")
"""Suffixes that the API server refuses though podring does not; see the CRD's first lines."""


def opinion(spec: Json) -> str:
    try:
        Sharedmemory.of_spec(spec)
    except InvalidResource as error:
        return str(error)
    return ""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_schema_and_podring_agree_on_every_spelling_of_a_size(
    declaring: Declaring, suffix: str
) -> None:
    disagreements = []
    for number in NUMBERS:
        spec = SAMPLE | {"shmsize": number + suffix, "msgsize": 1}
        here, there = opinion(spec), refusal(declaring, spec)
        stricter = suffix in STRICTER or len(number.partition(".")[2]) > 9
        if bool(here) != bool(there) and not (stricter and there and not here):
            disagreements.append((spec["shmsize"], here, there))
    assert disagreements == []


@pytest.mark.parametrize(
    "spec",
    [
        SAMPLE | {"shmsize": 1024, "msgsize": 1024},
        SAMPLE | {"shmsize": SIZE_MAX, "msgsize": MESSAGE_MAX},
        SAMPLE | {"shmsize": SIZE_MAX + 1},
        SAMPLE | {"shmsize": SIZE_MAX, "msgsize": MESSAGE_MAX + 1},
        SAMPLE | {"shmsize": 1023, "msgsize": 1024},
        SAMPLE | {"shmsize": "1.5Gi", "msgsize": "0.5Gi"},
        SAMPLE | {"shmsize": "999999999999999999999"},
        SAMPLE | {"shmsize": "1" * 65},
        SAMPLE | {"topicname": "n" * 200},
        SAMPLE | {"topicname": ".hidden"},
        SAMPLE | {"topicname": "trailing\n"},
        SAMPLE | {"topicname": "schön"},
        SAMPLE | {"topicname": ""},
        SAMPLE | {"overflow": "overwrite"},
        SAMPLE | {"overflow": "block", "unsubscribed": "keep", "lease": 2.5},
        SAMPLE | {"overflow": "block", "lease": 0.0001},
        SAMPLE | {"overflow": "block", "lease": 31622400},
        SAMPLE | {"overflow": "block", "lease": 31622401},
        SAMPLE | {"nodeSelector": {}},
    ],
)
def test_schema_and_podring_agree_at_the_edges(declaring: Declaring, spec: Json) -> None:
    assert bool(refusal(declaring, spec)) == bool(opinion(spec))


def test_the_schema_knows_the_policies_that_podring_knows() -> None:
    assert sorted(fields()["overflow"]["enum"]) == sorted(get_args(Overflow))
    assert sorted(fields()["unsubscribed"]["enum"]) == sorted(get_args(Unsubscribed))


def test_the_schema_knows_the_fields_that_the_controller_knows() -> None:
    known = opinion(SAMPLE | {"nothing": 1}).partition("known are ")[2].split(", ")
    assert sorted(known) == sorted(fields())


def fields() -> dict[str, Any]:
    version = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


def test_kubectl_shows_topic_size_message_nodes_and_age(
    declaring: Declaring, any_cluster: Access
) -> None:
    declaring.create("shown", "shown.topic", shmsize="64Mi")
    try:
        text = any_cluster.kubectl("get", "shm", "shown").stdout
    finally:
        declaring.delete("shown")
    header, line = text.strip().splitlines()
    assert header.split() == ["NAME", "TOPIC", "SIZE", "MESSAGE", "NODES", "AGE"]
    assert line.split()[:4] == ["shown", "shown.topic", "64Mi", "1024"]


def test_resources_are_found_by_category_and_by_topic(
    declaring: Declaring, any_cluster: Access
) -> None:
    declaring.create("first", "first.topic")
    declaring.create("second", "second.topic")
    try:
        found = declaring.api.items(declaring.path, fieldSelector="spec.topicname=second.topic")
        assert [each["metadata"]["name"] for each in found] == ["second"]
        names = any_cluster.kubectl("get", "podring", "-o", "name").stdout
        assert "sharedmemory.is.github.com/first" in names
    finally:
        declaring.delete("first")
        declaring.delete("second")

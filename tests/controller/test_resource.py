"""A Sharedmemory resource becomes a topic's name and spec, or an error that names the field."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podring import PodringError, TopicSpec
from podring.topic import MESSAGE_MAX, SIZE_MAX
from podring_controller.resource import InvalidResource, Sharedmemory

SAMPLE: dict[str, Any] = {
    "apiVersion": "is.github.com/v1alpha1",
    "kind": "Sharedmemory",
    "metadata": {"name": "sharedmemory-sample"},
    "spec": {"topicname": "t", "shmsize": 1048576, "msgsize": 1024},
}

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", fullmatch=True)
sizes = st.integers(1, SIZE_MAX)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def with_spec(**changes: Any) -> dict[str, Any]:
    return SAMPLE | {"spec": SAMPLE["spec"] | changes}


def without(path: str) -> dict[str, Any]:
    top, _, field = path.rpartition(".")
    if not top:
        return {name: value for name, value in SAMPLE.items() if name != field}
    return SAMPLE | {"spec": {n: v for n, v in SAMPLE["spec"].items() if n != field}}


def refusal(resource: object) -> InvalidResource:
    with pytest.raises(InvalidResource) as caught:
        Sharedmemory.from_object(resource)
    return caught.value


def test_the_sample_is_a_topic_of_one_mebibyte() -> None:
    found = Sharedmemory.from_object(SAMPLE)
    assert (found.topic, found.spec) == ("t", TopicSpec(1 << 20, 1024, "overwrite"))


def test_sizes_may_be_quantities() -> None:
    found = Sharedmemory.from_object(with_spec(shmsize="64Mi", msgsize="4k", overflow="overwrite"))
    assert found.spec == TopicSpec(64 << 20, 4000)


def test_where_a_topic_shall_be_and_whether_it_stays_are_optional() -> None:
    found = Sharedmemory.from_object(SAMPLE)
    assert (found.node_selector, found.retain) == ({}, False)
    found = Sharedmemory.from_object(with_spec(nodeSelector={"zone": "a"}, retain=True))
    assert (found.node_selector, found.retain) == ({"zone": "a"}, True)


def test_a_status_and_any_metadata_are_not_in_the_way() -> None:
    resource = SAMPLE | {"status": {"ready": True}, "metadata": {"labels": {"a": "b"}}}
    assert Sharedmemory.from_object(resource) == Sharedmemory.from_object(SAMPLE)


@given(names, sizes, st.data())
def test_every_valid_resource_gives_back_what_it_says(
    name: str, size: int, data: st.DataObject
) -> None:
    message = data.draw(st.integers(1, min(size, MESSAGE_MAX)))
    found = Sharedmemory.from_object(with_spec(topicname=name, shmsize=size, msgsize=message))
    assert (found.topic, found.spec.size, found.spec.max_message) == (name, size, message)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"msgsize": 2 << 20}, "spec.msgsize", "above shmsize 1048576"),
        ({"msgsize": 0}, "spec.msgsize", "outside 1 to"),
        ({"shmsize": -1}, "spec.shmsize", "outside 1 to"),
        ({"shmsize": "64Qi"}, "spec.shmsize", "is not a quantity"),
        ({"shmsize": "1Ti"}, "spec.shmsize", "outside 1 to"),
        ({"shmsize": 1.5}, "spec.shmsize", "not float"),
        ({"shmsize": True}, "spec.shmsize", "not bool"),
        ({"shmsize": None}, "spec.shmsize", "not NoneType"),
        ({"topicname": "a/b"}, "spec.topicname", "is not a topic name"),
        ({"topicname": ""}, "spec.topicname", "is not a topic name"),
        ({"topicname": "n" * 300}, "spec.topicname", "300 characters"),
        ({"topicname": 7}, "spec.topicname", "must be text"),
        ({"overflow": "drop"}, "spec.overflow", "is not known"),
        ({"overflow": "block", "lease": "5s"}, "spec.lease", "a number of seconds"),
        ({"unsubscribed": "keep"}, "spec.unsubscribed", "means nothing"),
        ({"overflow": ["overwrite"]}, "spec.overflow", "is not known"),
        ({"replicas": 3}, "spec.replicas", "is no field"),
        ({"nodeSelector": {"zone": 1}}, "spec.nodeSelector", "labels are text"),
        ({"nodeSelector": ["zone"]}, "spec.nodeSelector", "must be an object"),
        ({"retain": "yes"}, "spec.retain", "must be true or false"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(
    changes: dict[str, Any], field: str, words: str
) -> None:
    error = refusal(with_spec(**changes))
    assert error.field == field
    assert str(error).startswith(f"{field} ")
    assert words in str(error)


@pytest.mark.parametrize(
    "field", ["apiVersion", "kind", "spec", "spec.topicname", "spec.shmsize", "spec.msgsize"]
)
def test_a_missing_field_is_named(field: str) -> None:
    error = refusal(without(field))
    assert error.field == field
    assert str(error).startswith(f"{field} is missing")


def test_another_kind_or_version_is_not_taken_for_ours() -> None:
    assert refusal(SAMPLE | {"kind": "Pod"}).field == "kind"
    assert refusal(SAMPLE | {"apiVersion": "v1"}).field == "apiVersion"


def test_an_unknown_field_beside_the_spec_is_refused() -> None:
    assert str(refusal(SAMPLE | {"specs": {}})).startswith("specs is no field")


@given(json_values)
def test_anything_else_is_refused_and_never_crashes(value: object) -> None:
    assert isinstance(refusal(value), PodringError)


@given(st.dictionaries(st.sampled_from([*SAMPLE["spec"], "overflow", "other"]), json_values))
def test_a_spec_of_arbitrary_values_is_a_topic_or_an_error_that_names_a_field_of_it(
    spec: dict[str, Any],
) -> None:
    refused: InvalidResource | None = None
    try:
        found = Sharedmemory.from_object(SAMPLE | {"spec": spec})
    except InvalidResource as error:
        refused = error
    if refused is None:
        assert found.topic == spec["topicname"]
    else:
        assert refused.field.startswith("spec.")
        assert str(refused).startswith(refused.field)


def test_the_error_survives_pickling() -> None:
    error = refusal(with_spec(shmsize=0))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.field, str(copy)) == (error.field, str(error))

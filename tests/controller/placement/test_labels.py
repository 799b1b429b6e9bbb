"""Whatever a topic is called, its label is one that Kubernetes takes, and the same everywhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podring.topic import check_name
from podring_controller.placement.labels import PREFIX, label_of
from tests.controller.placement.examples import LABELS

KUBERNETES = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", fullmatch=True)


@pytest.mark.parametrize(("topic", "label"), LABELS.items())
def test_a_topic_has_the_label_of_the_table(topic: str, label: str) -> None:
    assert label_of(check_name(topic)) == PREFIX + label


@given(names)
def test_every_topic_has_a_label_that_kubernetes_takes(topic: str) -> None:
    label = label_of(topic)
    assert label.startswith(PREFIX)
    assert KUBERNETES.fullmatch(label.removeprefix(PREFIX))


@given(names)
def test_a_name_that_is_a_label_already_stays(topic: str) -> None:
    if KUBERNETES.fullmatch(topic):
        assert label_of(topic) == PREFIX + topic

"""Annotations become topics; what cannot be read becomes a sentence that names the annotation."""

import pickle

import pytest

from podring_controller.placement.annotations import (
    PLACEMENT,
    PUBLISHES,
    SUBSCRIBES,
    MalformedAnnotation,
    PodTopics,
    topics_of,
    wish_of,
)


def test_annotations_name_topics_by_what_the_pod_does_to_them() -> None:
    topics = topics_of({PUBLISHES: "t", SUBSCRIBES: "t,u"})
    assert topics == PodTopics(frozenset({"t"}), frozenset({"t", "u"}))
    assert (topics.role_in("t"), topics.role_in("u")) == ("both", "subscribes")


def test_names_keep_their_order_and_subscribed_ones_come_first() -> None:
    assert wish_of({PUBLISHES: "d,b", SUBSCRIBES: "c,b,a,c"}).names == ("c", "b", "a", "d")


@pytest.mark.parametrize("text", ["t,u", " t , u ", "u,t,t", ",t,,u,", "t,\n  u\n", "\tt\r\n,u"])
def test_blanks_repetitions_and_empty_places_mean_nothing(text: str) -> None:
    assert topics_of({SUBSCRIBES: text}).subscribes == {"t", "u"}


@pytest.mark.parametrize("annotations", [{}, {PUBLISHES: ""}, {SUBSCRIBES: " , "}, {"other": "t"}])
def test_a_pod_without_names_asks_for_nothing(annotations: dict[str, str]) -> None:
    assert not wish_of(annotations).topics


def test_placement_is_preferred_unless_required_is_asked_for() -> None:
    assert wish_of({PUBLISHES: "t"}).strength == "preferred"
    assert wish_of({PUBLISHES: "t", PLACEMENT: "preferred"}).strength == "preferred"
    assert wish_of({PUBLISHES: "t", PLACEMENT: "required"}).strength == "required"


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (PUBLISHES, "a b"),
        (PUBLISHES, "t;u"),
        (SUBSCRIBES, "a/b"),
        (SUBSCRIBES, "t,.u"),
        (SUBSCRIBES, "t,\u00a0u"),  # a space to some, and not to others
        (SUBSCRIBES, "x" * 201),
        (PLACEMENT, "Required"),
        (PLACEMENT, ""),
    ],
)
def test_what_cannot_be_read_is_named_and_gives_no_topics(annotation: str, text: str) -> None:
    annotations = {PUBLISHES: "fine", annotation: text}
    with pytest.raises(MalformedAnnotation) as caught:
        wish_of(annotations)
    assert caught.value.annotation == annotation
    assert str(caught.value).startswith(annotation)
    assert topics_of(annotations) == PodTopics()


def test_an_annotation_has_at_most_32_names_and_8192_characters() -> None:
    names = ["t" * 197 + f".{i:02}" for i in range(32)]
    text = ",\n".join(names)
    assert topics_of({PUBLISHES: text, SUBSCRIBES: text}).publishes == set(names)
    assert topics_of({PUBLISHES: "t" + " " * 8191}).publishes == {"t"}
    with pytest.raises(MalformedAnnotation, match=r"has 33 names: .* at most 32"):
        wish_of({PUBLISHES: "t", SUBSCRIBES: "t," * 33})
    with pytest.raises(MalformedAnnotation, match="has 8193 characters: write at most 8192"):
        wish_of({PUBLISHES: "t" + " " * 8192})


def test_the_error_survives_pickling() -> None:
    error = MalformedAnnotation(PLACEMENT, "a sentence")
    again = pickle.loads(pickle.dumps(error))
    assert (again.annotation, str(again)) == (PLACEMENT, "a sentence")

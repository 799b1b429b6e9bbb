"""Variants of a tree become one whose parts know for which features they are there."""

from __future__ import annotations

import pytest

from deploy.helm.emit import template
from deploy.helm.merge import Overlap, merge


def text(base: object, **variants: object) -> str:
    return template(merge(base, variants), "Kind/name").removeprefix("---\n")


def test_what_every_variant_has_bears_no_condition() -> None:
    assert text({"a": 1, "b": {"c": "x"}}, on={"a": 1, "b": {"c": "x"}}) == "a: 1\nb:\n  c: x\n"


def test_what_a_feature_adds_is_there_only_with_it() -> None:
    made = text({"a": 1}, on={"a": 1, "b": [1, 2]})
    assert made == "a: 1\n{{- if .Values.on.enabled }}\nb:\n- 1\n- 2\n{{- end }}\n"


def test_what_a_feature_takes_away_is_there_only_without_it() -> None:
    made = text({"a": 1, "b": 2}, on={"a": 1})
    assert made == "a: 1\n{{- if not (.Values.on.enabled) }}\nb: 2\n{{- end }}\n"


def test_what_a_feature_changes_is_one_or_the_other() -> None:
    made = text({"a": "one"}, on={"a": "two"})
    assert made == "{{- if .Values.on.enabled }}\na: two\n{{- else }}\na: one\n{{- end }}\n"


def test_items_with_names_are_merged_by_their_names() -> None:
    base = {"env": [{"name": "A", "value": "1"}]}
    more = {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}
    assert text(base, on=more) == (
        'env:\n- name: A\n  value: "1"\n'
        '{{- if .Values.on.enabled }}\n- name: B\n  value: "2"\n{{- end }}\n'
    )


def test_two_features_may_fill_one_list() -> None:
    made = text({}, one={"env": [{"name": "A"}]}, two={"env": [{"name": "B"}]})
    assert made == (
        "{{- if or .Values.one.enabled .Values.two.enabled }}\nenv:\n"
        "{{- if .Values.one.enabled }}\n- name: A\n{{- end }}\n"
        "{{- if .Values.two.enabled }}\n- name: B\n{{- end }}\n"
        "{{- end }}\n"
    )


@pytest.mark.parametrize(
    ("base", "one", "two"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}),
        ({"a": 1}, {}, {"a": 3}),
        ({}, {"a": 2}, {"a": 3}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}),
    ],
)
def test_two_features_that_change_one_thing_are_refused(
    base: object, one: object, two: object
) -> None:
    with pytest.raises(Overlap, match=r"/a: .* one and two"):
        merge(base, {"one": one, "two": two})


def test_what_could_be_taken_for_something_else_is_quoted() -> None:
    made = text({"a": "yes", "b": "1", "c": "0.1.0", "d": "", "e": "a: b", "f": None, "g": "é"})
    assert made == 'a: "yes"\nb: "1"\nc: "0.1.0"\nd: ""\ne: "a: b"\nf: null\ng: "é"\n'


def test_braces_of_a_source_are_not_the_templates() -> None:
    assert text({"a": "{{x}}"}) == 'a: "{{ "{{" }}x}}"\n'

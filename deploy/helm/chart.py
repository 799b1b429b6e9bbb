"""The chart's generated files, by their path below deploy/chart."""

from __future__ import annotations

import json
from typing import Any

import yaml

from deploy.helm.emit import template
from deploy.helm.merge import MISSING, merge
from deploy.helm.sources import FEATURES, Object, build
from deploy.helm.values import EXTRAS, VALUES

_HEAD = "# Made by scripts/chart from the kustomize sources; do not edit.\n"
_LEFT_OUT = ("Namespace", "CustomResourceDefinition")
"""Helm makes the release's namespace itself, and takes custom resources from crds/."""

Key = tuple[str, str]


def files() -> dict[str, str]:
    """Every generated file and its text."""
    everything = build(FEATURES)
    base = _by_key(build([]))
    variants = {each.value: _by_key(build([each])) for each in FEATURES}
    values = _HEAD + _values(everything)
    found = {"values.yaml": values, "values.schema.json": _schema(yaml.safe_load(values))}
    templates: dict[str, str] = {}
    for key in dict.fromkeys([*base, *(key for each in variants.values() for key in each)]):
        kind, name = key
        node = merge(
            base.get(key, MISSING),
            {feature: each.get(key, MISSING) for feature, each in variants.items()},
            f"{kind}/{name}",
        )
        file = f"templates/{name}-{kind.lower()}.yaml"
        templates[file] = _HEAD + template(node, f"{kind}/{name}")
    found.update(templates)
    for each in everything:
        if each["kind"] == "CustomResourceDefinition":
            text = yaml.safe_dump(each, sort_keys=False, width=100, allow_unicode=True)
            found[f"crds/{each['metadata']['name']}.yaml"] = _HEAD + text
    return found


def _by_key(objects: list[Object]) -> dict[Key, Object]:
    return {
        (each["kind"], each["metadata"]["name"]): each
        for each in objects
        if each["kind"] not in _LEFT_OUT
    }


def _values(objects: list[Object]) -> str:
    """values.yaml: every value with its default and what it means."""
    lines: dict[str, list[str]] = {
        "image": [
            _line("prefix", "", 'put before each image: "registry.example.org/podring/"'),
            _line("tag", "", "empty takes the chart's appVersion"),
        ]
    }
    for feature in FEATURES:
        lines[feature.value] = [_line("enabled", feature.default, feature.meaning)]
    for value in VALUES:
        group, _, name = value.value.partition(".")
        lines.setdefault(group, []).append(_line(name, _found(objects, value.path), value.meaning))
    for extra in EXTRAS:
        group, _, name = extra.value.partition(".")
        empty: Any = [] if name.endswith("s") else ""
        lines[group].append(_line(name, empty, extra.meaning))
    return "\n".join(f"{group}:\n" + "".join(each) for group, each in lines.items())


def _schema(values: dict[str, dict[str, Any]]) -> str:
    """What helm holds a user's values to, so that a misspelt one is refused."""
    kinds = {bool: "boolean", str: "string", list: "array", dict: "object"}
    groups = {
        group: {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"type": kinds[type(each)]} for name, each in members.items()},
        }
        for group, members in values.items()
    }
    # helm hands every chart the values under this name.
    groups["global"] = {"type": "object"}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": groups,
    }
    return json.dumps(schema, indent=2) + "\n"


def _line(name: str, default: Any, meaning: str) -> str:
    return f"  # {meaning}\n  {name}: {json.dumps(default)}\n"


def _found(objects: list[Object], path: str) -> Any:
    """What stands in a place; the first, where the path fits several."""
    kind, name, *way = path.split("/")
    for each in objects:
        if kind in ("*", each["kind"]) and name in ("*", each["metadata"]["name"]):
            found = _follow(each, way)
            if found is not MISSING:
                return found
    raise LookupError(f"no object has {path}")


def _follow(value: Any, way: list[str]) -> Any:
    if not way or value is MISSING:
        return value
    step, *rest = way
    if isinstance(value, dict):
        return _follow(value.get(step, MISSING), rest)
    if not isinstance(value, list):
        return MISSING
    for each in value:
        name = each.get("name") or each.get("metadata", {}).get("name")
        if step in ("*", name):
            return _follow(each, rest)
    return MISSING

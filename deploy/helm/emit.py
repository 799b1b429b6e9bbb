"""A merged tree as the text of a template.

Lines are made here and not by a YAML library, which could not put conditions between them. Keys
come as kustomize has them, sorted, and strings as JSON has them where they could be taken for
something else. What looks like a template's braces in a source is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from deploy.helm.merge import If, Items, Map, Node, Plain
from deploy.helm.values import (
    IMAGE_TEMPLATE,
    NAMESPACE,
    Value,
    extras_at,
    is_image,
    value_at,
)

_BARE = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n", "null")
"""What YAML takes for something else than a string."""


def template(node: Node, path: str) -> str:
    """The whole text of one object, which begins with the line that parts it from others."""
    lines = ["---", *_lines(_there(node) if isinstance(node, If) else node, path, 0)]
    condition = _condition(node)
    if condition is not None:
        lines = [f"{{{{- if {condition} }}}}", *lines, "{{- end }}"]
    return "\n".join([*lines, ""])


def _lines(node: Node, path: str, indent: int) -> Iterator[str]:
    """The lines of a mapping's or list's entries; neighbours share a condition."""
    assert isinstance(node, Map | Items)
    write = _item if isinstance(node, Items) else _entry
    for condition, group in groupby(node.entries.items(), lambda each: _condition(each[1])):
        if condition is not None:
            yield f"{{{{- if {condition} }}}}"
        for key, entry in group:
            place = f"{path}/{key}"
            if isinstance(entry, If) and entry.on is not None and entry.off is not None:
                yield f"{{{{- if {_any_of(entry)} }}}}"
                yield from write(key, entry.on, place, indent)
                yield "{{- else }}"
                yield from write(key, entry.off, place, indent)
                yield "{{- end }}"
            else:
                there = _there(entry) if isinstance(entry, If) else entry
                yield from write(key, there, place, indent)
        if condition is not None:
            yield "{{- end }}"
    for extra in extras_at(path):
        pad = " " * indent
        yield f"{pad}{{{{- with .Values.{extra.value} }}}}"
        yield f"{pad}{extra.field}: {{{{ toJson . }}}}"
        yield f"{pad}{{{{- end }}}}"


def _entry(key: str, node: Node, path: str, indent: int) -> Iterator[str]:
    """`key: value`, in as many lines as it takes."""
    start = " " * indent + _scalar(key) + ":"
    value = value_at(path)
    if value is not None:
        yield from _filled(start, value, indent)
    elif isinstance(node, Map) and node.entries:
        yield start
        yield from _lines(node, path, indent + 2)
    elif isinstance(node, Items) and node.entries:
        yield start
        yield from _lines(node, path, indent)
    elif isinstance(node, Plain) and isinstance(node.value, list) and node.value:
        yield start
        yield from (" " * indent + "- " + _flow(each) for each in node.value)
    else:
        yield f"{start} {_leaf(node, path)}"


def _item(_key: str, node: Node, path: str, indent: int) -> Iterator[str]:
    """A list's item: a mapping, whose first line bears the dash.

    The first line must bear no condition; what names it, which never has one, is put first.
    """
    assert isinstance(node, Map)
    first = next(key for key in ("name", "mountPath", "metadata") if key in node.entries)
    ordered: Mapping[str, Node] = {first: node.entries[first]} | dict(node.entries)
    lines = list(_lines(Map(ordered), path, indent + 2))
    yield " " * indent + "- " + lines[0].lstrip()
    yield from lines[1:]


def _filled(start: str, value: Value, indent: int) -> Iterator[str]:
    name = f".Values.{value.value}"
    if value.template == "toYaml":
        yield f"{start} {{{{- toYaml {name} | nindent {indent + 2} }}}}"
    else:
        yield f"{start} {value.template.format(name)}"


def _leaf(node: Node, path: str) -> str:
    content: Any = {} if isinstance(node, Map) else [] if isinstance(node, Items) else None
    if isinstance(node, Plain):
        content = node.value
    if is_image(path) and str(content).startswith("podring-"):
        return IMAGE_TEMPLATE.format(str(content).rpartition(":")[0])
    return _flow(content)


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    return _escaped(json.dumps(value, ensure_ascii=False))


def _scalar(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in _WORDS and NAMESPACE not in text:
        return text
    return _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Keep braces from the template engine, and let the namespace be the release's."""
    return text.replace("{{", '{{ "{{" }}').replace(NAMESPACE, "{{ .Release.Namespace }}")


def _condition(node: Node) -> str | None:
    """When a node is there; None: always, if in one of two shapes."""
    if not isinstance(node, If) or (node.on is not None and node.off is not None):
        return None
    return f"not ({_any_of(node)})" if node.on is None else _any_of(node)


def _any_of(node: If) -> str:
    names = [f".Values.{each}.enabled" for each in node.features]
    return names[0] if len(names) == 1 else f"or {' '.join(names)}"


def _there(node: If) -> Node:
    found = node.on if node.on is not None else node.off
    assert found is not None
    return found

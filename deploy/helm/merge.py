"""One tree for a base and its variants, whose parts know for which features they are there.

Each feature is rendered alone upon the base. That is enough because features do not overlap: where
two of them change one thing in different ways, `Overlap` is raised, and the components are to be
drawn differently. Lists of things with names (containers, env, volumes …) are merged by these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MISSING: Any = object()


class Overlap(Exception):
    """Two features change one thing in different ways."""


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping, whose entries may depend on features."""

    entries: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, whose items may depend on features; they are known by their key."""

    entries: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Plain:
    """What is the same whatever is on: a scalar, or a list of things without names."""

    value: Any


@dataclass(frozen=True, slots=True)
class If:
    """What is there only while one of `features` is on, or while none is; and what is else."""

    features: tuple[str, ...]
    on: Node | None
    off: Node | None


Node = Map | Items | Plain | If


def merge(base: Any, variants: Mapping[str, Any], path: str = "") -> Node:
    """One node for a value and what it is with each feature; MISSING is none.

    raises  Overlap
    """
    changed = {name: value for name, value in variants.items() if value != base}
    if not changed:
        return plain(base)
    there = [value for value in (base, *variants.values()) if value is not MISSING]
    if base is MISSING or any(value is MISSING for value in changed.values()):
        return _coming_or_going(base, changed, path)
    if all(isinstance(value, dict) for value in there):
        return Map(_entries(base, variants, path))
    if all(_named(value) for value in there):
        keyed = {name: _by_key(value) for name, value in variants.items()}
        return Items(_entries(_by_key(base), keyed, path))
    name, value = _only(changed, path)
    return If((name,), plain(value), plain(base))


def plain(value: Any) -> Node:
    """A node for what depends on no feature."""
    if isinstance(value, dict):
        return Map({key: plain(each) for key, each in value.items()})
    if value and _named(value):
        return Items({key: plain(each) for key, each in _by_key(value).items()})
    return Plain(value)


def _coming_or_going(base: Any, changed: Mapping[str, Any], path: str) -> Node:
    """What only some features have, or what one of them takes away."""
    if base is not MISSING:
        name, value = _only(changed, path)
        return If((name,), None if value is MISSING else plain(value), plain(base))
    first = next(iter(changed.values()))
    if all(value == first for value in changed.values()):
        return If(tuple(changed), plain(first), None)
    empty: Any = {} if isinstance(first, dict) else []
    if not all(isinstance(value, dict) or _named(value) for value in changed.values()):
        raise Overlap(f"{path}: set by {' and '.join(changed)} to different values")
    return If(tuple(changed), merge(empty, changed, path), None)


def _entries(base: Any, variants: Mapping[str, Any], path: str) -> dict[str, Node]:
    keys = dict.fromkeys([*base, *(key for each in variants.values() for key in each)])
    return {
        key: merge(
            base.get(key, MISSING),
            {name: each.get(key, MISSING) for name, each in variants.items()},
            f"{path}/{key}",
        )
        for key in keys
    }


def _only(changed: Mapping[str, Any], path: str) -> tuple[str, Any]:
    if len(changed) > 1:
        raise Overlap(f"{path}: changed by {' and '.join(changed)}")
    return next(iter(changed.items()))


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(_key_of(each) is not None for each in value)


def _by_key(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(_key_of(each)): each for each in items}


def _key_of(item: Any) -> str | None:
    """What an item of a list is known by: a mount by its path, a claim by its metadata's name."""
    if not isinstance(item, dict):
        return None
    found: str | None = item.get("mountPath") or item.get("name")
    return found if found is not None else _key_of(item.get("metadata"))

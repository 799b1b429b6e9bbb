"""What a `Sharedmemory` resource asks for: one topic, by name and spec.

    apiVersion: is.github.com/v1alpha1
    kind: Sharedmemory
    metadata: {name: sharedmemory-sample}
    spec: {topicname: t, shmsize: 1048576, msgsize: 1024}

Sizes are bytes or Kubernetes quantities (`64Mi`). `overflow` with its `unsubscribed` and `lease`,
`nodeSelector` (labels of the nodes that shall have the topic; absent: all that run a broker) and
`retain` (the topic outlives its resource) are optional. What a name and a size may be is judged in
`podring.topic`, so that controller, broker and library cannot disagree. `metadata` and `status` are
the API server's and the operator's, and are not looked at here.

Nothing here talks to a cluster or to a broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from podring.errors import InvalidTopic, PodringError
from podring.topic import TopicSpec, check_name

API_VERSION = "is.github.com/v1alpha1"
KIND = "Sharedmemory"

_RESOURCE = ("apiVersion", "kind", "metadata", "spec", "status")
_REQUIRED = ("topicname", "shmsize", "msgsize")
_OPTIONAL = ("overflow", "unsubscribed", "lease", "nodeSelector", "retain")
_SHOWN = 40


class InvalidResource(PodringError, ValueError):
    """A resource that describes no topic. The message begins with the field.

    field   its path in the resource, such as `spec.msgsize`
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    def __reduce__(self) -> tuple[type[InvalidResource], tuple[str, str]]:
        return type(self), (self.field, str(self))


@dataclass(frozen=True, slots=True)
class Sharedmemory:
    """A valid resource: the topic that it asks for, where, and whether it stays."""

    topic: str
    spec: TopicSpec
    node_selector: Mapping[str, str] = field(default_factory=dict)
    retain: bool = False

    @classmethod
    def from_object(cls, resource: object) -> Sharedmemory:
        """Read a resource, as a YAML or JSON parser gives it.

        raises  InvalidResource, for the first field that is wrong
        """
        top = _mapping(resource, "the resource")
        _refuse_others(top, "", _RESOURCE)
        _require_constant(top, "apiVersion", API_VERSION)
        _require_constant(top, "kind", KIND)
        _require(top, "", ("spec",))
        return cls.of_spec(top["spec"])

    @classmethod
    def of_spec(cls, given: object) -> Sharedmemory:
        """Read a resource's `spec` alone. Raises InvalidResource."""
        spec = _mapping(given, "spec")
        _refuse_others(spec, "spec.", (*_REQUIRED, *_OPTIONAL))
        _require(spec, "spec.", _REQUIRED)
        try:
            return cls(
                check_name(spec["topicname"]),
                TopicSpec(
                    spec["shmsize"],
                    spec["msgsize"],
                    spec.get("overflow", "overwrite"),
                    spec.get("unsubscribed", "go-on"),
                    spec.get("lease", 0),
                ),
                _labels(spec.get("nodeSelector", {})),
                _flag(spec.get("retain", False)),
            )
        except InvalidTopic as error:
            # podring's sentences begin with the field, as the resource spells it.
            raise InvalidResource(f"spec.{error.field}", f"spec.{error}") from None


def _labels(value: object) -> dict[str, str]:
    labels: dict[Any, Any] = dict(_mapping(value, "spec.nodeSelector"))
    for name, wanted in labels.items():
        if not all(isinstance(each, str) for each in (name, wanted)):
            raise InvalidResource(
                "spec.nodeSelector",
                f"spec.nodeSelector has {_show(wanted)} as {_show(name)}: labels are text",
            )
    return labels


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidResource("spec.retain", f"spec.retain must be true or false, not {_show(value)}")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise InvalidResource(what, f"{what} must be an object with fields, not {_show(value)}")


def _require_constant(top: Mapping[str, Any], field: str, value: str) -> None:
    _require(top, "", (field,))
    if top[field] != value:
        raise InvalidResource(field, f"{field} {_show(top[field])} is not {value!r}")


def _require(fields: Mapping[str, Any], prefix: str, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in fields:
            raise InvalidResource(
                prefix + name, f"{prefix}{name} is missing: required are {', '.join(names)}"
            )


def _refuse_others(fields: Mapping[str, Any], prefix: str, known: tuple[str, ...]) -> None:
    for name in fields:
        if name not in known:
            shown = f"{name}"[:_SHOWN]
            raise InvalidResource(
                prefix + shown, f"{prefix}{shown} is no field: known are {', '.join(known)}"
            )


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

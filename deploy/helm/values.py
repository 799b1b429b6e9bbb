"""What can be set beside the features: where it stands in the objects, and its value in the chart.

A default is not written here: it is what kustomize has in that place. A path is the kind, the name,
and the way into the object, with items of lists by their names; * stands for any one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

NAMESPACE = "podring-system"
"""What stands in the sources for the namespace, which in a chart is the release's."""


@dataclass(frozen=True, slots=True)
class Value:
    """A place in the objects, and how a template fills it.

    value     name in values.yaml
    template  what stands in the place; {} is the value
    """

    path: str
    value: str
    template: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Extra:
    """A field that the sources do not have, set only when its value is. `path` is its parent's."""

    path: str
    field: str
    value: str
    meaning: str


_POD = "spec/template/spec"
_SCALAR = "{{{{ {} | quote }}}}"
_BLOCK = "toYaml"

VALUES = (
    Value(
        f"DaemonSet/podring-broker/{_POD}/containers/broker/env/PODRING_BUDGET/value",
        "broker.budget",
        _SCALAR,
        "memory that topics may take on a node; keep the memory limit 256Mi above it",
    ),
    Value(
        f"DaemonSet/podring-broker/{_POD}/containers/broker/resources",
        "broker.resources",
        _BLOCK,
        "topics are charged to the broker, whoever uses them",
    ),
    Value(
        f"DaemonSet/podring-broker/{_POD}/nodeSelector",
        "broker.nodeSelector",
        _BLOCK,
        "nodes that run a broker",
    ),
    Value(
        f"DaemonSet/podring-broker/{_POD}/tolerations",
        "broker.tolerations",
        _BLOCK,
        "nodes that run a broker though their taints keep others out",
    ),
    Value(
        f"Deployment/podring-controller/{_POD}/containers/controller/resources",
        "controller.resources",
        _BLOCK,
        "what the controller may use",
    ),
    Value(
        f"Deployment/podring-controller/{_POD}/nodeSelector",
        "controller.nodeSelector",
        _BLOCK,
        "nodes that may run the controller",
    ),
    Value(
        f"StatefulSet/podring-redis/{_POD}/containers/redis/image",
        "redis.image",
        _SCALAR,
        "a Redis, or what speaks its protocol and has redis-server and redis-cli",
    ),
    Value(
        "StatefulSet/podring-redis/spec/volumeClaimTemplates/*/spec/resources/requests/storage",
        "redis.storage",
        _SCALAR,
        "size of the volume that Redis keeps its records on",
    ),
    Value(
        f"*/*/{_POD}/containers/*/imagePullPolicy",
        "image.pullPolicy",
        _SCALAR,
        "when the kubelet fetches an image",
    ),
)

EXTRAS = (
    Extra(
        "StatefulSet/podring-redis/spec/volumeClaimTemplates/data/spec",
        "storageClassName",
        "redis.storageClassName",
        "class of that volume; empty takes the cluster's default",
    ),
    Extra(f"*/*/{_POD}", "imagePullSecrets", "image.pullSecrets", "as pods name them"),
)

IMAGE = f"*/*/{_POD}/containers/*/image"
"""Our own images, podring-…: all have one tag, and are prefixed by where they are kept."""
IMAGE_TEMPLATE = (
    '{{{{ printf "%s{}:%s" .Values.image.prefix (.Values.image.tag | default .Chart.AppVersion) '
    "| quote }}}}"
)


def value_at(path: str) -> Value | None:
    """The value that fills a place, if one does."""
    return next((each for each in VALUES if fnmatchcase(path, each.path)), None)


def extras_at(path: str) -> Iterator[Extra]:
    """The fields that may be added to the object in a place."""
    return (each for each in EXTRAS if _matches(path, each.path))


def is_image(path: str) -> bool:
    """Whether a place holds the image of a container."""
    return fnmatchcase(path, IMAGE)


def _matches(path: str, pattern: str) -> bool:
    """fnmatch lets * span slashes, which a parent's path must not."""
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)

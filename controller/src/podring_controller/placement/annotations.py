"""What a pod's annotations say: its topics, and how near to their other users it wants to be.

    podring.io/publishes: camera.front
    podring.io/subscribes: camera.front, clock
    podring.io/placement: required            (or preferred, which is the default)

Names are separated by commas; spaces, tabs and line ends around a name, and empty places between
commas, mean nothing. The policy in deploy/placement reads the same text in CEL: what is decided
here is decided there, and tests/controller/placement/examples.py holds both to it.

A pod with an annotation that cannot be read is scheduled as if it had none: whoever reads it here
learns nothing from `topics_of`, or the reason from `wish_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from podring.errors import InvalidTopic, PodringError
from podring.topic import check_name

PUBLISHES = "podring.io/publishes"
SUBSCRIBES = "podring.io/subscribes"
PLACEMENT = "podring.io/placement"

TOPICS_MAX = 32
"""Names in one annotation, repeated or not. Each topic is a term that the scheduler weighs."""
TEXT_MAX = 8192
"""Characters of one annotation: room for 32 of the longest names. Without a bound, an annotation of
240 kB, which Kubernetes allows, keeps an API server busy with CEL for half a minute."""

Strength = Literal["preferred", "required"]
Role = Literal["publishes", "subscribes", "both"]

_STRENGTHS: dict[str, Strength] = {"preferred": "preferred", "required": "required"}
_BLANK = " \t\r\n"
"""What may stand around a name: these and no others, since CEL and Python disagree on the rest."""


class MalformedAnnotation(PodringError, ValueError):
    """An annotation that names no topics, or no way to be placed. The message begins with its key.

    annotation   the key, such as `podring.io/subscribes`
    """

    def __init__(self, annotation: str, message: str) -> None:
        super().__init__(message)
        self.annotation = annotation

    def __reduce__(self) -> tuple[type[MalformedAnnotation], tuple[str, str]]:
        return type(self), (self.annotation, str(self))


@dataclass(frozen=True, slots=True)
class PodTopics:
    """The topics that a pod says it uses."""

    publishes: frozenset[str] = frozenset()
    subscribes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.publishes or self.subscribes)

    def role_in(self, topic: str) -> Role:
        """What the pod does to one of its topics."""
        if topic in self.publishes and topic in self.subscribes:
            return "both"
        return "publishes" if topic in self.publishes else "subscribes"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a pod wants: to be where its topics' other publishers and subscribers are.

    names   the topics as they are written, subscribed ones first: messages flow from a publisher to
            its subscribers, so in a chain of pods each follows the one before it
    """

    topics: PodTopics
    names: tuple[str, ...]
    strength: Strength = "preferred"


def topics_of(annotations: Mapping[str, str]) -> PodTopics:
    """The topics that a pod's annotations name; none where an annotation cannot be read.

    annotations   metadata.annotations of the pod, `{}` where it has none
    """
    try:
        return wish_of(annotations).topics
    except MalformedAnnotation:
        return PodTopics()


def wish_of(annotations: Mapping[str, str]) -> Wish:
    """What the annotations ask for; a `Wish` without topics where they ask for nothing.

    raises   MalformedAnnotation, for the first one that cannot be read
    """
    publishes, subscribes = _names(annotations, PUBLISHES), _names(annotations, SUBSCRIBES)
    return Wish(
        PodTopics(frozenset(publishes), frozenset(subscribes)),
        tuple(dict.fromkeys(subscribes + publishes)),
        _strength(annotations.get(PLACEMENT, "preferred")),
    )


def _names(annotations: Mapping[str, str], annotation: str) -> list[str]:
    text = annotations.get(annotation, "")
    if len(text) > TEXT_MAX:
        raise MalformedAnnotation(
            annotation, f"{annotation} has {len(text)} characters: write at most {TEXT_MAX}"
        )
    names = [name for piece in text.split(",") if (name := piece.strip(_BLANK))]
    if len(names) > TOPICS_MAX:
        raise MalformedAnnotation(
            annotation,
            f"{annotation} has {len(names)} names: a pod is placed by at most {TOPICS_MAX}, so "
            "name the topics that carry the most bytes",
        )
    try:
        return [check_name(name) for name in names]
    except InvalidTopic as error:
        raise MalformedAnnotation(annotation, f"{annotation}: {error}") from None


def _strength(value: str) -> Strength:
    if strength := _STRENGTHS.get(value):
        return strength
    shown = value if len(value) <= 40 else value[:40] + "…"
    raise MalformedAnnotation(
        PLACEMENT, f"{PLACEMENT} {shown!r} is not known: write preferred or required"
    )

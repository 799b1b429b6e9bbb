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
"""Topics a pod may name, in both annotations together. Each is a term that the scheduler weighs."""

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

    def roles(self) -> dict[str, Role]:
        """Each topic once, in the order of names, with what the pod does to it."""
        return {
            topic: _role(topic in self.publishes, topic in self.subscribes)
            for topic in sorted(self.publishes | self.subscribes)
        }


@dataclass(frozen=True, slots=True)
class Wish:
    """What a pod wants: to be where its topics' other publishers and subscribers are."""

    topics: PodTopics
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
    topics = PodTopics(_names(annotations, PUBLISHES), _names(annotations, SUBSCRIBES))
    if (count := len(topics.publishes | topics.subscribes)) > TOPICS_MAX:
        raise MalformedAnnotation(
            SUBSCRIBES,
            f"{PUBLISHES} and {SUBSCRIBES} name {count} topics: a pod is placed by at most "
            f"{TOPICS_MAX}, so name those whose messages are largest",
        )
    return Wish(topics, _strength(annotations.get(PLACEMENT, "preferred")))


def _names(annotations: Mapping[str, str], annotation: str) -> frozenset[str]:
    pieces = (piece.strip(_BLANK) for piece in annotations.get(annotation, "").split(","))
    try:
        return frozenset(check_name(piece) for piece in pieces if piece)
    except InvalidTopic as error:
        raise MalformedAnnotation(annotation, f"{annotation}: {error}") from None


def _strength(value: str) -> Strength:
    if strength := _STRENGTHS.get(value):
        return strength
    shown = value if len(value) <= 40 else value[:40] + "…"
    raise MalformedAnnotation(
        PLACEMENT, f"{PLACEMENT} {shown!r} is not known: write preferred or required"
    )


def _role(publishes: bool, subscribes: bool) -> Role:
    if publishes and subscribes:
        return "both"
    return "publishes" if publishes else "subscribes"

"""Publish and subscribe through shared memory, for pods on the same node.

from podring import Publisher, Subscriber, TopicSpec

with Publisher("camera.front", create=TopicSpec(size="64Mi", max_message="4Mi")) as camera:
    camera.publish(b"...")

with Subscriber("camera.front", start="earliest") as frames:
    for frame in frames: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podring.errors import (
    BrokerRefused,
    BrokerUnreachable,
    CorruptRing,
    Evicted,
    Full,
    HandleClosed,
    InvalidTopic,
    LayoutMismatch,
    MessageTooLong,
    NameTaken,
    NoRoom,
    NotAllowed,
    OffsetOutOfRange,
    OtherOrigin,
    PodringError,
    PublisherBusy,
    TooManyParticipants,
    TopicClosed,
    TopicExists,
    TopicNotFound,
)
from podring.offsets import forget_offset
from podring.publisher import Publisher
from podring.subscriber import Subscriber
from podring.topic import TopicRecord, TopicSpec

if TYPE_CHECKING:
    from podring.client import create_topic, delete_topic, get_topic, topics

    __version__: str

__all__ = [
    "BrokerRefused",
    "BrokerUnreachable",
    "CorruptRing",
    "Evicted",
    "Full",
    "HandleClosed",
    "InvalidTopic",
    "LayoutMismatch",
    "MessageTooLong",
    "NameTaken",
    "NoRoom",
    "NotAllowed",
    "OffsetOutOfRange",
    "OtherOrigin",
    "PodringError",
    "Publisher",
    "PublisherBusy",
    "Subscriber",
    "TooManyParticipants",
    "TopicClosed",
    "TopicExists",
    "TopicNotFound",
    "TopicRecord",
    "TopicSpec",
    "create_topic",
    "delete_topic",
    "forget_offset",
    "get_topic",
    "topics",
]

_FROM_CLIENT = {"create_topic", "delete_topic", "get_topic", "topics"}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # Late, because a program that only opens topics may never need them, and importlib.metadata
    # alone costs more than everything else here.
    if name in _FROM_CLIENT:
        from podring import client

        return getattr(client, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("podring")
    raise AttributeError(f"module 'podring' has no attribute {name!r}")

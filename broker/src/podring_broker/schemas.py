"""What is answered, for FastAPI and for the OpenAPI description made from it. Sizes are bytes.

What is asked for is in `wanted`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from podring.topic import Overflow, TopicRecord, Unsubscribed
from podring_broker.live import Live, Waiting
from podring_broker.wanted import Origin, TopicName


class Topic(BaseModel):
    """A topic that exists."""

    topicname: TopicName
    shmsize: Annotated[int, Field(description="bytes that were asked for")]
    msgsize: Annotated[int, Field(description="longest message in bytes")]
    overflow: Overflow
    unsubscribed: Annotated[
        Unsubscribed, Field(description="block: what publishers do while nobody subscribes")
    ]
    lease: Annotated[float, Field(description="block: seconds; 0 for ever")]
    capacity: Annotated[int, Field(description="bytes that the ring really has")]
    generation: Annotated[
        int, Field(description="tells the topic from its namesakes before and after")
    ]
    segment: Annotated[str, Field(description="name of its shared memory")]
    origin: Annotated[Origin, Field(description="who declared it; empty when nobody said")]

    @staticmethod
    def of(record: TopicRecord) -> Topic:
        return Topic(**record.to_json())


class Subscription(Topic):
    """A topic, and the sequences that a subscriber may start from."""

    earliest: Annotated[
        int | None, Field(description="of the oldest message that can still be received")
    ]
    latest: Annotated[
        int | None, Field(description="that the next message will have; 1 in an empty topic")
    ]

    @staticmethod
    def to(live: Live) -> Subscription:
        status = live.status
        return Subscription(
            **live.record.to_json(),
            earliest=None if status is None else status.earliest,
            latest=None if status is None else status.latest,
        )


class Participant(BaseModel):
    """A publisher or subscriber. Times are nanoseconds since 1970, 0 for never."""

    role: Literal["publisher", "subscriber"]
    name: str
    process: Annotated[int, Field(description="number in its own namespace")]
    user: Annotated[int, Field(description="number in its own namespace")]
    joined: int
    active: int
    sequence: Annotated[
        int, Field(description="that a subscriber receives next, or a publisher wrote last")
    ]
    messages: int
    bytes: int
    lost: int
    lag: Annotated[int, Field(description="messages that a subscriber has yet to receive")]
    alive: bool
    lossy: Annotated[bool, Field(description="block: publishers do not wait for it")]
    evicted: Annotated[bool, Field(description="block: publishers gave it up")]
    waiting: Annotated[int, Field(description="block: since when a publisher waits for room")]


class LiveTopic(Subscription):
    """A topic with its figures of this moment."""

    participants: list[Participant]
    footprint: Annotated[int, Field(description="bytes of shared memory that it takes")]
    problem: Annotated[
        str | None, Field(description="why there are no figures, should there be none")
    ] = None

    @staticmethod
    def of_live(live: Live) -> LiveTopic:
        status = live.status
        return LiveTopic(
            **Subscription.to(live).model_dump(),
            participants=[
                Participant(**asdict(each)) for each in (status.participants if status else ())
            ],
            footprint=live.footprint,
            problem=live.problem,
        )


class WaitingTopic(BaseModel):
    """A topic that is recorded, and could not be made again yet."""

    topicname: TopicName
    shmsize: int
    msgsize: int
    overflow: Overflow
    unsubscribed: Unsubscribed
    lease: float
    origin: Origin
    problem: Annotated[str, Field(description="why not")]

    @staticmethod
    def of(waiting: Waiting) -> WaitingTopic:
        record = waiting.record
        return WaitingTopic(
            topicname=record.name,
            shmsize=record.spec.size_bytes,
            msgsize=record.spec.max_message_bytes,
            overflow=record.spec.overflow,
            unsubscribed=record.spec.unsubscribed,
            lease=record.spec.lease,
            origin=record.origin,
            problem=waiting.reason,
        )


class Topics(BaseModel):
    """Every topic of this broker."""

    topics: list[LiveTopic]
    waiting: list[WaitingTopic]
    budget: Annotated[int, Field(description="bytes that topics may take all together")]
    used: Annotated[int, Field(description="bytes of it that they take now")]


class Health(BaseModel):
    """The broker is well."""

    status: Literal["ok"] = "ok"


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it: which thing, the numbers, the remedy."""

    type: Annotated[str, Field(description="urn:podring:problem:… or about:blank")]
    title: str
    status: int
    detail: Annotated[str, Field(description="a sentence for people")]
    instance: Annotated[str, Field(description="path of the request")]
    field: Annotated[str, Field(description="which field of the request is to blame")] = ""
    known: Annotated[list[str], Field(description="404: some topics that there are")] = []
    existing: Annotated[Topic | None, Field(description="409: the topic that is there")] = None
    origin: Annotated[Origin, Field(description="409: who declared the topic")] = ""
    needed: Annotated[int, Field(description="507: bytes that the topic would take")] = 0
    free: Annotated[int, Field(description="507: bytes that a new topic may take")] = 0
    used: Annotated[int, Field(description="507: bytes that topics take")] = 0
    budget: Annotated[int, Field(description="507: bytes that topics may take in all")] = 0

"""What is asked for: the body of createTopic, and the fields that calls have in common.

Names and sizes are described here and judged in `podring.topic`, so that the broker and the
library cannot disagree about what a topic may be. Sizes come in as bytes or quantities.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from podring.errors import InvalidTopic
from podring.topic import (
    LEASE_MAX_S,
    MESSAGE_MAX,
    ORIGIN_MAX,
    SIZE_MAX,
    TopicSpec,
    check_origin,
)

NAME = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$",
    "example": "camera.front",
}
_QUANTITY = {
    "type": "string",
    "pattern": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$",
    "maxLength": 64,
}


def _size(most: int, example: str) -> WithJsonSchema:
    whole = {"type": "integer", "minimum": 1, "maximum": most}
    return WithJsonSchema({"anyOf": [whole, _QUANTITY], "example": example})


def _origin(least: int) -> WithJsonSchema:
    pattern = f"^[!-~]{{{least},{ORIGIN_MAX}}}$"
    return WithJsonSchema({"type": "string", "pattern": pattern, "example": "sharedmemory/a/b/c"})


TopicName = Annotated[str, WithJsonSchema(NAME)]
Origin = Annotated[str, _origin(0)]


class CreateTopic(BaseModel):
    """What a topic shall be."""

    model_config = ConfigDict(extra="forbid")

    topicname: Annotated[Any, WithJsonSchema(NAME)]
    shmsize: Annotated[
        Any, _size(SIZE_MAX, "64Mi"), Field(description="the ring, reserved now: bytes or quantity")
    ]
    msgsize: Annotated[
        Any, _size(MESSAGE_MAX, "4Mi"), Field(description="longest message, at most shmsize")
    ]
    overflow: Annotated[
        str,
        WithJsonSchema({"type": "string", "enum": ["overwrite", "block"]}),
        Field(strict=True, description="what becomes of a slow subscriber's messages"),
    ] = "overwrite"
    unsubscribed: Annotated[
        str,
        WithJsonSchema({"type": "string", "enum": ["go-on", "keep"]}),
        Field(strict=True, description="block: what publishers do while nobody subscribes"),
    ] = "go-on"
    lease: Annotated[
        Any,
        WithJsonSchema({"type": "number", "minimum": 0, "maximum": LEASE_MAX_S}),
        Field(description="block: seconds that a stuck subscriber is waited for; 0 for ever"),
    ] = 0
    origin: Annotated[
        Any, _origin(1), Field(description="who declares the topic; kept, and asked for nothing")
    ] = None

    def spec(self) -> TopicSpec:
        """The spec. Raises InvalidTopic."""
        return TopicSpec(
            self.shmsize,
            self.msgsize,
            self.overflow,  # type: ignore[arg-type]
            self.unsubscribed,  # type: ignore[arg-type]
            self.lease,
        )

    def declarer(self) -> str:
        """The origin, empty when none was given. Raises InvalidTopic."""
        if "origin" not in self.model_fields_set:
            return ""
        if self.origin == "":
            raise InvalidTopic("origin", "origin is empty: say who declares it, or leave it out")
        return check_origin(self.origin)

"""What a topic is, as values: its name, its spec, and its record.

Everything here is validated when it is made, so whoever holds a `TopicSpec` or a `TopicRecord`
need not check it again. Errors carry the name of the field as the broker's HTTP API and the
`Sharedmemory` resource spell it (`topicname`, `shmsize`, `msgsize`, `overflow`, `origin`).

Nothing here touches shared memory or the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import index
from typing import Any, Literal, SupportsIndex, cast

from podring.errors import InvalidTopic

Overflow = Literal["overwrite", "block"]
Unsubscribed = Literal["go-on", "keep"]

NAME_MAX = 200
ORIGIN_MAX = 253
SIZE_MAX = 256 << 30
"""Largest ring in bytes. Far beyond what a node lends to one topic; keeps typing errors out."""
LEASE_MAX_S = 366 * 86400
MESSAGE_MAX = 1 << 31
"""Longest message in bytes that the layout's 32-bit length is used for."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_ORIGIN = re.compile(r"[!-~]{0,253}", re.ASCII)
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?P<suffix>(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?)",
    re.ASCII,
)
_POWERS = {
    "": (1000, 0),
    **{unit: (1000, power) for power, unit in enumerate("num", start=-3)},
    **{unit: (1000, power) for power, unit in enumerate("kMGTPE", start=1)},
    **{unit + "i": (1024, power) for power, unit in enumerate("KMGTPE", start=1)},
}


def check_name(name: object) -> str:
    """Give back a valid topic name, or raise InvalidTopic with what is wrong about it."""
    if not isinstance(name, str):
        raise InvalidTopic("topicname", f"topicname must be text, not {type(name).__name__}")
    if _NAME.fullmatch(name):
        return name
    shown = name if len(name) <= 40 else name[:40] + "…"
    raise InvalidTopic(
        "topicname",
        f"topicname {shown!r} ({len(name)} characters) is not a topic name: 1 to {NAME_MAX} of "
        "A-Z a-z 0-9 . _ - and first a letter or digit",
    )


def check_spec(spec: object) -> None:
    """Refuse what is no TopicSpec, such as its size alone."""
    if not isinstance(spec, TopicSpec):
        raise TypeError(
            f"a topic is created from a TopicSpec, not {type(spec).__name__}: write "
            "TopicSpec(size='64Mi', max_message='1Mi')"
        )


def check_origin(origin: object) -> str:
    """Give back a valid origin, which may be empty, or raise InvalidTopic."""
    if isinstance(origin, str) and _ORIGIN.fullmatch(origin):
        return origin
    shown = repr(origin)
    raise InvalidTopic(
        "origin",
        f"origin {shown if len(shown) <= 40 else shown[:40] + '…'} cannot be: it is at most "
        f"{ORIGIN_MAX} printable ASCII characters without spaces",
    )


def _require_one_of(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        shown = repr(value)
        raise InvalidTopic(
            field,
            f"{field} {shown if len(shown) <= 40 else shown[:40] + '…'} is not known: "
            f"use {' or '.join(map(repr, known))}",
        )


def parse_quantity(value: object, field: str) -> int:
    """Turn bytes or a Kubernetes quantity into bytes: 65536, "65536", "64Ki", "1.5Gi", "1e6".

    field   named in the error
    raises  InvalidTopic when it is no quantity, or no whole number of bytes
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return index(value)  # of NumPy, too
    if not isinstance(value, str):
        kind = type(value).__name__
        raise InvalidTopic(
            field, f"{field} must be a whole number or a quantity like '64Mi', not {kind}"
        )
    shown = value if len(value) <= 40 else value[:40] + "…"
    match = _QUANTITY.fullmatch(value) if len(value) <= 64 else None
    if match is None:
        raise InvalidTopic(
            field,
            f"{field} {shown!r} is not a quantity: write bytes, or a number with "
            "Ki Mi Gi Ti Pi Ei (powers of 1024) or k M G T P E (powers of 1000)",
        )
    from fractions import Fraction  # late: importing podring must stay cheap

    number, suffix = match["number"], match["suffix"]
    if suffix in _POWERS:
        base, power = _POWERS[suffix]
        exact = Fraction(number) * Fraction(base) ** power
    else:
        exact = Fraction(number + suffix)
    if exact.denominator != 1 or abs(exact) >= 1 << 63:
        raise InvalidTopic(field, f"{field} {shown!r} is not a whole number of bytes below 2^63")
    return int(exact)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic shall be. Sizes may be given as quantities and are bytes from then on.

    size          bytes of the ring; the memory is reserved when the topic is created
    max_message   longest message in bytes, at most `size`
    overflow      "overwrite": a publisher never waits, and a subscriber that falls behind by more
                  than `size` loses the oldest messages and is told exactly how many.
                  "block": publishers wait for the slowest subscriber, and nothing is lost
    unsubscribed  `block` topics, while nobody subscribes: "go-on" overwrites the oldest messages,
                  "keep" fills up and then waits for a subscriber
    lease         `block` topics: seconds for which one subscriber may hold all publishers up
                  without moving before they go on without it; 0 for ever
    """

    size: int | str = "16Mi"
    max_message: int | str = "1Mi"
    overflow: Overflow = "overwrite"
    unsubscribed: Unsubscribed = "go-on"
    lease: float = 0

    def __post_init__(self) -> None:
        size = parse_quantity(self.size, "shmsize")
        max_message = parse_quantity(self.max_message, "msgsize")
        if not 1 <= size <= SIZE_MAX:
            raise InvalidTopic("shmsize", f"shmsize {size} is outside 1 to {SIZE_MAX} bytes")
        if not 1 <= max_message <= MESSAGE_MAX:
            raise InvalidTopic(
                "msgsize", f"msgsize {max_message} is outside 1 to {MESSAGE_MAX} bytes"
            )
        if max_message > size:
            raise InvalidTopic(
                "msgsize",
                f"msgsize {max_message} is above shmsize {size}: one message must fit in the ring",
            )
        self._check_policy()
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "max_message", max_message)

    def _check_policy(self) -> None:
        _require_one_of("overflow", self.overflow, ("overwrite", "block"))
        _require_one_of("unsubscribed", self.unsubscribed, ("go-on", "keep"))
        lease = self.lease
        if isinstance(lease, bool) or not isinstance(lease, int | float):
            kind = type(lease).__name__
            raise InvalidTopic("lease", f"lease must be a number of seconds, not {kind}")
        if not (lease == 0 or 0.001 <= lease <= LEASE_MAX_S):
            raise InvalidTopic(
                "lease", f"lease {lease} is neither 0, for none, nor 0.001 to {LEASE_MAX_S} seconds"
            )
        if self.overflow == "overwrite" and (lease or self.unsubscribed != "go-on"):
            field = "lease" if lease else "unsubscribed"
            raise InvalidTopic(
                field,
                f"{field} means nothing where publishers never wait: ask for overflow 'block' too",
            )
        object.__setattr__(self, "lease", float(lease))

    @property
    def size_bytes(self) -> int:
        """`size`, which is an int after validation, for the type checker."""
        return cast(int, self.size)

    @property
    def max_message_bytes(self) -> int:
        """`max_message`, which is an int after validation, for the type checker."""
        return cast(int, self.max_message)


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A topic that exists: what was asked for, what was given, and where it lies.

    capacity    bytes that the ring really has, at least `spec.size`
    generation  microseconds since 1970 when it was made; tells it from its namesakes
    segment     name of its shared memory, to be understood by `podring.segment` alone
    origin      who declared it, such as a `Sharedmemory` resource; empty when nobody said
    """

    name: str
    spec: TopicSpec
    capacity: int
    generation: int
    segment: str
    origin: str = ""

    def to_json(self) -> dict[str, Any]:
        """The record in the words of the HTTP API and the catalogue."""
        return {
            "topicname": self.name,
            "shmsize": self.spec.size_bytes,
            "msgsize": self.spec.max_message_bytes,
            "overflow": self.spec.overflow,
            "unsubscribed": self.spec.unsubscribed,
            "lease": self.spec.lease,
            "capacity": self.capacity,
            "generation": self.generation,
            "segment": self.segment,
            "origin": self.origin,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TopicRecord:
        """Read what `to_json` wrote, of this release or an older one; unknown keys are ignored.

        raises  InvalidTopic when a field is missing or impossible
        """
        try:
            return cls(
                name=check_name(data["topicname"]),
                spec=TopicSpec(
                    data["shmsize"],
                    data["msgsize"],
                    data["overflow"],
                    data.get("unsubscribed", "go-on"),
                    data.get("lease", 0),
                ),
                capacity=int(data["capacity"]),
                generation=int(data["generation"]),
                segment=str(data["segment"]),
                origin=check_origin(data.get("origin", "")),
            )
        except KeyError as missing:
            field = str(missing.args[0])
            raise InvalidTopic(field, f"a topic's record lacks {field!r}: {data!r}") from None

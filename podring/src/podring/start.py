"""Where a subscriber starts, parsed once from what people write.

"latest"                 what is published from now on
"earliest"               the oldest message that the topic still holds
"last:100"               the newest 100, or as many as there are
42, "sequence:42"        that message; what of it on is gone already counts as lost
"since:30s"              what was published in the last 30 seconds (ms, s, m, h, d)
"since:1763681215.5"     since that many seconds after 1970
"since:2026-11-20T23:00:00Z", a datetime
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Literal, SupportsIndex

from podring.errors import InvalidTopic

if TYPE_CHECKING:
    from datetime import datetime

Where = Literal["latest", "earliest", "last", "sequence", "since"]

_AGE = re.compile(r"([0-9]{1,11}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_NS_MAX = (1 << 64) - 1  # the year 2554: "from then on" is the same as "latest" until then
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_UNIX = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Start:
    """A start position. `value` is a count, a sequence, or nanoseconds since 1970."""

    where: Where
    value: int = 0

    @classmethod
    def parse(cls, start: str | int | datetime) -> Start:
        """Understand any of the forms above.

        raises  InvalidTopic (field `start`) for anything else
        """
        if isinstance(start, SupportsIndex) and not isinstance(start, bool):
            return cls._sequence(index(start), start)
        if isinstance(start, str):
            return cls._from_text(start)
        return cls("since", _nanoseconds(start))

    @classmethod
    def _from_text(cls, text: str) -> Start:
        if text in ("latest", "earliest"):
            return cls("latest" if text == "latest" else "earliest")
        kind, separator, value = text.partition(":")
        if separator and kind == "since":
            return cls("since", _since(value, text))
        if kind in ("last", "sequence") and _NUMBER.fullmatch(value) and int(value) < 1 << 63:
            return cls("last", int(value)) if kind == "last" else cls._sequence(int(value), text)
        raise _refusal(text)

    @classmethod
    def _sequence(cls, number: int, given: object) -> Start:
        if not 1 <= number < 1 << 63:
            raise _refusal(given, "sequences count from 1")
        return cls("sequence", number)


def _since(value: str, text: str) -> int:
    if age := _AGE.fullmatch(value):
        return max(0, time.time_ns() - int(float(age[1]) * _SECONDS[age[2]] * 1e9))
    if _UNIX.fullmatch(value):
        whole, _, fraction = value.partition(".")
        return min(int(whole) * 10**9 + int(fraction.ljust(9, "0")), _NS_MAX)
    from datetime import datetime

    try:
        return _nanoseconds(datetime.fromisoformat(value))
    except ValueError:
        raise _refusal(text) from None


def _nanoseconds(moment: datetime | bool) -> int:
    if isinstance(moment, bool) or not hasattr(moment, "timestamp"):
        # isinstance with datetime would import it for everybody.
        raise _refusal(moment)
    # Through microseconds: a float's seconds since 1970 are exact to a quarter of one only.
    try:
        seconds = int(moment.replace(microsecond=0).timestamp())
    except (ValueError, OverflowError, AttributeError):
        # A local time that no time zone table reaches, or something else with a timestamp.
        raise _refusal(moment) from None
    return min(max(0, seconds * 10**9 + moment.microsecond * 1000), _NS_MAX)


def _refusal(given: object, why: str = "") -> InvalidTopic:
    shown = repr(given) if len(repr(given)) <= 60 else repr(given)[:60] + "…"
    return InvalidTopic(
        "start",
        f"start {shown} is not a position{': ' + why if why else ''}; write latest, earliest, "
        "last:N, sequence:N, since:30s, or since: and an ISO 8601 or Unix time",
    )

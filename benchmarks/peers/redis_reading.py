"""Reading a Redis stream: many entries with one command, given out one by one or in batches."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis


def reader(client: redis.Redis, key: str, field: bytes, count: int) -> Callable[[], list[bytes]]:
    streams: dict[Any, Any] = {key: "0"}

    def read() -> list[bytes]:
        answer: Any = client.xread(streams, count=count, block=0)
        entries = _entries(answer)
        streams[key] = entries[-1][0]
        return [fields[field] for _, fields in entries]

    return read


def _entries(answer: Any) -> Any:
    """Of the one stream that was asked for, in RESP 2 and, by redis-py's pleasure, RESP 3."""
    if isinstance(answer, dict):
        return next(iter(answer.values()))[0]
    return answer[0][1]


def at_most(read: Callable[[], list[bytes]]) -> Callable[[int], Sequence[object]]:
    waiting: deque[bytes] = deque()

    def receive(most: int) -> Sequence[object]:
        if not waiting:
            got = read()
            if len(got) <= most:
                return got
            waiting.extend(got)
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    return receive

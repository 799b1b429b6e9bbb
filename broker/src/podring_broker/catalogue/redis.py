"""A catalogue in Redis, which many nodes may share: every key carries the node's name.

    podring:NODE:topics   hash: topic name → record as JSON
    podring:NODE:node     set once this node has used the catalogue

Only topics' creation and deletion come here, so nothing is pooled and little is retried: one
second for an answer, one more try on a fresh connection, because the old one may just be stale.
Coming back to a Redis that was away is the janitor's patience, not this module's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from podring.topic import TopicRecord
from podring_broker.catalogue.protocol import CatalogueUnreachable, decode_all, encode

Text = bytes | bytearray | memoryview | str | int | float
"""What redis-py calls a key or a value; its parameters are invariant."""

TIMEOUT_S = 1.0
"""For connecting and for each answer, each of the two times."""


class RedisCatalogue:
    """Records in the Redis at `url` (what redis-py takes); `shown` is how errors name it."""

    def __init__(self, url: str, node: str, shown: str) -> None:
        """Prepare; the first call connects.

        raises  ValueError when the URL is none of Redis
        """
        self._shown = shown
        self._topics, self._node = f"podring:{node}:topics", f"podring:{node}:node"
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            encoding_errors="replace",
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(ConstantBackoff(0.05), retries=1),
        )
        try:
            # An option that redis-py does not know shows only here.
            self._redis.connection_pool.make_connection()
        except (TypeError, redis.RedisError) as error:
            raise ValueError(f"{shown} has an option that redis-py refuses: {error}") from None

    def load(self) -> dict[str, TopicRecord] | None:
        with self._errors(), self._redis.pipeline() as both:
            both.exists(self._node)
            both.hgetall(self._topics)
            known, rows = both.execute()
        return decode_all(rows.items()) if known else None

    def put(self, records: Iterable[TopicRecord]) -> None:
        rows: dict[Text, Text] = {record.name: encode(record) for record in records}
        with self._errors(), self._redis.pipeline() as both:
            both.set(self._node, "1")
            if rows:
                both.hset(self._topics, mapping=rows)
            both.execute()

    def delete(self, name: str) -> None:
        with self._errors():
            self._redis.hdel(self._topics, name)

    def close(self) -> None:
        self._redis.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            # redis-py's sentences name hosts and paths, and never credentials.
            refuses = isinstance(error, (redis.ResponseError, redis.AuthenticationError))
            what = "refuses" if refuses else "does not answer"
            raise CatalogueUnreachable(f"catalogue {self._shown} {what}: {error}") from None

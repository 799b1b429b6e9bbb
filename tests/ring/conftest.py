"""A topic of one's own for each test, and whoever is on it closed before it is deleted."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from podring import Publisher, Subscriber, TopicNotFound, TopicSpec, create_topic, delete_topic

SPEC = TopicSpec("1Mi", "64Ki")


class Topic:
    """A topic's name, and openers that need nothing else."""

    def __init__(self, closing: contextlib.ExitStack) -> None:
        self.name = f"test-{secrets.token_hex(6)}"
        self._closing = closing

    def create(self, spec: TopicSpec = SPEC) -> None:
        create_topic(self.name, spec, broker="local")

    def delete(self) -> None:
        delete_topic(self.name, broker="local")

    def publisher(self, spec: TopicSpec | None = SPEC, **options: Any) -> Publisher:
        opened = Publisher(self.name, broker="local", create=spec, **options)
        self._closing.callback(opened.close)
        return opened

    def subscriber(self, spec: TopicSpec | None = SPEC, **options: Any) -> Subscriber:
        opened = Subscriber(self.name, broker="local", create=spec, **options)
        self._closing.callback(opened.close)
        return opened


@pytest.fixture
def topic() -> Iterator[Topic]:
    with contextlib.ExitStack() as closing:
        made = Topic(closing)
        yield made
    with contextlib.suppress(TopicNotFound):
        made.delete()

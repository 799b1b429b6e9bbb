"""A topic of one's own for each test, in shared memory alone, and nothing left behind."""

from __future__ import annotations

import contextlib
import secrets
import signal
from collections.abc import Iterator

import pytest

from podring.errors import TopicNotFound
from podring.local import LocalBroker
from podring.topic import TopicSpec


@pytest.fixture
def name() -> Iterator[str]:
    """A topic name that no other test uses; the topic is deleted afterwards if there is one."""
    made = f"test-{secrets.token_hex(6)}"
    yield made
    with contextlib.suppress(TopicNotFound):
        LocalBroker().delete(made)


@pytest.fixture
def topic(name: str) -> str:
    """A topic of 4 MiB with messages up to 64 KiB."""
    LocalBroker().create(name, TopicSpec("4Mi", "64Ki"))
    return name


@pytest.fixture(autouse=True)
def children_hear_ctrl_c() -> Iterator[None]:
    """A test run in the background ignores SIGINT, and its children would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

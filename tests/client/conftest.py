"""A topic name of one's own for each test, and nothing left behind."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest

from podring.errors import TopicNotFound
from podring.local import LocalBroker


@pytest.fixture
def name() -> Iterator[str]:
    """A name that no other test uses; its local topic is deleted afterwards."""
    made = f"test-{secrets.token_hex(6)}"
    yield made
    with contextlib.suppress(TopicNotFound):
        LocalBroker().delete(made)

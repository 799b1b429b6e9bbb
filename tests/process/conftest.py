"""The same topics as the ring's own tests."""

from tests.ring.conftest import topic

__all__ = ["topic"]

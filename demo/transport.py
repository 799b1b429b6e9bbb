"""What both transports can do, so that the rest of the demo treats them alike.

A message without bytes ends a slice: the input has none such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from demo.messages import Received, Setup
from podring.cli.framing import Payload


class Outlet(Protocol):
    """A publisher's end."""

    def send(self, message: Payload) -> None:
        """Send one message to every subscriber, at once."""

    def send_many(self, messages: Sequence[Payload]) -> None:
        """Send many, as fast as the subscribers can take them."""

    def close(self) -> None:
        """Let go."""


class Inlet(Protocol):
    """A subscriber's end."""

    @property
    def lost(self) -> int:
        """Messages that it was told it lost."""

    @property
    def lag(self) -> int | None:
        """Messages that are there and not received yet; None: nobody can know."""

    def receive(self) -> tuple[Received, int]:
        """Wait for the next message: its bytes, and when it was sent (nanoseconds since 1970)."""

    def receive_many(self) -> tuple[Sequence[Received], int]:
        """Wait for messages and take what is there: them, and when the first of them was sent."""

    def close(self) -> None:
        """Let go."""


def open_outlet(setup: Setup) -> Outlet:
    """A publisher's end, with whatever must be there before subscribers can come."""
    if setup.transport == "podring":
        from demo.shared_memory import PodringOutlet

        return PodringOutlet(setup)
    from demo.tcp import TcpOutlet

    return TcpOutlet()


def open_inlet(setup: Setup) -> Inlet:
    """A subscriber's end."""
    if setup.transport == "podring":
        from demo.shared_memory import PodringInlet

        return PodringInlet(setup)
    from demo.tcp import TcpInlet

    return TcpInlet(setup)

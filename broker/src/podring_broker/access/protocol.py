"""What an authenticator is: it turns a token into a caller, or says that it cannot tell now."""

from __future__ import annotations

from typing import Protocol

from podring.errors import PodringError
from podring_broker.access.rights import Caller


class AccessUnknown(PodringError):
    """Nobody can say now whom a token belongs to. The message says why, and holds no secret."""


class Authenticator(Protocol):
    """Calls come from several threads at once."""

    def authenticate(self, token: str) -> Caller | None:
        """The caller that a token belongs to; None when it belongs to nobody.

        raises  AccessUnknown, after a few seconds at most
        """

    def recall(self, token: str) -> Caller | None:
        """The same at once, without asking anybody; None also when that takes asking."""

"""What a caller may do, topic by topic.

    create     make topics               publish    find a topic in order to publish
    delete     delete them               subscribe  find a topic in order to subscribe

A grant gives rights on the topics whose names match a pattern, in which `*` stands for any number
of characters, dots too: `publish,subscribe:camera.*`. Whoever has any right on a topic may see it
in lists. Rights on the memory itself are the kernel's, and are not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from podring.errors import PodringError

RIGHTS = ("create", "delete", "publish", "subscribe")
_PATTERN = re.compile(r"[A-Za-z0-9._*-]{1,200}", re.ASCII)
_WORD = re.compile(r"[a-z]{1,20}", re.ASCII)


class Forbidden(PodringError):
    """A caller has no right to do this. The message says who, what, and what it may do."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Some rights on the topics of a pattern."""

    rights: frozenset[str]
    pattern: str

    def __str__(self) -> str:
        named = "all" if self.rights == frozenset(RIGHTS) else ",".join(sorted(self.rights))
        return f"{named}:{self.pattern}"

    def covers(self, topic: str) -> bool:
        return fnmatchcase(topic, self.pattern)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known by name, with what they were granted."""

    name: str
    grants: tuple[Grant, ...]

    def may(self, topic: str, *rights: str) -> bool:
        """Whether one of `rights` on a topic was granted."""
        return any(grant.rights & set(rights) and grant.covers(topic) for grant in self.grants)

    def sees(self, topic: str) -> bool:
        """Whether a topic is shown in lists."""
        return any(grant.covers(topic) for grant in self.grants)

    def require(self, topic: str, *rights: str) -> None:
        """Let pass who has one of `rights` on a topic; else raise Forbidden."""
        if self.may(topic, *rights):
            return
        granted = " ".join(map(str, self.grants)) or "nothing"
        raise Forbidden(
            f"{self.name!r} may not {' or '.join(rights)} topic {topic!r}: it was granted "
            f"{granted}; ask whoever runs the broker"
        )


ANYONE = Caller("", (Grant(frozenset(RIGHTS), "*"),))
"""Whoever reaches a broker that asks nobody."""


def parse_grant(text: str) -> Grant:
    """Read RIGHT[,RIGHT…]:PATTERN; `all` is every right.

    raises  ValueError, with words of `text` only where they cannot be a token
    """
    named, colon, pattern = text.partition(":")
    words = named.split(",")
    if not colon:
        raise ValueError("a grant is RIGHT[,RIGHT…]:PATTERN, such as publish,subscribe:camera.*")
    for word in words:
        if word != "all" and word not in RIGHTS:
            shown = repr(word) if _WORD.fullmatch(word) else "something"
            raise ValueError(f"{shown} is no right: they are {', '.join(RIGHTS)}, and all")
    if not _PATTERN.fullmatch(pattern):
        raise ValueError("a pattern is 1 to 200 of A-Z a-z 0-9 . _ - and * for any characters")
    return Grant(frozenset(RIGHTS) if "all" in words else frozenset(words), pattern)

"""Tokens from a file: who has them, and what each may do.

    # who         the token's hash    what it may do, and where
    camera-team   sha256:9f86d0…      publish,subscribe:camera.*  create:camera.tmp.*

A line a token; several lines may name the same caller, which is how a token is replaced without a
gap. The hash is a plain SHA-256 and not a slow one: slowness protects passwords that can be
guessed, and nobody guesses 256 random bits. For the same reason a table is enough to look one up.

The file is read again when it has changed. A broker does not start with a broken line; in one that
runs, such a line counts for nothing and is named in the log, so that what the other lines say
holds at once, above all that a token is gone. A broken line may well hold a token that somebody
pasted into the wrong place, so nothing is repeated of it but its number and its caller's name.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from podring_broker.access.protocol import AccessUnknown
from podring_broker.access.rights import Caller, parse_grant
from podring_broker.settings import BadSetting

TOKEN_PREFIX = "podring_"  # how secret scanners know one
FILE_MAX = 8 << 20

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]{0,99}", re.ASCII)
_HASH = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def hash_of(token: str) -> str:
    """A token's hash, as the file spells it."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def check_caller_name(name: str) -> str:
    """Give back a valid name, or raise ValueError, which does not repeat what may be a token."""
    if _NAME.fullmatch(name) and not name.startswith((TOKEN_PREFIX, "sha256:")):
        return name
    raise ValueError(
        "the caller's name is 1 to 100 of A-Z a-z 0-9 . _ @ : / - and first a letter or digit"
    )


def parse_line(line: str) -> tuple[str, Caller] | None:
    """A token's hash and its caller; None for a blank line or a comment. Raises ValueError."""
    parts = line.split()
    if not parts or parts[0].startswith("#"):
        return None
    name = check_caller_name(parts[0])
    if len(parts) < 3:
        raise ValueError("a line is NAME sha256:HASH RIGHTS:PATTERN [RIGHTS:PATTERN…]")
    if not _HASH.fullmatch(parts[1]):
        raise ValueError(
            "the second word is sha256: and 64 hexadecimal digits, as `podring-broker token` "
            "prints it, and never the token itself"
        )
    return parts[1], Caller(name, tuple(map(parse_grant, parts[2:])))


class TokenFile:
    """The tokens in the file at `path`, always as it is now."""

    def __init__(self, path: str) -> None:
        """Read the file. Raises BadSetting when it cannot be read, or a line of it is broken."""
        self._path = path
        self._lock = threading.Lock()
        self._callers: dict[str, Caller] = {}
        self._stamp: tuple[int, ...] = ()
        try:
            self._read(self._refuse_to_start)
        except AccessUnknown as error:
            raise BadSetting("--tokens", str(error)) from None

    def authenticate(self, token: str) -> Caller | None:
        with self._lock:
            self._read(self._warn)
            return self._callers.get(hash_of(token))

    recall = authenticate

    def _read(self, broken: Callable[[int, str, str], None]) -> None:
        """Read the file if it has changed; `broken` is told of each line that is."""
        try:
            found = os.stat(self._path)
            stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            if not stat.S_ISREG(found.st_mode):  # reading a pipe could take for ever
                raise AccessUnknown(f"{self._path} is no regular file")
            if found.st_mode & stat.S_IWOTH:
                raise AccessUnknown(f"{self._path} can be written by everybody: chmod o-w it")
            if found.st_size > FILE_MAX:
                raise AccessUnknown(f"{self._path} has more than {FILE_MAX} bytes")
            text = Path(self._path).read_text("utf-8", "replace")
        except OSError as error:
            self._stamp = ()
            raise AccessUnknown(f"{self._path} cannot be read: {error.strerror}") from None
        self._callers = dict(_callers(text, broken))
        if self._stamp:
            log.info("tokens.read", file=self._path, tokens=len(self._callers))
        self._stamp = stamp

    def _refuse_to_start(self, number: int, name: str, why: str) -> None:
        raise BadSetting("--tokens", f"{self._path}, line {number}{name}: {why}")

    def _warn(self, number: int, name: str, why: str) -> None:
        log.error("tokens.line_refused", file=self._path, line=f"{number}{name}", why=why)


def _callers(text: str, broken: Callable[[int, str, str], None]) -> Iterator[tuple[str, Caller]]:
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entry = parse_line(line)
            if entry is not None and entry[0] in seen:
                raise ValueError("the same token stands on an earlier line")
        except ValueError as error:
            broken(number, _named(line), str(error))
            continue
        if entry is not None:
            seen.add(entry[0])
            yield entry


def _named(line: str) -> str:
    """A broken line's caller, where that can be told without telling a secret."""
    try:
        return f" ({check_caller_name(line.split(maxsplit=1)[0])})"
    except ValueError:
        return ""

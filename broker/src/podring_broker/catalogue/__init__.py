"""Where topics are recorded, chosen by URL; see `protocol` for what a catalogue promises.

    memory:                    forgotten with the broker
    sqlite:///PATH             a file at the absolute /PATH
    redis://HOST:PORT/N        a Redis on TCP; rediss:// for TLS
    unix:///PATH.sock?db=N     a Redis on a Unix socket

Only the store that is asked for is imported.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

from podring_broker.catalogue.protocol import Catalogue, CatalogueUnreachable

__all__ = ["Catalogue", "CatalogueUnreachable", "check_url", "identity", "open_catalogue"]

_DATABASE = re.compile(r"/?|/[0-9]{1,9}", re.ASCII)
_SOCKET = re.compile(r"/.*[^/]")
_KNOWN = "write memory:, sqlite:///PATH, redis://HOST:PORT/N or unix:///PATH.sock?db=N"


def check_url(url: str) -> str:
    """Give back the URL of a catalogue. Whether it is there is found out by opening it.

    raises  ValueError with a sentence that holds nothing of what may be a password
    """
    try:
        parts = urlsplit(url)
        may_be = url.isprintable() and (url == "memory:" or _may_be(url, parts))
    except ValueError:  # a port or an IPv6 address that is none
        may_be = False
    if not may_be:
        shown = repr(url) if not set("@?#") & set(url) else repr(url[: url.find(":") + 1] + "…")
        raise ValueError(f"{shown} is no catalogue: {_KNOWN}; in a password @ / ? # are %40 %2F …")
    return url


def _may_be(url: str, parts: SplitResult) -> bool:
    if url.startswith("sqlite:///"):
        return not url.endswith("/")
    # An unencoded password ends the place early, and would be taken for a port or a database.
    if parts.fragment or "@" in parts.path + parts.query:
        return False
    if url.startswith(("redis://", "rediss://")):
        return parts.port != 0 and _DATABASE.fullmatch(parts.path) is not None
    return url.startswith("unix://") and _SOCKET.fullmatch(parts.path) is not None


def open_catalogue(url: str, node: str) -> Catalogue:
    """The catalogue at `url` for the records of `node`. A Redis need not be there yet.

    raises  ValueError when it is no such URL; CatalogueUnreachable when a file cannot be opened
    """
    if check_url(url) == "memory:":
        from podring_broker.catalogue.memory import MemoryCatalogue

        return MemoryCatalogue()
    if url.startswith("sqlite:"):
        from podring_broker.catalogue.sqlite import SqliteCatalogue

        return SqliteCatalogue(url.removeprefix("sqlite://"), node)
    try:
        from podring_broker.catalogue.redis import RedisCatalogue
    except ModuleNotFoundError:
        raise ValueError(f"{identity(url)} needs redis-py: install podring-broker[redis]") from None
    return RedisCatalogue(url, node, identity(url))


def identity(url: str) -> str:
    """A checked URL without credentials and options: which catalogue it is, fit to be shown."""
    parts = urlsplit(url)
    if parts.scheme in ("memory", "sqlite"):
        return url
    place = parts.netloc.rpartition("@")[2]
    database = parse_qs(parts.query).get("db", [""])[0]
    return f"{parts.scheme}://{place}{parts.path}" + (f"?db={database}" if database else "")

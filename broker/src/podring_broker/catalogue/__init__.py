"""Where topics are recorded, chosen by URL; see `protocol` for what a catalogue promises.

    memory:                    forgotten with the broker
    sqlite:///PATH             a file at the absolute /PATH
    redis://HOST:PORT/N        a Redis on TCP; rediss:// for TLS
    unix:///PATH.sock?db=N     a Redis on a Unix socket

Only the store that is asked for is imported.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from podring_broker.catalogue.protocol import Catalogue, CatalogueUnreachable

__all__ = ["Catalogue", "CatalogueUnreachable", "identity", "open_catalogue"]

_REDIS = ("redis", "rediss", "unix")


def open_catalogue(url: str, node: str) -> Catalogue:
    """The catalogue at `url` for the records of `node`. A Redis need not be there yet.

    raises  ValueError when it is no such URL; CatalogueUnreachable when a file cannot be opened
    """
    scheme = urlsplit(url).scheme
    if url == "memory:":
        from podring_broker.catalogue.memory import MemoryCatalogue

        return MemoryCatalogue()
    if url.startswith("sqlite:///") and not url.endswith("/"):
        from podring_broker.catalogue.sqlite import SqliteCatalogue

        return SqliteCatalogue(url.removeprefix("sqlite://"), node)
    if scheme in _REDIS:
        try:
            from podring_broker.catalogue.redis import RedisCatalogue
        except ModuleNotFoundError:
            raise ValueError(
                f"{identity(url)} needs redis-py: install podring-broker[redis]"
            ) from None
        return RedisCatalogue(url, node, identity(url))
    raise ValueError(
        f"{identity(url)!r} is no catalogue: write memory:, sqlite:///PATH, redis://HOST:PORT/N "
        "or unix:///PATH.sock?db=N"
    )


def identity(url: str) -> str:
    """A catalogue's URL without credentials and options: which one it is, fit to be shown."""
    parts = urlsplit(url)
    if parts.scheme in ("memory", "sqlite"):
        return url
    place = parts.netloc.rpartition("@")[2]
    database = parse_qs(parts.query).get("db", [""])[0]
    return f"{parts.scheme}://{place}{parts.path}" + (f"?db={database}" if database else "")

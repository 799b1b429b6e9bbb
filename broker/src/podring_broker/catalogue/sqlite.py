"""A catalogue in one SQLite file on the node: the default, no server needed.

Every write is a transaction that is on the disk when it returns (synchronous=FULL, SQLite's own
journal). The file holds the node's name with each record, so that moving it to another machine
does not make topics there by accident.

A file that was removed or replaced is opened anew, or made: records written to one that nobody can
find any more would be lost with the next reboot. The broker fills it again from its topics.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator

from podring.topic import TopicRecord
from podring_broker.catalogue.protocol import CatalogueUnreachable, decode_all, encode

_SCHEMA = """
CREATE TABLE IF NOT EXISTS nodes (node TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (
    node TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (node, name)
) WITHOUT ROWID;
"""
_TIMEOUT_S = 2.0
"""How long another process may keep the file locked."""


class SqliteCatalogue:
    """Records in the SQLite file at `path`. Folders above it are made, readable to us alone."""

    def __init__(self, path: str, node: str) -> None:
        self._path, self._node = path, node
        self._open: tuple[sqlite3.Connection, os.stat_result] | None = None
        with self._errors():
            self._connect()

    def load(self) -> dict[str, TopicRecord] | None:
        with self._transaction() as run:
            if not run("SELECT 1 FROM nodes WHERE node=?", (self._node,)).fetchone():
                return None
            rows = run("SELECT name, record FROM topics WHERE node=?", (self._node,)).fetchall()
        return decode_all(rows)

    def put(self, records: Iterable[TopicRecord]) -> None:
        with self._transaction() as run:
            run("INSERT OR IGNORE INTO nodes VALUES (?)", (self._node,))
            for record in records:
                run(
                    "INSERT OR REPLACE INTO topics VALUES (?, ?, ?)",
                    (self._node, record.name, encode(record)),
                )

    def delete(self, name: str) -> None:
        with self._transaction() as run:
            run("DELETE FROM topics WHERE node=? AND name=?", (self._node, name))

    def close(self) -> None:
        if self._open is not None:
            connection, _ = self._open
            self._open = None
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        """The connection to the file that is there now."""
        with contextlib.suppress(FileNotFoundError):
            if self._open is not None and os.path.samestat(self._open[1], os.stat(self._path)):
                return self._open[0]
        self.close()
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        connection = sqlite3.connect(
            self._path, timeout=_TIMEOUT_S, check_same_thread=False, isolation_level=None
        )
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
            self._open = connection, os.stat(self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        with self._errors():
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                # A failed COMMIT may have ended the transaction by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CatalogueUnreachable(f"catalogue {self._path} cannot be used: {error}") from None

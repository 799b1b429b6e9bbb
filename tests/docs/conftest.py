"""A node of their own for the pages: a broker for the commands, an own corner of memory for Python.

A page may say `PODRING_BROKER=local` or `http://127.0.0.1:7070`; in the tests neither is what
everybody else on this machine uses.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring import local
from podring_broker.__main__ import owner_of
from tests.broker.harness import Broker, clean

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    started = Broker(tmp_path_factory.mktemp("broker"), f"docs-{os.getpid()}", "memory:").start()
    yield started
    started.close()
    clean(started.owner)


@pytest.fixture(scope="session")
def replaced(broker: Broker) -> Iterator[dict[str, str]]:
    """What a page may say, and what stands for it here: this machine is not the test's own."""
    node = f"doc-example-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    yield {"http://127.0.0.1:7070": broker.address, "7071": port, "doc-example": node}
    clean(owner_of(node, "memory:"))


@pytest.fixture
def corner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Without a broker, under an owner that nobody else has, in a folder that is empty."""
    owner = f"docs{os.getpid()}"
    monkeypatch.setattr(local, "OWNER", owner)
    monkeypatch.setenv("PODRING_BROKER", "local")
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    gc.collect()  # what a page forgot to close is told of now, and not in somebody else's test
    clean(owner)

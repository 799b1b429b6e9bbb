"""The registry of peers, where something is missing: it is left out by name."""

from __future__ import annotations

import importlib

import pytest

from benchmarks import peers
from benchmarks.peers import server


def test_a_missing_server_is_said_with_its_remedy() -> None:
    with pytest.raises(FileNotFoundError, match="no no-such-server: `scripts/components benchm"):
        server.find("no-such-server")


def test_a_peer_without_its_server_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    redis = importlib.import_module("benchmarks.peers.redis")
    redis.version.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(server, "_SBIN", "/nowhere")
    with pytest.raises(FileNotFoundError, match="no redis-server"):
        peers.load("redis")


def test_every_module_of_the_registry_exists_and_its_names_are_unique() -> None:
    found = [
        peer
        for name in peers.MODULES
        for peer in importlib.import_module(f"benchmarks.peers.{name}").PEERS
    ]
    names = [peer.traits.name for peer in found]
    assert len(set(names)) == len(names) >= len(peers.MODULES)

"""Which broker is meant: by argument, by environment, by what the node has."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from podring import client
from podring.client import broker_at


@pytest.fixture(autouse=True)
def bare_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No environment variable, and no socket where the node's would be."""
    monkeypatch.delenv("PODRING_BROKER", raising=False)
    monkeypatch.setattr(client, "NODE_SOCKET", str(tmp_path / "broker.sock"))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("local", "local"),
        ("http://127.0.0.1:7070", "http://127.0.0.1:7070"),
        ("http://broker.podring.svc:80/", "http://broker.podring.svc:80"),
        ("http://[::1]:7070", "http://[::1]:7070"),
        ("unix:///run/podring/broker.sock", "unix:///run/podring/broker.sock"),
    ],
)
def test_an_address_names_a_broker_without_contacting_it(given: str, address: str) -> None:
    assert broker_at(given).address == address


@pytest.mark.parametrize(
    "given",
    [
        "",
        "LOCAL",
        "127.0.0.1:7070",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "https://127.0.0.1:7070",
        "http://127.0.0.1:7070/path",
        "http://user@127.0.0.1:7070",
        "http://127.0.0.1:7070\r\nX: y",
        "http://a..b:7070",
        "http://" + "a" * 64 + ":7070",
        "unix://relative",
        "unix:///nul\0",
        "redis://127.0.0.1",
    ],
)
def test_anything_else_is_refused_with_the_forms_that_there_are(given: str) -> None:
    with pytest.raises(ValueError, match=r"write http://HOST:PORT, unix:///PATH or local"):
        broker_at(given)


def test_an_address_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="address is text, not int"):
        broker_at(7070)  # type: ignore[arg-type]


def test_the_environment_is_asked_when_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODRING_BROKER", "local")
    assert broker_at().address == "local"
    assert broker_at("http://127.0.0.1:1").address == "http://127.0.0.1:1"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODRING_BROKER", "")
    assert broker_at().address == "http://127.0.0.1:7070"


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODRING_BROKER", "node7")
    with pytest.raises(ValueError, match=r"^PODRING_BROKER 'node7'"):
        broker_at()


def test_the_nodes_socket_comes_before_tcp(bare_node: Path) -> None:
    assert broker_at().address == "http://127.0.0.1:7070"
    path = bare_node / "broker.sock"
    path.touch()  # no socket: something else's file
    assert broker_at().address == "http://127.0.0.1:7070"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert broker_at().address == f"unix://{path}"

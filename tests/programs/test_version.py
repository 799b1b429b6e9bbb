"""--version: every program says which release it is, and ends well."""

from __future__ import annotations

import sys

import pytest

import podring
from tests.programs.running import PODRING, PUBLISHER, SUBSCRIBER, run

BROKER = (sys.executable, "-m", "podring_broker")
CONTROLLER = (sys.executable, "-m", "podring_controller")


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (PODRING, "podring"),
        (PUBLISHER, "podring-publisher"),
        (SUBSCRIBER, "podring-subscriber"),
        (BROKER, "podring-broker"),
        (CONTROLLER, "podring-controller"),
    ],
)
def test_a_program_tells_its_version(program: tuple[str, ...], name: str) -> None:
    done = run(*program, "--version")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{name} {podring.__version__}\n"

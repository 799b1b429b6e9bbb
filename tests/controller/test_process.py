"""What ends the controller before it begins is one line that names the thing, not a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.kubernetes.support.tools import podring_program

CONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "users": [{"name": "u", "user": {}}],
    "current-context": "c",
}


def ended(config: Path, health: str = "none") -> tuple[int, dict[str, str]]:
    """The exit code, and the one line that it logs."""
    gone = {"KUBERNETES_SERVICE_HOST"}
    environment = {name: value for name, value in os.environ.items() if name not in gone}
    done = subprocess.run(
        [podring_program("podring-controller"), f"--health={health}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment | {"KUBECONFIG": str(config)},
    )
    (line,) = done.stderr.splitlines()
    return done.returncode, json.loads(line)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No configuration found"),
        ("", "is empty"),
        ("a: [b", "while parsing a flow sequence"),
        ("hello", ""),
        ("[1, 2]", ""),
        ("clusters: 3", ""),
        (json.dumps(CONFIG | {"current-context": "d"}), "d"),
        (json.dumps(CONFIG | {"contexts": [{"name": "c"}]}), "context"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, text: str | None, why: str
) -> None:
    config = tmp_path / "kubeconfig"
    if text is not None:
        config.write_text(text)
    code, line = ended(config)
    assert (code, line["event"], line["level"]) == (1, "controller.failed", "error")
    assert line["why"].startswith(f"KUBECONFIG {config} does not say which API server to ask: ")
    assert why in line["why"]


def test_a_port_for_probes_that_is_taken_is_named(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(CONFIG))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, line = ended(config, address)
    assert code == 1
    assert line["why"] == f"--health: cannot listen on {address}: Address already in use"


def test_an_address_for_probes_that_does_not_exist_is_named(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(CONFIG))
    code, line = ended(config, "192.0.2.1:80")
    assert code == 1
    assert line["why"].startswith("--health: cannot listen on 192.0.2.1:80: Cannot assign")

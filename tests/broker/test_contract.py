"""schemathesis against our own OpenAPI description: no 5xx, nothing that is not described."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker.asking import Keys
from tests.broker.conftest import MakeBroker
from tests.broker.harness import Broker

CONFIG = """
[checks.positive_data_acceptance]
# A schema cannot say that msgsize is at most shmsize, or that a topic must fit into the budget.
expected-statuses = ["2xx", "404", "409", "422", "507"]
"""


def check(broker: Broker, folder: Path, *more: str) -> None:
    """Run all checks against a broker; whatever they find fails the test."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(folder / "schemathesis.toml")),
            *("run", f"{broker.address}/openapi.json", "--checks", "all", "--no-color"),
            *("--request-timeout", "10", "--seed", "1"),
            *("--generation-database", "none", "--warnings", "off", *more),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "10 selected / 10 total" in result.stdout
    assert broker.events("request.failed") == []
    assert broker.events("janitor.failed") == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_schemathesis_finds_no_server_error_and_no_undocumented_answer(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    broker = make_broker("--budget", "64Mi", "--max-rate", "0", catalogue="memory:").start()
    broker.create("camera.front")  # the examples' topic
    check(broker, tmp_path, "--max-examples", "80")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_schemathesis_gets_past_no_call_without_a_token(
    make_broker: MakeBroker, keys: Keys, tmp_path: Path
) -> None:
    settings = ["--authenticate", "tokens", "--tokens", str(keys.file), "--budget", "64Mi"]
    broker = make_broker(*settings, "--max-rate", "0", catalogue="memory:").start()
    token = f"Authorization: Bearer {keys.tokens['ops']}"
    check(broker, tmp_path, "--max-examples", "10", "--header", token)
    assert broker.events("caller.refused")
    assert keys.tokens["ops"] not in broker.log.read_text()

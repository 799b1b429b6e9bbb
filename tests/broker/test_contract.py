"""schemathesis against our own OpenAPI description: no 5xx, nothing that is not described."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker.conftest import MakeBroker

CONFIG = """
[checks.positive_data_acceptance]
# A schema cannot say that msgsize is at most shmsize, or that a topic must fit into the budget.
expected-statuses = ["2xx", "404", "409", "422", "507"]
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_schemathesis_finds_no_server_error_and_no_undocumented_answer(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    broker = make_broker("--budget", "64Mi", "--max-rate", "0", catalogue="memory:").start()
    broker.create("camera.front")  # the examples' topic
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(tmp_path / "schemathesis.toml")),
            *("run", f"{broker.address}/openapi.json", "--checks", "all", "--no-color"),
            *("--max-examples", "80", "--request-timeout", "10", "--seed", "1"),
            *("--generation-database", "none", "--warnings", "off"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "10 selected / 10 total" in result.stdout
    assert broker.events("request.failed") == []
    assert broker.events("janitor.failed") == []

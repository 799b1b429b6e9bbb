"""A test whose component is missing says so: as a skip at a desk, as a failure in CI."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest
from tests.support.components import require

@pytest.fixture
def server():
    return require("no-such-server")

def test_in_its_body():
    require("no-such-server")

def test_in_its_fixture(server):
    pass

@pytest.mark.skipif(True, reason="missing component no-such-device")
def test_by_its_mark():
    pass

@pytest.mark.skip(reason="not today")
def test_skipped_for_another_reason():
    pass
"""


def run(tests: str, folder: Path, *, ci: bool) -> str:
    (folder / "test_example.py").write_text(tests)
    (folder / "conftest.py").write_text("from tests.conftest import *")
    environment = {**os.environ, "CI": "true" if ci else ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    command += ["-c", str(ROOT / "pyproject.toml"), str(folder)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    return result.stdout


def test_at_a_desk_it_is_skipped_and_named(tmp_path: Path) -> None:
    output = run(TESTS, tmp_path, ci=False)
    assert "4 skipped" in output
    assert "missing component no-such-server" in output


def test_in_ci_it_fails_and_is_named(tmp_path: Path) -> None:
    output = run(TESTS, tmp_path, ci=True)
    assert "1 skipped" in output
    assert output.count("missing component no-such-server") >= 2
    assert "missing component no-such-device" in output
    # pytest calls a failure before the test's body an error.
    assert "1 failed, 1 skipped, 2 errors" in output


def test_a_module_that_asks_while_it_is_imported_counts_too(tmp_path: Path) -> None:
    module = 'from tests.support.components import require\nrequire("no-such-server")\n'
    assert "1 skipped" in run(module, tmp_path, ci=False)
    output = run(module, tmp_path, ci=True)
    assert "1 error" in output
    assert "missing component no-such-server" in output

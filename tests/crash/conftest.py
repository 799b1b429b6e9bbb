"""How many kill points were tried, shown at the end of the run."""

from __future__ import annotations

import pytest

TABLE = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(TABLE, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(TABLE, [])
    if not lines:
        return
    terminalreporter.section("killed by single-stepping")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture
def table(pytestconfig: pytest.Config) -> list[str]:
    """Lines to show at the end."""
    return pytestconfig.stash.setdefault(TABLE, [])

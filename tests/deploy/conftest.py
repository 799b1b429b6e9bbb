"""What needs kubectl or helm runs with the cluster tests, for which they are built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.manifests import FILES

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and needs_tools(item):
            item.add_marker(pytest.mark.kubernetes)


def needs_tools(item: pytest.Item) -> bool:
    """Some files are read as they are; the rest of deploy/ is built first."""
    if item.path.name == "test_chart.py":
        return True
    call = getattr(item, "callspec", None)
    if call is not None and "which" in call.params:
        return call.params["which"] not in FILES
    return "overlay" in item.name or item.name.startswith("test_the_broker_asks")

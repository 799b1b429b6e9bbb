"""What needs kubectl or helm runs with the cluster tests, for which they are built."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and needs_tools(item):
            item.add_marker(pytest.mark.kubernetes)


def needs_tools(item: pytest.Item) -> bool:
    """Only the files at the root are read as they are; what is below deploy/ is built first."""
    if item.path.name == "test_chart.py":
        return True
    call = getattr(item, "callspec", None)
    if call is not None and "which" in call.params:
        return bool(call.params["which"] != "root")
    return "overlay" in item.name

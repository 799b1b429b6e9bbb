"""docs/controller.md says what the code says: settings, fields, and words of a status."""

import re
from pathlib import Path

from podring_controller.settings import OPTIONS
from tests.kubernetes.support.tools import ROOT

PAGE = (ROOT / "docs" / "controller.md").read_text()
SOURCES = Path(ROOT / "controller" / "src" / "podring_controller")


def test_every_setting_is_on_the_page_with_its_default() -> None:
    for option in OPTIONS:
        assert f"| `{option.flag}` | `{option.variable}` | `{option.default}` |" in PAGE


def test_every_reason_is_on_the_page() -> None:
    text = "".join((SOURCES / f"{name}.py").read_text() for name in ("states", "lane", "status"))
    found = set(re.findall(r'(?:NodeState\(node\.name|_refused\(wanted|_failed\(), "(\w+)"', text))
    found |= set(re.findall(r'_failed\("(\w+)"', text))
    assert len(found) >= 9
    assert [each for each in sorted(found) if f"`{each}`" not in PAGE] == []

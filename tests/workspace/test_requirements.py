"""The pinned lists work behind any index, on any machine, and agree with each other."""

import re
from pathlib import Path

import pytest

PIN = r"[\w.-]+==\S+( ; [^\\]+)? \\"
HASH = r"    --hash=sha256:[0-9a-f]{64}( \\)?"
REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LISTS = sorted(str(path.relative_to(REQUIREMENTS)) for path in REQUIREMENTS.rglob("*.txt"))


def pins(name: str) -> set[str]:
    """Names with versions. For which platforms is left out: a longer list may need one on more."""
    return set(re.findall(r"^\S+==\S+", (REQUIREMENTS / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", LISTS)
def test_a_pinned_list_names_no_host_no_option_and_no_path(name: str) -> None:
    lines = (REQUIREMENTS / name).read_text().splitlines()
    strange = [
        line for line in lines if "://" in line or not re.fullmatch(rf"#.*|{PIN}|{HASH}", line)
    ]
    assert strange == []


@pytest.mark.parametrize("name", LISTS)
def test_what_runs_is_pinned_to_the_versions_that_are_tested(name: str) -> None:
    assert pins(name) <= pins("dev.txt")

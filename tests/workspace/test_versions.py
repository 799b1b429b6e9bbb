"""Five distributions are one release: they share the layout of the ring."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

import podring

ROOT = Path(__file__).parents[2]
MEMBERS = ("podring", "broker", "publisher", "subscriber", "controller")


def project(member: str) -> dict[str, Any]:
    manifest: dict[str, Any] = tomllib.loads((ROOT / member / "pyproject.toml").read_text())
    return manifest["project"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_has_the_version_that_podring_tells(member: str) -> None:
    assert project(member)["version"] == podring.__version__


@pytest.mark.parametrize("member", MEMBERS[1:])
def test_a_program_needs_the_podring_of_its_own_release(member: str) -> None:
    assert f"podring=={podring.__version__}" in project(member)["dependencies"]

"""docs/configuration.md and docs/programs.md say what the programs take and how they end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podring.cli.exits import MEANING
from tests.docs import configuration
from tests.docs.pages import PAGES, ROOT, name_of, prose, rows

PAGE = configuration.PAGE.read_text()
AGAIN = "run: python -m tests.docs.configuration"


def test_the_page_has_every_flag_of_every_program_as_its_help_has_it() -> None:
    assert configuration.flags() in PAGE, AGAIN


def test_the_page_has_every_environment_variable() -> None:
    assert configuration.variables() in PAGE, AGAIN


def test_no_variable_is_read_that_the_page_does_not_have() -> None:
    shown = {row[0].strip("`") for row in rows(configuration.PAGE, "Environment variables")}
    assert configuration.variables_in_code() == shown


def test_the_page_has_every_variable_that_make_takes() -> None:
    shown = {row[0].strip("`") for row in rows(configuration.PAGE, "make")}
    # PYTHON is for scripts/find-python, which make calls.
    assert configuration.make_variables() | {"PYTHON"} == shown


def test_the_programs_page_has_every_exit_code() -> None:
    shown = {int(row[0]): row[1] for row in rows(ROOT / "docs" / "programs.md", "Exit codes")}
    assert shown == {int(code): meaning for code, meaning in MEANING.items()}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != configuration.PAGE], ids=name_of
)
def test_every_flag_that_a_page_mentions_exists(page: Path) -> None:
    known = set(re.findall(r"`(--[a-z-]+)", configuration.flags())) | {"--help", "--version"}
    others = {"--ipc"}  # Docker's and Podman's
    mentioned = set(re.findall(r"`(--[a-z-]+)", prose(page)))
    assert mentioned - others <= known

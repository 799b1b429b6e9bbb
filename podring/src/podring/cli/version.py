"""`--version`: which release a program is of, looked up only when somebody asks.

Each program is a distribution of its own name.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from podring.cli.program import show


class Version(argparse.Action):
    """Print the program's name and version, and end well."""

    def __init__(self, option_strings: Sequence[str], dest: str = argparse.SUPPRESS) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version, and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Look it up."""
        from importlib.metadata import version

        show(f"{parser.prog} {version(parser.prog)}")
        parser.exit()


def add_version(parser: argparse.ArgumentParser) -> None:
    """The --version option, for a parser whose `prog` is the distribution's name."""
    parser.add_argument("--version", action=Version, dest=argparse.SUPPRESS)

"""`podring-broker token`: make a token, and the line that belongs into the broker's file."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence

from podring.cli.arguments import checked
from podring_broker.access.rights import parse_grant
from podring_broker.access.tokenfile import TOKEN_PREFIX, check_caller_name, hash_of

PROGRAM = "podring-broker token"
_EXAMPLES = """\
examples:
  podring-broker token camera-team 'publish,subscribe:camera.*'
  podring-broker token ops 'all:*' --append /etc/podring/tokens > ops.token

The token is shown once and stored nowhere: give it to the caller, as PODRING_TOKEN or in a file
that PODRING_TOKEN_FILE names. A broker that runs takes a changed file at once.
"""


def main(arguments: Sequence[str]) -> int:
    """Make a token and print it: the exit code."""
    options = parser().parse_args(arguments)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    line = f"{options.name} {hash_of(token)} {' '.join(map(str, options.grants))}"
    if options.append is not None:
        try:
            _append(options.append, line)
        except OSError as error:
            print(f"{PROGRAM}: {options.append}: {error.strerror}", file=sys.stderr)
            return 1
    if options.json:
        shown = json.dumps({"token": token, "line": line})
    else:
        shown = token if options.append is not None else f"token  {token}\nline   {line}"
    try:
        print(shown, flush=True)
    except OSError as error:
        left = f"; remove the last line of {options.append}" if options.append is not None else ""
        print(f"{PROGRAM}: the token cannot be shown: {error.strerror}{left}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The verb's arguments."""
    found = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Make a token for the broker's HTTP API, and the line for its --tokens file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    found.add_argument(
        "name", metavar="NAME", type=checked(check_caller_name), help="who the caller is"
    )
    found.add_argument(
        "grants",
        metavar="RIGHTS:PATTERN",
        type=checked(parse_grant),
        nargs="+",
        help="create, delete, publish, subscribe or all, on topics like camera.*",
    )
    found.add_argument(
        "--append", metavar="FILE", help="write the line to this file, and print the token alone"
    )
    found.add_argument("--json", action="store_true", help="print JSON")
    return found


def _append(path: str, line: str) -> None:
    """Add a line in one write, after the last line's end should that be missing."""
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    with os.fdopen(fd, "r+b", buffering=0) as file:
        length = file.seek(0, os.SEEK_END)
        torn = length > 0 and os.pread(fd, 1, length - 1) != b"\n"
        file.write((("\n" if torn else "") + line + "\n").encode())

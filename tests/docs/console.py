"""Run what a page shows after `$`, and compare it with the output that the page shows.

    $ echo one
    one
    $ false
    $ echo $?
    1

All commands of a block run in one bash. A command must succeed, unless the next one is
`echo $?`. Where output is shown it must be that, with `...` for anything in between.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.docs.pages import Block, name_of

_MARK = "======== podring docs ========"
TIMEOUT_S = 60
_FLAGS = doctest.ELLIPSIS | doctest.DONT_ACCEPT_BLANKLINE


@dataclass(slots=True)
class Command:
    """One command of a block, and the lines that are shown below it."""

    text: str
    shown: list[str] = field(default_factory=list)


def commands(block: Block) -> list[Command]:
    """Take a block apart; a line that begins with `> ` continues the command above it."""
    found: list[Command] = []
    for line in block.source.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        elif line.startswith("> ") and found and not found[-1].shown:
            found[-1].text += "\n" + line[2:]
        else:
            assert found, f"{name_of(block.page)}:{block.line}: output before the first command"
            found[-1].shown.append(line)
    return found


def run(block: Block, replaced: Mapping[str, str]) -> None:
    """Run a block and compare.

    replaced  what is put in place of what in the commands, and back in their output
    """
    listed = commands(block)
    script = "".join(f"{each.text}\nrc=$?\necho '{_MARK}' $rc\n(exit $rc)\n" for each in listed)
    for shown, real in replaced.items():
        script = script.replace(shown, real)
    output = _output_of(script)
    for shown, real in replaced.items():
        output = output.replace(real, shown)
    parts = output.split(_MARK)
    assert len(parts) == len(listed) + 1, f"{name_of(block.page)}:{block.line}: {output}"
    for index in range(len(listed)):
        # A part begins with the code of the command before it, and a newline.
        got = parts[index] if not index else parts[index].partition("\n")[2]
        code = parts[index + 1].split("\n", 1)[0].strip()
        _judge(block, listed, index, got, code)


def _output_of(script: str) -> str:
    """Run a script to its end, and whatever it left in the background too."""
    process = subprocess.Popen(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=TIMEOUT_S)[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _judge(block: Block, listed: list[Command], index: int, got: str, code: str) -> None:
    command = listed[index]
    where = f"{name_of(block.page)}, block at line {block.line}: $ {command.text}"
    asked = index + 1 < len(listed) and listed[index + 1].text == "echo $?"
    assert code == "0" or asked, f"{where}\nended with {code}:\n{got}"
    if command.shown:
        want = "\n".join(command.shown) + "\n"
        same = doctest.OutputChecker().check_output(want, got, _FLAGS)
        assert same, f"{where}\nshown:\n{want}\ngot:\n{got}"

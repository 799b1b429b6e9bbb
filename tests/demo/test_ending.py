"""However the demo ends, its processes, shared memory and files are gone, and it says why."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo import tape
from tests.demo.running import ROOT, Demo


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_in_the_middle_of_a_slice_ends_everything(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with Demo(tmp_path) as demo:
        demo.wait_until_it_sends()
        demo.send(number)
        began = time.monotonic()
        ended, _, errors = demo.end()
        assert time.monotonic() - began < 10
        assert ended == code
        assert errors == f"demo: ended by {number.name}; everything is stopped and cleared up\n"
        assert demo.leftovers() == []


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        while not list(tmp_path.glob("podring-demo-*")):
            time.sleep(0.01)
        demo.send(signal.SIGINT)
        code, _, errors = demo.end()
        assert code == 130
        assert "Traceback" not in errors
        assert demo.leftovers() == []


def test_a_full_disk_is_named_and_costs_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo", "--seconds", "1"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    said = b"demo: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_tape_that_has_no_room_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        tape.record("/dev/full", [b"a message"], lambda: None)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["demo.subscribe", '"podring"', "subscriber 2"], "podring subscriber 2"),
        (["demo.publish", '"tcp"'], "TCP publisher"),
        (["podring_broker"], "broker"),
    ],
)
def test_part_that_is_killed_is_named_and_the_rest_is_ended(
    tmp_path: Path, words: list[str], name: str
) -> None:
    with Demo(tmp_path) as demo:
        demo.wait_until_it_sends()
        demo.part(*words).kill()
        code, _, errors = demo.end()
        assert code == 1
        assert errors.startswith(f"demo: the {name} ")
        assert "broker.listening" in errors, "the broker's log shows what it was doing"
        assert demo.leftovers() == []


@pytest.mark.parametrize("killed", ["the demo itself", "the keeper"])
def test_even_sigkill_leaves_nothing_behind(tmp_path: Path, killed: str) -> None:
    with Demo(tmp_path) as demo:
        demo.wait_until_it_sends()
        if killed == "the keeper":
            demo.part("demo.keeper").kill()
        else:
            demo.send(signal.SIGKILL)
        demo.end()
        assert demo.leftovers() == []

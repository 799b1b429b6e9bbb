"""`make demo` from its start to its end, on real input."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.demo.running import ROOT, Demo

FIGURES = [
    "messages sent",
    "messages received, of three",
    "lost",
    "messages a second, each",
    "MB/s, each",
    "CPU publisher",
    "CPU subscriber 1",
    "CPU subscriber 2",
    "CPU subscriber 3",
]


def row(output: str, title: str, name: str) -> list[str]:
    """Both sides' cells of one row: podring's and TCP's."""
    section = output.split(title, 1)[1]
    line = next(line for line in section.splitlines() if line.startswith(name))
    return re.split(r"\s{2,}", line.strip())[1:3]


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, list[str]]:
    """Exit code, output and leftovers of a run on this machine's telemetry."""
    with Demo(tmp_path_factory.mktemp("telemetry"), "--seconds", "3") as demo:
        demo.wait_until_it_sends()
        code, output, errors = demo.end()
        assert errors == ""
        return code, output, demo.leftovers()


def test_telemetry_arrives_whole_and_the_run_succeeds(
    telemetry: tuple[int, str, list[str]],
) -> None:
    code, output, _ = telemetry
    assert code == 0, output
    assert "checked: each subscriber's sha256 of all readings is its publisher's" in output
    assert "checked: nothing lost, nothing out of order" in output


@pytest.mark.parametrize("title", ["At a steady pace", "As fast as the slowest"])
def test_each_phase_shows_every_figure_of_both_sides(
    telemetry: tuple[int, str, list[str]], title: str
) -> None:
    _, output, _ = telemetry
    last = "queueing" if title.startswith("As fast") else "latency"
    for name in [*FIGURES, "CPU a message received", f"{last} p50", f"{last} p99"]:
        cells = row(output, title, name)
        assert len(cells) == 2, name
        assert all(re.match(r"[0-9]", cell) for cell in cells), (name, cells)
    assert row(output, title, "lost") == ["0", "0"]
    assert re.match(r"[0-9.]+ s", row(output, title, "CPU broker")[0])


def test_what_the_figures_do_not_show_is_said(telemetry: tuple[int, str, list[str]]) -> None:
    assert "What this does not show" in telemetry[1]


def test_piped_output_has_plain_lines_and_nothing_that_drives_a_terminal(
    telemetry: tuple[int, str, list[str]],
) -> None:
    _, output, _ = telemetry
    assert "\x1b" not in output
    assert "\r" not in output
    assert re.search(r"subscriber 3: +[0-9,]+ messages +[0-9,]+/s .* lag .* lost 0 +p50", output)


def test_nothing_is_left_behind(telemetry: tuple[int, str, list[str]]) -> None:
    assert telemetry[2] == []


def test_lines_of_a_file_arrive_with_the_files_sha256(tmp_path: Path) -> None:
    data = b"".join(b"line %d\r\n" % number * (number % 7) + b"\n" for number in range(5000))
    data += b"and no newline at the end"
    (tmp_path / "text").write_bytes(data)
    with Demo(tmp_path, "--input", str(tmp_path / "text"), "--seconds", "1") as demo:
        code, output, errors = demo.end()
    assert (code, errors) == (0, ""), output
    said = " ".join(output.split())
    assert f"the file's sha256 {hashlib.sha256(data).hexdigest()} is that of" in said
    lines = data.count(b"\n") + 1
    messages = f"{lines:,}"
    assert row(output, "The whole file, once", "messages sent") == [messages, messages]


def test_blocks_of_a_file_arrive_with_the_files_sha256(tmp_path: Path) -> None:
    data = hashlib.shake_256(b"demo").digest(3_000_001)
    (tmp_path / "blocks").write_bytes(data)
    arguments = ("--input", str(tmp_path / "blocks"), "--frame", "300000", "--seconds", "1")
    with Demo(tmp_path, *arguments) as demo:
        code, output, errors = demo.end()
    assert (code, errors) == (0, ""), output
    assert hashlib.sha256(data).hexdigest() in output
    assert row(output, "The whole file, once", "messages sent") == ["11", "11"]


def test_messages_so_short_that_a_mebibyte_of_them_overfills_the_topic_arrive(
    tmp_path: Path,
) -> None:
    """A batch for a transport is what was read at once, and each message takes 64 bytes there."""
    data = b"".join(b"%d\n" % number for number in range(300_000))
    (tmp_path / "short").write_bytes(data)
    with Demo(tmp_path, "--input", str(tmp_path / "short"), "--seconds", "1") as demo:
        code, output, errors = demo.end()
    assert (code, errors) == (0, ""), output
    assert hashlib.sha256(data).hexdigest() in output


@pytest.mark.parametrize(
    "name", ["it's here", 'a "b" $HOME', "$(HOME)", "-dash", "with, comma", "caf\u00e9"]
)
def test_make_hands_a_path_on_as_it_is(tmp_path: Path, name: str) -> None:
    """Make and the shell both have a meaning for some of its characters."""
    given = ["make", "--just-print", "demo", f"INPUT={name}"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    said = subprocess.run(
        given, cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout
    words = shlex.split(next(line for line in said.splitlines() if " -m demo " in line))
    assert words[3:] == [f"--input={name}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "/nowhere/at/all"], "/nowhere/at/all cannot be read: No such file"),
        (["--input", "/"], "/ cannot be read: Is a directory"),
        (["--input", "/dev/null"], "/dev/null is not a file whose end is known"),
        (["--frame", "0"], "0 is not from 1 to"),
        (["--frame", "64"], "FRAME cuts a file into blocks: name the file, too, with INPUT=path"),
        (["--seconds", "soon"], "'soon' is not a number of seconds from 1 to 3600"),
    ],
)
def test_input_that_cannot_be_is_refused_with_exit_code_2(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    with Demo(tmp_path, *arguments) as demo:
        code, output, errors = demo.end()
    assert (code, output) == (2, "")
    assert said in errors


def test_path_that_looks_like_markup_or_is_no_text_is_shown_as_it_is(tmp_path: Path) -> None:
    name = b"[bold]:smile: \xff"
    (path := tmp_path / os.fsdecode(name)).write_bytes(b"line\n" * 10)
    with Demo(tmp_path, "--input", str(path), "--seconds", "1") as demo:
        code, output, errors = demo.end()
    assert (code, errors) == (0, ""), output
    assert "[bold]:smile: ?" in output

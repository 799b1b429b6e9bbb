"""`python -m benchmarks`, and the file that it leaves behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import machine, peers, runner
from benchmarks.results import Failure, Floor, Results, Run


def test_a_small_run_writes_its_results_and_shows_medians(tmp_path: Path) -> None:
    output = tmp_path / "made" / "results.json"
    words = "--only one-to-one idle --peers podring pipe --sizes 64 --messages 600 --repeat 2"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words.split(), "--quick", "--output", str(output)],
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "one to one, 64 B, single" in ended.stdout
    results = Results.read(output)
    assert {run.scenario for run in results.runs} == {"one to one", "idle"}
    assert {run.repetition for run in results.runs} == {0, 1}
    assert {run.peer for run in results.runs} >= {"podring", "podring (block)", "os.pipe"}
    assert results.failures == []
    assert results.peers["podring"]["settings"]
    assert results.about["processor"] != ""
    assert "python" in results.about


def test_the_repetitions_of_all_peers_alternate(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    words = f"--only idle --peers podring pipe --repeat 2 --quick --output {output}"
    assert command.main(words.split()) == 0
    found = [(run.peer, run.repetition) for run in Results.read(output).runs]
    assert found == [("podring", 0), ("os.pipe", 0), ("podring", 1), ("os.pipe", 1)]


def test_unpinned_runs_say_so(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    words = f"--only idle --peers pipe --repeat 1 --quick --unpinned --output {output}"
    assert command.main(words.split()) == 0
    assert [run.pinned for run in Results.read(output).runs] == [False]


def test_who_asks_for_a_peer_that_nobody_knows_is_told_whom_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["--peers", "kafka"]) == 2
    assert "podring pipe sockets" in capsys.readouterr().err


def test_a_scenario_that_nobody_knows_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--only", "ping-pong"])
    assert "round-trip" in capsys.readouterr().err


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_who_is_told_to_end_leaves_nothing_in_shared_memory(told: int, tmp_path: Path) -> None:
    words = f"--only idle --peers podring --quick --output {tmp_path / 'results.json'}"
    running = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *words.split()], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 30
    while not (made := remains(running.pid)):
        assert time.monotonic() < until
        time.sleep(0.01)
    running.send_signal(told)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "benchmarks: interrupted; nothing is written\n" in said
    assert made
    assert not remains(running.pid)


def remains(process: int) -> list[Path]:
    """Its folders and topics."""
    return list(Path("/dev/shm").glob(f"*podring-bench-{process}-*"))


@pytest.mark.parametrize("size", ["100", "16", "0", "-64"])
def test_a_length_that_no_message_can_be_made_of_is_refused(
    size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main([f"--sizes={size}"])
    assert f"{size} is not a multiple of 8 from 32 up" in capsys.readouterr().err


def test_a_library_that_is_not_installed_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "MODULES", ("podring", "no_such_peer", "pipe"))
    results = Results(about={})
    found = runner.load([], results)
    assert [peer.traits.family for peer in found] == 3 * ["podring"] + ["os.pipe"]
    (failure,) = results.failures
    assert failure.peer == "no_such_peer"
    assert "ModuleNotFoundError" in failure.error


def test_results_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    before = Results(
        about={"python": "3.11"},
        peers={"podring": {"version": "0.1.0", "settings": "none", "family": "podring"}},
        runs=[Run("one way", "podring", "default", 64, 0, {"p50": 1.5}, False, 4)],
        floors=[Floor("empty call", "ns", 1, 30.25)],
        failures=[Failure("burst", "UDP socket", "single", 64, 'said "no"')],
    )
    before.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == before
    json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))


def test_the_machine_is_described_with_no_name_of_a_host() -> None:
    import socket

    about = machine.describe()
    assert {"date", "commit", "processor", "memory", "kernel", "python", "clock"} == set(about)
    assert socket.gethostname() not in about.values()

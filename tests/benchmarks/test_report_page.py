"""The page: complete, the same each time, and readable wherever the results are thin."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.report import page, readme
from benchmarks.report.__main__ import main
from benchmarks.report.lines import spread_out
from benchmarks.report.questions import QUESTIONS
from benchmarks.results import Results
from tests.benchmarks import invented
from tests.benchmarks.invented import run
from tests.docs.pages import ROOT

MARKS = f"# X\n\nbefore\n\n{readme.BEGIN}\n{readme.END}\n\nafter\n"


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("docs")
    page.write(invented.results(), made)
    return made


@pytest.fixture(scope="module")
def text(docs: Path) -> str:
    return (docs / "benchmarks.md").read_text()


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_the_page_begins_with_what_the_numbers_do_not_show(text: str) -> None:
    assert headings(text)[0] == "What the numbers do not show"


def test_every_question_has_its_section_in_turn(text: str) -> None:
    assert headings(text)[2:-3] == [question.title for question in QUESTIONS]


def test_every_plot_of_the_page_is_there_and_no_other(docs: Path, text: str) -> None:
    shown = set(re.findall(r"!\[[^\]]+\]\(benchmarks/([a-z-]+\.svg)\)", text))
    assert shown == {file.name for file in (docs / "benchmarks").iterdir()}
    assert len(shown) == len(QUESTIONS) - 1  # idleness is a table of zeros


def test_provenance_names_machine_and_the_settings_of_each_peer(text: str) -> None:
    for words in ("2026-11-21", "An Invented Processor", "6.18.5", "0123456789ab"):
        assert words in text
    for peer in invented.PEERS:
        assert f"What {peer}'s documentation recommends." in text


def test_cells_are_medians_with_least_and_most(text: str) -> None:
    assert re.search(r"^\| os\.pipe \| 1\.36 M/s \(1\.3 to 1\.44\) \|", text, re.MULTILINE)


def test_the_best_of_a_column_is_bold_and_a_failed_run_says_so(text: str) -> None:
    assert "| **podring (exclusive)** | **9.15 M/s** (8.98 to 9.63) |" in text
    assert re.search(r"^\| UDP \|.*\| failed \|$", text, re.MULTILINE)
    assert "| one to one | 16 MiB | single | UDP | 3 of 200 were lost | 1 |" in text


def test_rendering_again_gives_the_same_bytes(docs: Path, tmp_path: Path) -> None:
    page.write(invented.results(), tmp_path)
    for file in docs.rglob("*.*"):
        assert file.read_bytes() == (tmp_path / file.relative_to(docs)).read_bytes(), file


def test_plots_are_transparent_and_tell_neither_date_nor_program(docs: Path) -> None:
    for file in (docs / "benchmarks").iterdir():
        drawn = file.read_text()
        ET.fromstring(drawn.encode())
        assert "dc:date" not in drawn
        assert "dc:creator" not in drawn
        assert not re.search(r"fill: ?(#ffffff|white)", drawn)


def test_plots_of_an_older_page_go(tmp_path: Path) -> None:
    old = tmp_path / "benchmarks" / "older.svg"
    old.parent.mkdir()
    old.touch()
    page.write(invented.results(), tmp_path)
    assert not old.exists()


@pytest.mark.parametrize(
    "results",
    [
        Results({}),
        Results({}, {}, [run("one to one", "podring", "single", 64, rate=1.0)]),
        Results({}, {}, [run("round trip", "TCP", "spin", 64, p50=1.0)]),
        Results({}, {}, [run("idle", "podring", "default", 0, wakeups=0.0)]),
    ],
    ids=["nothing", "one rate", "p50 alone", "idle"],
)
def test_thin_results_make_a_short_page(results: Results, tmp_path: Path) -> None:
    page.write(results, tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    assert len(headings(text)) == 5 + bool(results.runs)


def test_the_page_builds_without_a_warning(docs: Path, tmp_path: Path) -> None:
    command = (ROOT / "scripts" / "docs").read_text().split("\n")
    sphinx = " ".join(line.strip(" \\") for line in command if line.startswith((".venv", "    -D")))
    sphinx = sphinx.replace("$root", "benchmarks").replace(
        " docs build/docs", f" {docs} {tmp_path}"
    )
    done = subprocess.run(
        ["bash", "-c", sphinx], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_readme_gets_one_table_and_one_plot_between_the_marks(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(MARKS)
    invented.results().write(tmp_path / "results.json")
    arguments = ["--readme", "--root", str(tmp_path), str(tmp_path / "results.json")]
    assert main(arguments) == 0
    once = (tmp_path / "README.md").read_text()
    assert once.startswith("# X\n\nbefore\n")
    assert once.endswith("\nafter\n")
    words = " ".join(once.split())
    assert "on 2026-11-21 (An Invented Processor, 2 usable, 6.18.5, Python 3.11.7)" in words
    assert "| one to one, 64 B, one message a call | 7.29 M/s (6.94 to 7.45) | 1.36 M/s" in once
    assert re.findall(r"\((docs/\S+\.svg)\)", once) == ["docs/benchmarks/throughput-single.svg"]
    assert (tmp_path / "docs/benchmarks/throughput-single.svg").exists()
    assert main(arguments) == 0
    assert (tmp_path / "README.md").read_text() == once


def test_readme_without_the_marks_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("# X\n")
    invented.results().write(tmp_path / "results.json")
    assert main(["--readme", "--root", str(tmp_path), str(tmp_path / "results.json")]) == 1
    assert "lacks the lines <!-- benchmarks begin -->" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "# X\n"


def test_the_command_writes_the_page_and_names_what_nobody_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results({}, {}, [run("one to one", "podring (block)", "batched", 64, rate=1.0)])
    results.peers["podring (block)"] = {"family": "podring"}
    results.write(tmp_path / "results.json")
    assert main(["--root", str(tmp_path), str(tmp_path / "results.json")]) == 0
    assert (tmp_path / "docs" / "benchmarks.md").exists()
    assert "batched-64b is not met, and explanations.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([], []),
        ([0.2, 0.8], [0.2, 0.8]),
        ([0.5, 0.5, 0.5], [0.4, 0.5, 0.6]),
        ([0.0, 0.0], [0.0, 0.1]),
        ([0.2, 0.45, 0.5, 0.9], [0.2, 0.425, 0.525, 0.9]),
    ],
)
def test_labels_stand_as_near_as_can_be_and_never_over_each_other(
    wanted: list[float], placed: list[float]
) -> None:
    assert spread_out(wanted, 0.1) == pytest.approx(placed)

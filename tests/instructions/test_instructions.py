"""No publish and no receive takes more instructions than what was written down.

Where nothing is written down for this compiler and this Python, those of the most similar build
hold, with more room. Only on another kind of processor are the tests skipped at a desk, and fail in
CI with the counts to write down.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.instructions import callgrind, counts, measured
from tests.instructions.callgrind import Count
from tests.support.components import require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Measured = tuple[str, dict[str, Count]]
NEAR = 0.005


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    require("gcc")
    return measured.core(require("valgrind"), tmp_path_factory.mktemp("core"))


def hold(key: str, found: dict[str, Count]) -> None:
    try:
        said = counts.complaint(key, counts.rounded(found))
    except LookupError as error:
        if os.environ.get("CI") != "true":
            pytest.skip(str(error))
        raise
    if said:
        pytest.fail(said, pytrace=False)


def test_the_core_takes_as_many_instructions_as_were_written_down(core: Measured) -> None:
    hold(*core)


def test_pythons_calls_take_as_many_instructions_as_were_written_down(tmp_path: Path) -> None:
    require("gcc")
    hold(*measured.calls(require("valgrind"), tmp_path))


def test_counting_again_elsewhere_counts_the_same(
    core: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_BIND_NOW", "1")
    folder = tmp_path / ("another" * 20)
    folder.mkdir()
    _, again = measured.core(require("valgrind"), folder)
    assert again.keys() == core[1].keys()
    for name, count in core[1].items():
        assert again[name].ring == pytest.approx(count.ring, rel=NEAR), name


def test_one_call_more_a_publish_is_refused(core: Measured, tmp_path: Path) -> None:
    _, planted = measured.core(require("valgrind"), tmp_path, "-DPLANTED")
    said = counts.differences(counts.rounded(core[1]), counts.rounded(planted))
    refused = {sentence.partition(" takes ")[0] for sentence in said}
    assert refused >= {name for name in core[1] if name.startswith(("publish ", "loan "))}
    assert not any(name.startswith(("receive ", "view ", "clock")) for name in refused)
    assert all("find out what for" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("known", "found", "sentences"),
    [
        ({"a": 100.0}, {"a": 102.9}, []),
        ({"a": 100.0}, {"a": 97.1}, []),
        (
            {"a": 100.0},
            {"a": 103.1},
            ["a takes 103.1 instructions instead of 100.0 (+3.1%): find out what for"],
        ),
        ({"a": 100.0}, {"a": 96.9}, ["a takes 96.9 instructions instead of 100.0 (-3.1%)"]),
        ({"a": 1.0}, {"b": 1.0}, ["a is written down, and not counted any more",
                                  "b is not written down yet"]),
    ],
)  # fmt: skip
def test_more_than_three_percent_either_way_is_refused(
    known: dict[str, float], found: dict[str, float], sentences: list[str]
) -> None:
    assert counts.differences(known, found) == sentences


def test_what_is_written_is_read_again_and_leaves_other_keys(tmp_path: Path) -> None:
    file = tmp_path / "counts.toml"
    counts.write("core, gcc 12", {"publish 64 B": 218.7}, "valgrind-3", file)
    counts.write("core, gcc 13", {"publish 64 B": 200.0, "clock": 13.0}, "valgrind-3", file)
    counts.write("core, gcc 12", {"publish 64 B": 210.0}, "valgrind-3", file)
    assert counts.recorded(file) == {
        "core, gcc 12": {"publish 64 B": 210.0},
        "core, gcc 13": {"publish 64 B": 200.0, "clock": 13.0},
    }
    assert counts.complaint("core, gcc 12", {"publish 64 B": 210.0}, file) == ""


def test_a_build_that_is_not_written_down_is_held_against_the_most_similar_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "counts.toml"
    counts.write("core, x86_64, gcc 12", {"publish 64 B": 218.7}, "valgrind-3", file)
    counts.write("core, aarch64, gcc 14", {"publish 64 B": 100.0}, "valgrind-3", file)
    assert counts.complaint("core, x86_64, gcc 14", {"publish 64 B": 260.0}, file) == ""
    assert counts.complaint("core, x86_64, gcc 14", {"publish 64 B": 270.0}, file).split("\n") == [
        "[core, x86_64, gcc 14] beside [core, x86_64, gcc 12]:",
        "publish 64 B takes 270.0 instructions instead of 218.7 (+23.5%): find out what for",
    ]


def test_the_most_similar_build_has_the_same_compiler_and_then_the_same_python() -> None:
    keys = [
        "core, x86_64, gcc 13",
        "calls, x86_64, gcc 12, Python 3.11, -O2",
        "calls, x86_64, gcc 14, Python 3.13, -O2",
        "calls, x86_64, gcc 14, Python 3.11, -O3",
    ]
    assert counts.most_similar("calls, x86_64, gcc 14, Python 3.13, -O3", keys) == keys[2]
    assert counts.most_similar("calls, x86_64, gcc 15, Python 3.11, -O2", keys) == keys[1]
    assert counts.most_similar("core, x86_64, clang 19", keys) == keys[0]
    assert counts.most_similar("core, riscv64, gcc 13", keys) is None


def test_on_an_unknown_processor_it_fails_in_ci_and_is_skipped_at_a_desk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"publish 64 B": Count(212.0, 0.0)}
    said = r"nothing is written down for \[core, no such processor\](.|\n)*publish 64 B = 212.0"
    monkeypatch.setenv("CI", "true")
    with pytest.raises(LookupError, match=said):
        hold("core, no such processor", found)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match=said):
        hold("core, no such processor", found)


def test_the_counts_of_a_file_add_up_to_its_total(tmp_path: Path) -> None:
    file = tmp_path / "out.1"
    file.write_text(
        "desc: Trigger: Client Request: 1000 publish 64 B\n"
        "ob=/x/_ring.core.so\nfn=ring_end\n0 12\ncfn=anyone_sleeps\ncalls=3 0\n0 900\n0 5\n"
        "cob=/lib/libc.so.6\ncfn=memcpy@GLIBC_2.2.5\ncalls=1 0\n0 6\n"
        "ob=/lib/libc.so.6\nfn=memcpy@GLIBC_2.2.5\n264 7\n"
        "fn=realloc\n1 4\ncfn=memcpy@GLIBC_2.2.5\ncalls=1 0\n0 1\n"
        "ob=/x/core\nfn=main\n0 2\ntotals: 30\n"
    )
    assert callgrind.read(file) == ("1000 publish 64 B", {"ring": 23, "rest": 7})
    file.write_text(file.read_text().replace("totals: 30", "totals: 31"))
    with pytest.raises(RuntimeError, match="counted 30 of 31"):
        callgrind.read(file)

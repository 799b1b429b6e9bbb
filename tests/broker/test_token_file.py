"""The file of hashed tokens, the verb that makes its lines, and patterns of topics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podring_broker.access import newtoken
from podring_broker.access.rights import parse_grant
from podring_broker.access.tokenfile import TokenFile, hash_of
from podring_broker.settings import BadSetting
from tests.broker.test_process import refused

BROKEN = [
    ("only.a.name", r"line 1 \(only\.a\.name\): a line is"),
    (f"a {hash_of('x')}", r"line 1 \(a\): a line is"),
    ("a sha256:abc all:*", r"line 1 \(a\): the second word"),
    (f"a {hash_of('x')} all", r"line 1 \(a\): a grant is"),
    (f"a {hash_of('x')} publsh:*", r"line 1 \(a\): 'publsh' is no right"),
    (f"a {hash_of('x')} publish:a/b", r"line 1 \(a\): a pattern"),
    (f"# fine\n\na {hash_of('x')} all:*\nb {hash_of('x')} all:*", r"line 4 \(b\): the same token"),
    ("podring_secret x y", r"line 1: the caller's name"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN, ids=[said[-12:] for _, said in BROKEN])
def test_a_broker_does_not_start_with_a_broken_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tokens").write_text(text + "\n")
    with pytest.raises(BadSetting, match=f"^--tokens: {tmp_path}/tokens, {said}"):
        TokenFile(str(tmp_path / "tokens"))


def test_a_broker_does_not_start_without_its_file_or_with_one_that_all_may_write(
    tmp_path: Path,
) -> None:
    with pytest.raises(BadSetting, match=r"^--tokens: .*cannot be read: No such file"):
        TokenFile(str(tmp_path / "none"))
    (tmp_path / "tokens").touch()
    (tmp_path / "tokens").chmod(0o666)
    with pytest.raises(BadSetting, match=r"written by everybody: chmod o-w"):
        TokenFile(str(tmp_path / "tokens"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    for what in ("pipe", "."):
        with pytest.raises(BadSetting, match=r"is no regular file"):
            TokenFile(str(tmp_path / what))
    code, line = refused({"--authenticate": "tokens"})
    assert (code, "--tokens" in line) == (2, True)


def test_the_verb_makes_a_token_of_256_random_bits_and_a_line_with_its_hash_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["me", "all:*", "publish:a.*"]
    made = []
    for _ in range(2):
        assert newtoken.main([*arguments, "--json"]) == 0
        made.append(json.loads(capsys.readouterr().out))
    for each in made:
        token, line = each["token"], each["line"]
        assert len(token) == len("podring_") + 43
        assert line == f"me {hash_of(token)} all:* publish:a.*"
    assert made[0]["token"] != made[1]["token"]
    command = [sys.executable, "-m", "podring_broker", "token", *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["token", "line"]


def test_the_verb_says_so_when_the_token_cannot_be_shown(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "podring_broker", "token", "me", "all:*"]
    command += ["--append", str(tmp_path / "tokens")]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)  # noqa: PLW1510
    said = f"the token cannot be shown: No space left on device; remove the last line of {tmp_path}"
    assert result.returncode == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_help_can_be_read_on_any_terminal(encoding: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "podring_broker", "--help"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert b"--managers USER[,USER?]" in result.stdout


@pytest.mark.parametrize("arguments", [["a b", "all:*"], ["me"], ["me", "fly:*"], ["me", "all:/"]])
def test_the_verb_refuses_what_the_file_would(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        newtoken.main(arguments)
    out, error = capsys.readouterr()
    assert (leaving.value.code, out) == (2, "")
    assert "podring-broker token: error: " in error


def test_the_verb_appends_after_a_line_that_has_no_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"first {hash_of('x')} all:*")
    assert newtoken.main(["second", "publish:b", "--append", str(file)]) == 0
    token = capsys.readouterr().out.strip()
    callers: Callable[[str], Any] = TokenFile(str(file)).authenticate
    assert (callers("x").name, callers(token).name, callers("y")) == ("first", "second", None)


@pytest.mark.parametrize(
    ("grant", "topic", "covered"),
    [
        ("all:*", "a.b", True),
        ("all:a.*", "a.b.c", True),
        ("all:a.*", "a", False),
        ("all:a.*", "ab.c", False),
        ("all:*.front", "camera.front", True),
        ("all:a*c*e", "abcde", True),
        ("all:" + "a*" * 90 + "c", "a" * 200 + "b", False),
    ],
)
def test_a_star_stands_for_any_characters(grant: str, topic: str, covered: bool) -> None:
    assert parse_grant(grant).covers(topic) == covered

"""A file of 200 MB and more reaches two subscribers with the same sha256."""

from __future__ import annotations

import hashlib
import random
import subprocess
import threading
from pathlib import Path

import pytest

from podring import segment
from podring.cli.framing import LENGTH
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import PUBLISHER, SUBSCRIBER, run, start, wait_for

FILE_BYTES = 210_000_000
ROOMY = TopicSpec("256Mi", "1Mi")
TIGHT = TopicSpec("32Mi", "1Mi")


class Sum(threading.Thread):
    """The sha256 of what a process writes, and how much that is."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self.process, self.bytes, self.digest = process, 0, ""
        self.start()

    def run(self) -> None:
        found = hashlib.sha256()
        assert self.process.stdout is not None
        while data := self.process.stdout.read(1 << 20):
            found.update(data)
            self.bytes += len(data)
        self.digest = found.hexdigest()


def records(random_bytes: bytes) -> bytes:
    """The same bytes as length-prefixed messages of 0 to 200 KB."""
    sizes = random.Random(1)
    parts: list[bytes] = []
    view = memoryview(random_bytes)
    while view:
        size = sizes.choice((0, 1, 100, 5000, 200_000))
        parts += (LENGTH.pack(len(view[:size])), bytes(view[:size]))
        view = view[size:]
    return b"".join(parts)


@pytest.fixture(scope="module")
def random_bytes() -> bytes:
    return random.Random(2).randbytes(FILE_BYTES)


@pytest.mark.parametrize("options", [("--frame-size", "256Ki"), ("--length-prefixed",)])
def test_two_subscribers_receive_the_same_bytes(
    name: str, tmp_path: Path, random_bytes: bytes, options: tuple[str, ...]
) -> None:
    data = random_bytes if options[0] == "--frame-size" else records(random_bytes)
    form = options[:1] if options[0] == "--length-prefixed" else ()
    roomy = segment.free_bytes() > 2 * segment.footprint(ROOMY)
    pace = () if roomy else ("--rate", "50Mi/s")
    (tmp_path / "file").write_bytes(data)
    LocalBroker().create(name, ROOMY if roomy else TIGHT)
    ending = ("--idle-exit", "5", "--fail-on-loss")
    with (
        start(*SUBSCRIBER, name, *form, *ending) as first,
        start(*SUBSCRIBER, name, *form, *ending) as second,
    ):
        wait_for(name, "subscriber", 2)
        sums = [Sum(first), Sum(second)]
        sent = run(*PUBLISHER, name, *options, *pace, "--file", str(tmp_path / "file"))
        assert (sent.returncode, sent.stderr) == (0, b"")
        for each in sums:
            each.join(100)
        assert (first.wait(10), second.wait(10)) == (0, 0)
    assert [each.bytes for each in sums] == [len(data)] * 2
    assert {each.digest for each in sums} == {hashlib.sha256(data).hexdigest()}

"""--stats on a terminal: one line that is rewritten. Elsewhere nothing is."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time

from podring import Publisher
from tests.programs.running import PUBLISHER, SUBSCRIBER, environment, wait_for


def read_until(fd: int, pattern: bytes, timeout_s: float = 10) -> bytes:
    """What the terminal shows, up to where `pattern` matches."""
    shown = b""
    deadline = time.monotonic() + timeout_s
    while not re.search(pattern, shown):
        ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no {pattern!r} in {shown!r}"
        shown += os.read(fd, 65536)
    return shown


def test_a_terminal_shows_one_line_that_is_rewritten_and_wiped(topic: str) -> None:
    terminal, stderr = pty.openpty()
    command = (*SUBSCRIBER, topic, "--stats", "--quiet", "--count", "3")
    with subprocess.Popen(
        command, env=environment(TERM="xterm"), stdout=subprocess.DEVNULL, stderr=stderr
    ) as subscriber:
        os.close(stderr)
        wait_for(topic, "subscriber")
        with Publisher(topic, broker="local") as publisher:
            publisher.publish_many([b"ab", b"cd"])
            live = read_until(terminal, rb"2 messages, 4B .*2 messages, 4B ")
            assert b"\n" not in live
            assert live.count(b"\r\x1b[K") >= 2
            assert b"0/s" in live  # it shows that nothing comes
            publisher.publish(b"ef")
        last = read_until(terminal, rb"3 messages, .*lag 0\r\n$")
        assert b"\r\x1b[K" in last
        assert subscriber.wait(10) == 0
    os.close(terminal)


def test_a_terminal_that_cannot_rewrite_a_line_is_not_asked_to(topic: str) -> None:
    terminal, end = pty.openpty()
    command = (*SUBSCRIBER, topic, "--stats", "--quiet", "--idle-exit", "1.5")
    with subprocess.Popen(command, env=environment(TERM="dumb"), stdout=end, stderr=end) as dumb:
        os.close(end)
        shown = read_until(terminal, rb"lag 0\r\n$")
        assert re.fullmatch(rb"0\r\npodring-subscriber: [^\r\x1b]*\r\n", shown)
        assert dumb.wait(10) == 0
    os.close(terminal)


def test_how_many_came_stands_on_a_line_of_its_own(topic: str) -> None:
    """The live line is wiped before."""
    terminal, end = pty.openpty()
    command = (*SUBSCRIBER, topic, "--stats", "--quiet", "--idle-exit", "1.5")
    with subprocess.Popen(
        command, env=environment(TERM="xterm"), stdout=end, stderr=end
    ) as subscriber:
        os.close(end)
        shown = read_until(terminal, rb"lag 0\r\n$")
        assert b"lag 0\r\x1b[K0\r\n" in shown
        assert subscriber.wait(10) == 0
    os.close(terminal)


def test_a_loss_is_told_on_a_line_of_its_own(topic: str) -> None:
    with Publisher(topic, broker="local") as publisher:
        for _ in range(100):
            publisher.publish(bytes(65536))
    terminal, stderr = pty.openpty()
    command = (*SUBSCRIBER, topic, "--start", "1", "--stats", "--quiet")
    with subprocess.Popen(
        command, env=environment(TERM="xterm"), stdout=subprocess.DEVNULL, stderr=stderr
    ) as subscriber:
        os.close(stderr)
        shown = read_until(terminal, rb"messages, .*lag 0")
        assert re.match(rb"podring-subscriber: \S+ lost \d+ messages, sequence 1 to \d+: ", shown)
        subscriber.terminate()
        assert subscriber.wait(10) == 143
    os.close(terminal)


def test_a_narrow_terminal_gets_a_line_that_fits(topic: str) -> None:
    terminal, stderr = pty.openpty()
    termios.tcsetwinsize(stderr, (24, 20))
    with subprocess.Popen(
        (*PUBLISHER, topic, "--stats"),
        env=environment(TERM="xterm"),
        stdin=subprocess.PIPE,
        stderr=stderr,
    ) as publisher:
        os.close(stderr)
        assert read_until(terminal, rb"\r\x1b\[Ktest.{15}\r\x1b\[K")
        publisher.communicate()
    os.close(terminal)


def test_messages_on_the_same_terminal_are_not_mixed_with_figures(topic: str) -> None:
    terminal, end = pty.openpty()
    command = (*SUBSCRIBER, topic, "--stats", "--idle-exit", "2.5")
    with subprocess.Popen(
        command, env=environment(TERM="xterm"), stdout=end, stderr=end
    ) as subscriber:
        os.close(end)
        wait_for(topic, "subscriber")
        with Publisher(topic, broker="local") as publisher:
            publisher.publish(b"hello\n")
        shown = read_until(terminal, rb"lag 0\r\n")
        assert shown.startswith(b"hello\r\npodring-subscriber: ")
        assert b"\x1b" not in shown
        assert subscriber.wait(10) == 0
    os.close(terminal)

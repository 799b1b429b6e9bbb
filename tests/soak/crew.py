"""The workers of a run: started, stopped, killed, and replaced."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WHO = {"publish": "publisher", "subscribe": "subscriber"}


@dataclass
class Member:
    """One worker process."""

    number: int
    role: str
    options: dict[str, Any]
    process: subprocess.Popen[bytes]
    veteran: bool
    started: float = field(default_factory=time.monotonic)
    stopped: bool = False
    killed: bool = False
    at_work: bool = False  # it has opened a topic, so that killing it may hurt somebody

    @property
    def pid(self) -> int:
        return self.process.pid


class Crew:
    """All workers. The dead are replaced by `renew`; threads may call everything."""

    def __init__(self, folder: Path, broker: str, seed: int) -> None:
        self._folder, self._broker, self._seed = folder, broker, seed
        self._random = random.Random(f"{seed} crew")
        self._numbers = 0
        self.lock = threading.RLock()
        self.members: list[Member] = []
        self.wrong: list[str] = []
        self.kills: dict[str, int] = {}
        self.excused: dict[int, float] = {}
        """Processes that were stopped or killed, and when that ended or happened."""
        self._log = (folder / "workers.log").open("ab")

    def start(self, role: str, *, veteran: bool = False, **options: Any) -> Member:
        with self.lock:
            self._numbers += 1
            given = {
                "number": self._numbers,
                "seed": self._seed,
                "folder": str(self._folder),
                "broker": self._broker,
                "veteran": veteran,
                **options,
            }
            command = [sys.executable, "-m", f"tests.soak.{role}", json.dumps(given)]
            process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
            member = Member(self._numbers, role, options, process, veteran)
            self.members.append(member)
            return member

    def note_at_work(self, processes: set[int]) -> None:
        """Tell who has opened a topic."""
        with self.lock:
            for member in self.members:
                member.at_work = member.at_work or member.pid in processes

    def count(self, kind: str) -> None:
        self.kills[kind] = self.kills.get(kind, 0) + 1

    def pick(self, *, veterans: bool = False) -> Member | None:
        """One that lives, runs, and has had the time to do something."""
        with self.lock:
            there = [
                member
                for member in self.members
                if member.at_work
                and not (member.stopped or member.killed)
                and (veterans or not member.veteran)
            ]
            return self._random.choice(there) if there else None

    def kill(self, member: Member) -> None:
        with self.lock:
            member.killed = True
            member.process.kill()
            self.excused[member.pid] = time.monotonic()
            self.count(f"{WHO[member.role]}s killed (SIGKILL)")

    def stop(self, member: Member, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        with self.lock:
            member.stopped = True
            member.process.send_signal(signal.SIGSTOP)
            self.count(f"{WHO[member.role]}s stopped for a while (SIGSTOP)")
        time.sleep(seconds)
        with self.lock:
            member.process.send_signal(signal.SIGCONT)
            member.stopped = False
            self.excused[member.pid] = time.monotonic()

    def renew(self) -> None:
        """Reap the dead and put others in their places."""
        with self.lock:
            for member in list(self.members):
                code = member.process.poll()
                if code is None:
                    continue
                self.members.remove(member)
                self._judge(member, code)
                self.start(member.role, veteran=member.veteran, **member.options)

    def _judge(self, member: Member, code: int, ending: int = 0) -> None:
        if member.killed or (ending and not member.at_work and code == -ending):
            return  # told to end before it could hear of it
        if code == -signal.SIGKILL and not member.veteran:
            self.excused[member.pid] = time.monotonic()
            self.count("publishers killed in a half-filled loan")
        elif code:
            self.wrong.append(f"worker {member.number} ({member.role}) ended with {code}")

    def end(self, role: str, number: signal.Signals, within_s: float) -> None:
        """Let all of one role come to their end."""
        with self.lock:
            ending = [member for member in self.members if member.role == role]
        for member in ending:
            member.process.send_signal(number)
        deadline = time.monotonic() + within_s
        for member in ending:
            try:
                code = member.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.wrong.append(
                    f"worker {member.number} ({member.role}) does not end within {within_s:g} s"
                )
                member.process.kill()
                member.process.wait()
                continue
            self._judge(member, code, number)
            self._check_open(member)
        with self.lock:
            self.members = [member for member in self.members if member not in ending]

    def _check_open(self, member: Member) -> None:
        """What a worker has open when all is closed is what it had open before."""
        path = self._folder / f"exit-{member.pid}.json"
        if not path.exists():
            return
        report = json.loads(path.read_text(encoding="utf-8"))
        left = _without(report["after"], report["before"])
        if left:
            self.wrong.append(f"worker {member.number} ({member.role}) leaves open: {left}")

    def close(self) -> None:
        for member in self.members:
            member.process.kill()
            member.process.wait()
        self._log.close()


def _without(names: list[str], others: list[str]) -> list[str]:
    """Names beyond those in `others`; sockets and pipes are told apart by number, so by count."""
    rest = [_kind(name) for name in others]
    left = []
    for name in names:
        if _kind(name) in rest:
            rest.remove(_kind(name))
        elif f"/proc/{os.getpid()}" not in name:
            left.append(name)
    return left


def _kind(name: str) -> str:
    if name.startswith("/proc/"):
        return "/proc/self/fd"
    return name.split(":", maxsplit=1)[0]

"""`make soak MINUTES=30`: everything at once, for any time, with an oracle that knows all.

Publishers and subscribers of all kinds work on eight topics of one broker whose catalogue is a real
Redis. All of them are stopped, killed and replaced, the broker and Redis too, and the topics are
deleted and made anew. Each message says who sent it; what each participant did stands in ledgers
that outlive it; `judge` holds them against each other. See docs/soak.md.

Exit code 0 when nothing was wrong; else 1, and the ledgers, logs and the list of what was wrong
stay in the folder that is printed.
"""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from podring import PodringError, segment
from podring.client import broker_at
from tests.broker.harness import Broker, Redis
from tests.soak import report
from tests.soak.chaos import Chaos
from tests.soak.crew import Crew
from tests.soak.generations import Generations
from tests.soak.watch import BOUND_S, Watch

LOOK_S = 0.1
WAIT_S = 60.0


class Soak:
    """One run."""

    def __init__(self, folder: Path, seed: int, every_s: float) -> None:
        self.folder, self.seed = folder, seed
        self.ledgers = folder / "ledgers"
        self.ledgers.mkdir()
        self.redis = Redis(folder / "redis").start()
        node = f"soak-{seed}"
        limits = ("--budget", "256Mi", "--max-rate", "0")
        self.broker = Broker(folder / "broker", node, self.redis.url, *limits).start()
        self.address = f"unix://{self.broker.socket}"
        self.crew = Crew(self.ledgers, self.address, seed)
        self.generations = Generations(self.ledgers)
        self.watch = Watch(self.crew, self.generations)
        self.chaos = Chaos(self.crew, self.broker, self.redis, self.address, seed, every_s=every_s)
        self.wrong: list[str] = []
        self.fds = 0

    def man(self) -> None:
        """Start the workers: veterans live to the end, whatever happens to the others."""
        self.crew.start("publish", veteran=True)
        self.crew.start("subscribe", veteran=True, mode="many")
        self.crew.start("subscribe", veteran=True, mode="async")
        for _ in range(3):
            self.crew.start("publish")
        for name in ("billing", "recorder"):
            self.crew.start("subscribe", name=name)
        for mode in ("single", "view", ""):
            self.crew.start("subscribe", mode=mode)

    def run(self, seconds: float) -> None:
        """Until the time is over, or something is wrong."""
        self.man()
        until = time.monotonic() + seconds
        self.chaos.start()
        last = 0.0
        try:
            while time.monotonic() < until and not self.found():
                self._turn()
                if time.monotonic() - last > 60:
                    last = time.monotonic()
                    self._tell(until - last)
                time.sleep(LOOK_S)
        finally:
            self.chaos.end()

    def _turn(self) -> None:
        self.generations.refresh()
        self.watch.look()
        self.crew.note_at_work(self.generations.writers())
        with self.crew.lock:
            self.crew.renew()
            living = {member.pid for member in self.crew.members}
            names = {m.pid: f"{m.role}er {m.number}" for m in self.crew.members if m.veteran}
        self.generations.forget_dead(living)
        self.generations.judge_one()
        self.watch.forget()
        broker = self.broker.process
        self.watch.weigh(names | ({broker.pid: "broker"} if broker.poll() is None else {}))

    def found(self) -> list[str]:
        """Everything that is wrong so far."""
        judged = [what for verdict in self.generations.verdicts for what in verdict["wrong"]]
        broken = [path.read_text() for path in self.ledgers.glob("broken-*.txt")]
        late = [f"{name} came after the judgement" for name in self.generations.late]
        lists = (self.wrong, self.crew.wrong, self.watch.wrong, self.chaos.wrong)
        return [what for each in (*lists, judged, broken, late) for what in each]

    def _tell(self, rest_s: float) -> None:
        delivered = sum(verdict.get("delivered", 0) for verdict in self.generations.verdicts)
        kills = sum(self.crew.kills.values())
        print(
            f"soak: {rest_s / 60:.0f} min to go; {len(self.generations.verdicts)} generations "
            f"judged with {delivered:,} messages received; {kills} kills and stops; longest "
            f"stall {self.watch.longest:.2f} s",
            flush=True,
        )

    def finish(self) -> None:
        """Let everybody come to the end, and see that nothing stays behind."""
        self.crew.end("publish", signal.SIGTERM, WAIT_S)
        self._turn()
        self.crew.end("subscribe", signal.SIGUSR1, WAIT_S)
        self.generations.refresh()
        self.generations.forget_dead(set())
        self._check_read_to_the_end()
        while self.generations.judge_one(all_over=True):
            time.sleep(0.02)
        self._delete_all()
        code, _ = self.broker.end(signal.SIGTERM)
        if code:
            self.wrong.append(f"the broker ended with {code}")
        left = [found.segment for found in segment.scan(self.broker.owner)]
        if left:
            self.wrong.append(f"segments that nobody removed: {left}")

    def _check_read_to_the_end(self) -> None:
        """Nobody publishes any more: who stayed has everything, or knows what it lost."""
        for generation in self.generations.there.values():
            for page in generation.pages.values():
                if page.meta.role == "publisher" or generation.deleted:
                    continue
                left_behind = page.open and page.meta.process not in self._killed()
                if left_behind:
                    self.wrong.append(f"{page.path.name} was never closed")

    def _killed(self) -> set[int]:
        return set(self.crew.excused)

    def _delete_all(self) -> None:
        deadline = time.monotonic() + 30
        keeper = broker_at(self.address)
        while (there := keeper.topics()) and time.monotonic() < deadline:
            for record in there:
                try:
                    keeper.delete(record.name)
                except PodringError as error:
                    print(f"soak: {error}", flush=True)
                    time.sleep(0.5)

    def close(self) -> None:
        self.crew.close()
        self.broker.close()
        self.redis.kill()


def main() -> int:
    """One run and its table."""
    arguments = _arguments()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1 << 31)
    folder = Path(tempfile.mkdtemp(prefix="podring-soak-", dir=arguments.folder))
    print(f"soak: SEED={seed} MINUTES={arguments.minutes:g}, in {folder}", flush=True)
    before = len(os.listdir("/proc/self/fd"))
    soak = Soak(folder, seed, arguments.every)
    started = time.monotonic()
    try:
        soak.run(arguments.minutes * 60)
        if not soak.found():
            soak.finish()
    finally:
        soak.close()
    gc.collect()
    after = len(os.listdir("/proc/self/fd"))
    if after > before and not soak.found():  # a run that broke off leaves ledgers open
        soak.wrong.append(f"the conductor has {after} files open, and had {before} before")
    soak.watch.verdict()
    return _end(soak, time.monotonic() - started)


def _end(soak: Soak, seconds: float) -> int:
    wrong = soak.found()
    watch = soak.watch
    rows = report.rows(
        seed=soak.seed,
        seconds=seconds,
        cores=os.cpu_count() or 0,
        verdicts=soak.generations.verdicts,
        counts=soak.crew.kills | soak.chaos.counts,
        figures=[
            ("longest time a topic stood still", f"{watch.longest:.2f} s of {BOUND_S:g} s"),
            ("longest time a subscriber stood still", f"{watch.longest_reader:.2f} s"),
            ("longest time the watch itself got no turn", f"{watch.own_delay:.2f} s"),
            ("slowest start of the broker", f"{soak.chaos.slowest_start:.1f} s"),
            ("most that a long-lived process grew", f"{watch.growth >> 10:,} KiB"),
        ],
        wrong=len(wrong),
    )
    text = report.table(rows)
    print(text, flush=True)
    if not wrong:
        shutil.rmtree(soak.folder)
        return 0
    (soak.folder / "wrong.txt").write_text("\n".join(wrong) + "\n\n" + text + "\n")
    for what in wrong[:20]:
        print(f"soak: WRONG: {what}", file=sys.stderr)
    print(f"soak: SEED={soak.seed}; the evidence is in {soak.folder}", file=sys.stderr)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="see docs/soak.md")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--every", type=float, default=0.8, help="seconds between kills")
    parser.add_argument("--folder", help="where ledgers and logs go (default: the system's)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

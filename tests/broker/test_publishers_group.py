"""Rights on the memory itself, with real users: who may write to a ring, and who may only read."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker.conftest import MakeBroker
from tests.broker.harness import SHM, Broker
from tests.broker.test_process import refused
from tests.support.components import MISSING

if os.geteuid() != 0:
    pytest.skip(f"{MISSING} root: only it can become other users", allow_module_level=True)

GROUP = 4242
PUBLISHER = "1000:1000,4242"
SUBSCRIBER = "2000:2000"

AS_USER = """
import encodings.idna, fractions, os, sys
import podring, podring.client, podring.httpbroker, podring.aio  # before they cannot be read
from podring import Publisher, Subscriber
user, _, groups = sys.argv[1].partition(":")
groups = [int(each) for each in groups.split(",")]
os.setgroups(groups[1:])
os.setgid(groups[0])
os.setuid(int(user))
with open("/proc/self/status") as status:
    assert "CapEff:\\t0000000000000000" in status.read()
broker = sys.argv[2]
try:
    exec(sys.argv[3])
except PermissionError as error:
    sys.exit(f"PermissionError: {error}")
"""
PUBLISH = "with Publisher('t', broker=broker) as p: p.publish(b'by a member')"
RECEIVE = """
with Subscriber('t', broker=broker, start='earliest') as s: print(s.receive(timeout=5).decode())
"""


def become(user: str, broker: Broker, what: str) -> tuple[int, str]:
    """Run a line as another user: the exit code, and what it said."""
    command = [sys.executable, "-c", AS_USER, user, broker.address, what]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return result.returncode, (result.stdout + result.stderr).strip()


def rights(segment: str) -> dict[str, tuple[str, int]]:
    found = {half: (SHM / f"{segment}.{half}").stat() for half in ("ring", "roster")}
    return {half: (f"{stat.S_IMODE(it.st_mode):o}", it.st_gid) for half, it in found.items()}


@pytest.fixture
def guarded(make_broker: MakeBroker) -> Broker:
    return make_broker("--publishers-group", str(GROUP)).start()


def test_a_member_of_the_group_publishes_and_anybody_subscribes(guarded: Broker) -> None:
    record = guarded.create("t")
    assert rights(record["segment"]) == {"ring": ("664", GROUP), "roster": ("666", 0)}
    assert become(PUBLISHER, guarded, PUBLISH) == (0, "")
    assert become(SUBSCRIBER, guarded, RECEIVE) == (0, "by a member")


def test_a_subscriber_cannot_open_the_ring_for_writing_by_any_of_its_names(guarded: Broker) -> None:
    ring = SHM / f"{guarded.create('t')['segment']}.ring"
    code, said = become(SUBSCRIBER, guarded, PUBLISH)
    assert (code, "PermissionError" in said) == (1, True)
    for what in (
        f"open('{ring}', 'r+b')",
        f"os.chmod('{ring}', 0o666)",
        f"os.unlink('{ring}')",
        f"os.truncate('{ring}', 0)",
        # A descriptor for reading does not become one for writing on its way through /proc.
        f"fd = os.open('{ring}', os.O_RDONLY); os.open(f'/proc/self/fd/{{fd}}', os.O_RDWR)",
        "import mmap; f = open('" + str(ring) + "', 'rb'); mmap.mmap(f.fileno(), 0, prot=3)",
    ):
        code, said = become(SUBSCRIBER, guarded, what)
        assert (code, said.split(":")[0]) == (1, "PermissionError"), what
    assert become(PUBLISHER, guarded, PUBLISH) == (0, "")


def test_without_a_group_every_user_of_the_node_may_publish(broker: Broker) -> None:
    record = broker.create("t")
    assert rights(record["segment"]) == {"ring": ("666", 0), "roster": ("666", 0)}
    assert become(SUBSCRIBER, broker, PUBLISH) == (0, "")
    assert become(PUBLISHER, broker, RECEIVE) == (0, "by a member")


def test_nobody_else_can_hold_the_lock_that_a_broker_needs_at_its_start(broker: Broker) -> None:
    lock = SHM / f"podring.{broker.owner}.lock"
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    assert become(SUBSCRIBER, broker, f"open('{lock}', 'r+b')")[0] == 1
    broker.end()
    lock.chmod(0o666)  # as a release before this one left it
    broker.start()
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_segment_that_another_user_left_is_no_topic_and_is_left_alone(broker: Broker) -> None:
    kept = broker.create("kept")
    broker.end()
    plant = f"""
from podring import TopicSpec, segment
segment.create("planted", TopicSpec("64Ki", 64), owner={broker.owner!r})
segment.create("kept", TopicSpec("64Ki", 64), owner={broker.owner!r})
"""
    code, said = become(SUBSCRIBER, broker, plant)
    assert (code, said) == (0, "")
    left = {path for path in SHM.glob(f"podring.{broker.owner}.*") if path.stat().st_uid == 2000}
    assert len(left) == 4
    (broker.log.parent / "catalogue.db").unlink()  # what is found counts most when it is lost
    broker.start()
    assert broker.get("kept") == kept
    assert broker.call("GET", "/topics/planted").status_code == 404
    assert all(path.exists() for path in left)


def test_topics_that_are_adopted_get_the_rights_of_now(
    make_broker: MakeBroker, guarded: Broker
) -> None:
    record = guarded.create("t")
    catalogue = f"sqlite://{guarded.log.parent}/catalogue.db"
    guarded.end()
    anybody = make_broker(catalogue=catalogue, folder="anybody").start()
    assert anybody.get("t") == record
    assert rights(record["segment"])["ring"][0] == "666"
    anybody.end()
    guarded.start()
    assert rights(record["segment"])["ring"] == ("664", GROUP)


def test_a_broker_that_may_not_give_files_to_the_group_says_so_at_its_start(tmp_path: Path) -> None:
    script = "import os; os.setgroups([]); os.setgid(3000); os.setuid(3000)\n"
    script += "from podring_broker.__main__ import _require_group\n"
    source = "import podring_broker.__main__\n" + script
    for group, code in ((GROUP, 1), (3000, 0)):
        command = [sys.executable, "-c", source + f"_require_group({group})"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == code, result.stderr
        assert (f"may not give files to group {group}" in result.stderr) == bool(code)
    code, line = refused({"--publishers-group": "staff"})
    assert (code, line.startswith("podring-broker: --publishers-group: ")) == (2, True)

"""Limits of a process, and of a mount: each is named in the error, and nothing is left behind."""

from __future__ import annotations

import pytest

from tests.limits.confined import need_root, run, run_with_small_shm
from tests.support.components import require

USE = """
    import errno, os, resource, subprocess
    from podring import NoRoom, Publisher, Subscriber, TopicSpec, create_topic, delete_topic, topics
    LARGE = TopicSpec("512Mi", "1Ki")
    LIMIT = 300 << 20
"""


@pytest.mark.parametrize(
    ("limit", "said"), [("RLIMIT_AS", "ulimit -v"), ("RLIMIT_FSIZE", "ulimit -f")]
)
def test_a_topic_that_this_process_may_not_make_is_refused_with_the_limit(
    limit: str, said: str
) -> None:
    lines = run_with_small_shm(
        "600m",
        USE
        + f"""
    resource.setrlimit(resource.{limit}, (LIMIT, LIMIT))
    try:
        create_topic("t", LARGE)
    except NoRoom as error:
        print(error)
    print(os.listdir("/dev/shm"))
    """,
    )
    assert f"are free, but not for this process ({said}): " in lines[0]
    assert lines[1] == "['podring.local.lock']"


def test_a_topic_that_does_not_fit_into_a_process_is_refused_with_its_size() -> None:
    lines = run_with_small_shm(
        "600m",
        USE
        + """
    create_topic("t", LARGE)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, hard))
    try:
        Publisher("t")
    except OSError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    with Publisher("t") as publisher:
        print(publisher.publish(b"after"))
    """,
    )
    assert "no addresses left to map the 537" in lines[0]
    assert "ulimit -v" in lines[0]
    assert lines[1] == "1"


def test_shared_memory_that_is_mounted_read_only_is_named() -> None:
    lines = run_with_small_shm(
        "8m",
        USE
        + """
    create_topic("t", TopicSpec("64Ki", "1Ki"))
    subprocess.run(["mount", "-o", "remount,ro", "/dev/shm"], check=True)
    for call in (topics, lambda: create_topic("u"), lambda: Subscriber("t"),
                 lambda: Publisher("t"), lambda: delete_topic("t")):
        try:
            call()
        except OSError as error:
            print(error.errno == errno.EROFS, error.strerror)
    """,
    )
    assert len(lines) == 5
    assert all(line.startswith("True /dev/shm is mounted read-only here") for line in lines)


def test_a_topic_larger_than_what_is_free_takes_none_of_it_before_it_is_refused() -> None:
    lines = run_with_small_shm(
        "400m",
        USE
        + """
    import threading
    create_topic("t", TopicSpec("100Mi", "1Ki"))
    before = free = os.statvfs("/dev/shm").f_bavail
    refused = threading.Event()
    def watch():
        global free
        while not refused.is_set():
            free = min(free, os.statvfs("/dev/shm").f_bavail)
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        create_topic("u", TopicSpec("350Mi", "1Ki"))
    except NoRoom as error:
        print(error)
    refused.set()
    watching.join()
    print(before - free < 100)
    """,
    )
    assert lines[0].startswith("topic 'u' needs 367")
    assert lines[1] == "True"


NO_SHM = """
mount -t tmpfs -o size=1m bare /mnt
cp -a /dev/null /dev/urandom /mnt/
mount --move /mnt /dev
exec "$@"
"""


def test_a_machine_without_shared_memory_says_what_is_missing() -> None:
    need_root()
    unshare = [require("unshare"), "--mount", "--propagation", "private", "sh", "-euc", NO_SHM]
    lines = run(
        """
    from podring import Publisher, TopicSpec, create_topic, delete_topic, segment, topics
    for call in (topics, lambda: create_topic("t"), lambda: Publisher("t"),
                 lambda: delete_topic("t"),
                 lambda: segment.create("t", TopicSpec(), owner="local")):
        try:
            call()
        except FileNotFoundError as error:
            print(error.filename)
    """,
        before=[*unshare, "sh"],
    )
    assert lines == ["/dev/shm"] * 5

"""Limits of a process, and of a mount: each is named in the error, and nothing is left behind."""

from __future__ import annotations

import pytest

from tests.limits.confined import run_with_small_shm

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

"""One contract, three stores, each opened by its URL as the broker does."""

import json
import math
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import redis as redis_py

from podring.topic import TopicRecord, TopicSpec
from podring_broker.catalogue import (
    Catalogue,
    CatalogueUnreachable,
    check_url,
    identity,
    open_catalogue,
)
from podring_broker.catalogue.memory import MemoryCatalogue
from podring_broker.catalogue.watched import AWAY_S, SLOW_S, WatchedCatalogue
from tests.broker.harness import Redis

Open = Callable[[str], Catalogue]


def record(name: str, generation: int = 1, origin: str = "") -> TopicRecord:
    segment = f"podring.o.1.{name}"
    return TopicRecord(name, TopicSpec("64Ki", 1024), 65536, generation, segment, origin)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the catalogue of a node, the same one each time; memory has only one life."""
    opened: list[Catalogue] = []
    urls = {"memory": "memory:", "sqlite": f"sqlite://{tmp_path}/new/folder/catalogue.db"}
    if request.param == "redis":
        urls["redis"] = request.getfixturevalue("redis").url

    def open_it(node: str) -> Catalogue:
        opened.append(open_catalogue(urls[request.param], node))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def test_a_catalogue_that_was_never_used_says_so(store: Open) -> None:
    catalogue = store("n1")
    assert catalogue.load() is None
    catalogue.put([])
    assert catalogue.load() == {}


def test_what_was_put_is_loaded_unchanged(store: Open) -> None:
    catalogue = store("n1")
    catalogue.put([record("a"), record("b.c-d_e")])
    assert catalogue.load() == {"a": record("a"), "b.c-d_e": record("b.c-d_e")}


def test_who_declared_a_topic_is_kept(store: Open) -> None:
    catalogue = store("n1")
    declared = record("a", origin="sharedmemory/default/a/3f0c1d5e")
    catalogue.put([declared, record("b")])
    assert catalogue.load() == {"a": declared, "b": record("b")}


def test_a_record_replaces_the_one_of_the_same_name(store: Open) -> None:
    catalogue = store("n1")
    catalogue.put([record("a", 1), record("b", 1)])
    catalogue.put([record("a", 2)])
    assert catalogue.load() == {"a": record("a", 2), "b": record("b", 1)}


def test_deleting_forgets_one_and_repeating_it_does_no_harm(store: Open) -> None:
    catalogue = store("n1")
    catalogue.delete("a")
    catalogue.put([record("a"), record("b")])
    catalogue.delete("a")
    catalogue.delete("a")
    assert catalogue.load() == {"b": record("b")}


def test_a_catalogue_emptied_by_deletions_is_still_known(store: Open) -> None:
    catalogue = store("n1")
    catalogue.put([record("a")])
    catalogue.delete("a")
    assert catalogue.load() == {}


def test_a_thousand_records_are_one_call(store: Open) -> None:
    catalogue = store("n1")
    many = {f"t{number}": record(f"t{number}") for number in range(1000)}
    catalogue.put(many.values())
    assert catalogue.load() == many


def test_nodes_that_share_a_catalogue_do_not_see_each_other(store: Open) -> None:
    first, second = store("n1"), store("n2")
    first.put([record("a")])
    assert second.load() is None
    second.put([record("b")])
    second.delete("a")
    assert first.load() == {"a": record("a")}
    assert second.load() == {"b": record("b")}


def test_records_outlive_the_broker(tmp_path: Path, redis: Redis) -> None:
    for url in (f"sqlite://{tmp_path}/catalogue.db", redis.url):
        first = open_catalogue(url, "n1")
        first.put([record("a")])
        first.close()
        again = open_catalogue(url, "n1")
        assert again.load() == {"a": record("a")}
        again.close()


def test_an_unreadable_record_is_skipped_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = open_catalogue(f"sqlite://{path}", "n1")
    catalogue.put([record("a")])
    with sqlite3.connect(path) as other:
        rows = [("n1", "b", "{}"), ("n1", "c", "no JSON"), ("n1", "d", "[]")]
        rows += [("n1", "e", "[" * 100_000)]
        endless = json.dumps({**record("f").to_json(), "capacity": math.inf})
        rows += [("n1", "f", endless), ("n1", "g", f'{{"a": {"9" * 5000}}}')]
        other.executemany("INSERT INTO topics VALUES (?, ?, ?)", rows)
    other.close()
    assert catalogue.load() == {"a": record("a")}
    catalogue.close()


def test_what_a_release_without_origins_recorded_is_still_there(
    tmp_path: Path, redis: Redis
) -> None:
    older = record("a").to_json()
    del older["origin"]
    path = tmp_path / "catalogue.db"
    first, second = open_catalogue(f"sqlite://{path}", "n1"), open_catalogue(redis.url, "n1")
    for catalogue in (first, second):
        catalogue.put([])
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO topics VALUES (?, ?, ?)", ("n1", "a", json.dumps(older)))
    other.close()
    with redis_py.Redis.from_url(redis.url) as client:
        client.hset("podring:n1:topics", "a", json.dumps(older))
    for catalogue in (first, second):
        assert catalogue.load() == {"a": record("a")}
        catalogue.put([record("b", origin="somebody")])
        assert catalogue.load() == {"a": record("a"), "b": record("b", origin="somebody")}
        catalogue.close()


def test_a_sqlite_file_that_is_none_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_text("not a database, but long enough to be looked at" * 9)
    with pytest.raises(CatalogueUnreachable, match=r"catalogue\.db"):
        open_catalogue(f"sqlite://{tmp_path}/catalogue.db", "n1")


def test_a_sqlite_file_that_was_removed_is_made_anew_and_nothing_goes_to_the_old_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "folder" / "catalogue.db"
    catalogue = open_catalogue(f"sqlite://{path}", "n1")
    catalogue.put([record("a")])
    shutil.rmtree(path.parent)
    assert catalogue.load() is None
    catalogue.put([record("b")])
    path.rename(path.with_suffix(".moved"))
    catalogue.put([record("c")])
    catalogue.close()
    again = open_catalogue(f"sqlite://{path}", "n1")
    assert again.load() == {"c": record("c")}
    again.close()


def test_a_locked_sqlite_file_is_unreachable_after_a_bounded_wait(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = open_catalogue(f"sqlite://{path}", "n1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CatalogueUnreachable, match="locked"):
        catalogue.put([record("a")])
    other.execute("ROLLBACK")
    other.close()
    catalogue.put([record("a")])
    assert catalogue.load() == {"a": record("a")}
    catalogue.close()


def test_a_redis_that_is_away_is_unreachable_and_comes_back_by_itself(redis: Redis) -> None:
    catalogue = open_catalogue(redis.url, "n1")
    catalogue.put([record("a")])
    redis.kill()
    for call in (catalogue.load, lambda: catalogue.put([]), lambda: catalogue.delete("a")):
        with pytest.raises(CatalogueUnreachable, match=r"redis\.sock"):
            call()
    redis.start()
    assert catalogue.load() == {"a": record("a")}
    catalogue.close()


@pytest.mark.timeout(30)
def test_a_redis_that_hangs_is_unreachable_within_seconds(redis: Redis) -> None:
    catalogue = open_catalogue(redis.url, "n1")
    catalogue.put([record("a")])
    redis.signal(signal.SIGSTOP)
    with pytest.raises(CatalogueUnreachable):
        catalogue.load()
    redis.signal(signal.SIGCONT)
    assert catalogue.load() == {"a": record("a")}
    catalogue.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@host:6379/2", "redis://host:6379/2"),
        ("redis://:secret@host", "redis://host"),
        ("redis://host:6379/0?password=secret&socket_timeout=3", "redis://host:6379/0"),
        ("unix://user:secret@/run/redis.sock?db=3&password=x", "unix:///run/redis.sock?db=3"),
        ("postgres://user:secret@host/db", "postgres://host/db"),
        ("sqlite:///var/lib/podring/catalogue.db", "sqlite:///var/lib/podring/catalogue.db"),
        ("memory:", "memory:"),
    ],
)
def test_a_catalogue_is_shown_without_credentials(url: str, shown: str) -> None:
    assert identity(url) == shown


@pytest.mark.parametrize(
    "url",
    ["", "nowhere", "sqlite://", "sqlite://relative.db", "sqlite:///folder/", "http://host/",
     "redis://host:port", "redis://host/0?no_such_option=1", "redis://[::1", "redis://host/name",
     "redis://host/1/2", "REDIS://host/0", "unix://", "unix://relative.sock", "unix:///a.sock?db=x",
     "sqlite:///folder/\udcff.db", "sqlite:///a\n.db", "memory"],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r".{20,}"):
        open_catalogue(url, "n1")


@pytest.mark.parametrize("sign", "/?#")
@pytest.mark.parametrize("url", ["redis://:s3{}t@host:6379/0", "unix://user:s3{}t@/redis.sock"])
def test_a_password_that_was_not_encoded_is_refused_and_no_part_of_it_shown(
    sign: str, url: str
) -> None:
    with pytest.raises(ValueError, match="%2F") as refusal:
        check_url(url.format(sign))
    assert "s3" not in str(refusal.value)


class Failing(MemoryCatalogue):
    """A catalogue that cannot be written, or that hangs before it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.full, self.hangs_s, self.calls = False, 0.0, 0

    def put(self, records: Iterable[TopicRecord]) -> None:
        self.calls += 1
        time.sleep(self.hangs_s)
        if self.full or self.hangs_s:
            raise CatalogueUnreachable("it is full")
        super().put(records)


def test_a_catalogue_that_can_only_be_read_is_away_until_it_can_be_written() -> None:
    store = Failing()
    watched = WatchedCatalogue(store)
    watched.put([record("a")])
    assert (watched.load(), watched.problem) == ({"a": record("a")}, None)
    store.full = True
    for _ in range(2):
        with pytest.raises(CatalogueUnreachable):
            watched.put([record("b")])
        with pytest.raises(CatalogueUnreachable):
            watched.load()
        assert watched.problem == "it is full"
    store.full = False
    assert watched.load() == {"a": record("a")}
    assert watched.problem is None


def test_a_catalogue_that_hangs_makes_one_caller_wait_and_not_the_next() -> None:
    store = Failing()
    watched = WatchedCatalogue(store)
    store.hangs_s = SLOW_S + 0.1
    for _ in range(5):
        with pytest.raises(CatalogueUnreachable, match="full"):
            watched.put([])
    assert store.calls == 1
    store.hangs_s = 0
    time.sleep(AWAY_S)
    watched.put([])
    assert watched.problem is None

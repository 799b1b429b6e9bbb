"""Brokers and a Redis of a test's own, under names that nobody else has; nothing is left over."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podring_broker.__main__ import owner_of
from tests.broker.asking import Asking, Keys
from tests.broker.harness import Broker, Redis, clean

MakeBroker = Callable[..., Broker]


@pytest.fixture
def node() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def owner(node: str) -> Iterator[str]:
    owner = owner_of(node, "memory:")
    yield owner
    clean(owner)


@pytest.fixture
def make_broker(tmp_path: Path, node: str) -> Iterator[MakeBroker]:
    """Makes brokers that are not started; the catalogue is SQLite unless told otherwise."""
    made: list[Broker] = []

    def make(*arguments: str, catalogue: str = "", folder: str = "broker", **more: str) -> Broker:
        place = tmp_path / folder
        url = catalogue or f"sqlite://{place}/catalogue.db"
        made.append(Broker(place, node, url, *arguments, environment=more))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def broker(make_broker: MakeBroker) -> Broker:
    return make_broker().start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker with a budget of 64 MiB for a whole module whose tests leave no topics behind."""
    node = f"test-{uuid.uuid4().hex[:12]}"
    broker = Broker(tmp_path_factory.mktemp("broker"), node, "memory:", "--budget", "64Mi")
    try:
        yield broker.start()
    finally:
        broker.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Keys]]:
    folder, node = tmp_path_factory.mktemp("asking"), f"test-{uuid.uuid4().hex[:12]}"
    keys = Keys(folder / "tokens")
    settings = ["--authenticate", "tokens", "--tokens", str(keys.file), "--log-level", "debug"]
    broker = Broker(folder, node, "memory:", *settings)
    try:
        yield broker.start(), keys
    finally:
        broker.close()


@pytest.fixture
def asking(serving: tuple[Broker, Keys]) -> Iterator[Asking]:
    broker, keys = serving
    made = Asking(broker, keys.begin())
    yield made.begin()
    made.client.close()


@pytest.fixture
def keys(asking: Asking) -> Keys:
    return asking.keys

"""RabbitMQ as a peer of the benchmarks: a real broker, real processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks.peers import rabbitmq, rabbitmq_broker
from tests.support.components import require
from tests.support.peer_claims import Claims
from tests.support.peers import no_process_left

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer

require("rabbitmq-server")


@pytest.fixture(params=rabbitmq.PEERS, ids=lambda peer: peer.traits.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param  # type: ignore[no-any-return]


class TestRabbitMQ(Claims):
    """It sends what it is given, through a broker that lives as long as this process."""

    def end(self) -> None:
        rabbitmq_broker.end()


def wait_until_stopped(process: psutil.Process) -> None:
    until = time.monotonic() + 10
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_broker_between_its_runs_is_stopped_and_ends_all_the_same() -> None:
    rabbitmq_broker.end()
    with no_process_left():
        with rabbitmq_broker.awake() as broker:
            process = psutil.Process(broker.pid)
            assert process.status() != psutil.STATUS_STOPPED
        wait_until_stopped(process)
        database = Path(process.environ()["HOME"])
        assert database.is_dir()
        rabbitmq_broker.end()
    assert not database.exists()

"""The lanes to all brokers, and the threads that work in them.

One lane a node, so that a slow broker holds nobody up but itself, and at most so many at work at
the same time, so that a thousand brokers do not make a thousand threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog

from podring.client import Broker, broker_at
from podring_controller.cluster import Endpoint
from podring_controller.desired import Desired
from podring_controller.lane import Lane

LINGER_S = 20.0
"""How long a node counts as running a broker after it was last ready: a restart is no news."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Lanes:
    """Every broker that there is.

    calls   how many lanes are worked in at the same time
    done    called in a worker's thread at the end of each slice
    """

    def __init__(
        self,
        calls: int,
        resync_s: float,
        done: Callable[[], None],
        connect: Callable[[str], Broker] = broker_at,
    ) -> None:
        self._lanes: dict[str, Lane] = {}
        self._desired = Desired()
        self._closed = False
        self._resync_s, self._done, self._connect = resync_s, done, connect
        self._pool = ThreadPoolExecutor(calls, thread_name_prefix="broker")

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def get(self, node: str) -> Lane | None:
        return self._lanes.get(node)

    def follow(self, endpoints: Mapping[str, Endpoint], nodes: Collection[str]) -> None:
        """Take note of where brokers are. A lane goes with its Node object, and not before."""
        now = time.monotonic()
        for node in [node for node in self._lanes if node not in nodes]:
            del self._lanes[node]
            log.info("node.gone", node=node)
        for lane in self._lanes.values():
            if lane.job is None:
                lane.follow(endpoints.get(lane.node), now)
        for node, endpoint in endpoints.items():
            if node in nodes and node not in self._lanes and endpoint.ready:
                self._lanes[node] = Lane(endpoint, self._connect)
                log.info("broker.found", node=node, at=endpoint.address)

    def hosts(self, endpoints: Mapping[str, Endpoint]) -> set[str]:
        """Nodes that run a broker, also one that is not ready or was there a moment ago."""
        now = time.monotonic()
        lately = (
            lane.node
            for lane in self._lanes.values()
            if lane.gone_at is None or now - lane.gone_at < LINGER_S
        )
        return {*endpoints, *lately}

    def start(self, desired: Desired) -> None:
        """Set to work whatever has something to do; who is at work goes on to this."""
        self._desired = desired
        now = time.monotonic()
        for lane in self._lanes.values():
            if lane.job is None and lane.needs_work(desired, now, self._resync_s):
                lane.job = desired
                self._pool.submit(self._slice, lane)

    def next_due(self) -> float:
        """When to call `start` again though nothing happens (monotonic)."""
        now = time.monotonic()
        idle = [each for each in self._lanes.values() if each.job is None and each.gone_at is None]
        return min((each.next_due(self._resync_s) for each in idle), default=now + self._resync_s)

    def close(self) -> None:
        """Start nothing any more. What a broker is being asked just now is not waited for."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _slice(self, lane: Lane) -> None:
        """One slice, and then the next if there is more, behind the others that wait."""
        lane.job = self._desired
        try:
            lane.work(lane.job, self._resync_s)
            more = lane.needs_work(self._desired, time.monotonic(), self._resync_s)
        except Exception:
            log.exception("lane.failed", node=lane.node)
            lane.stale, more = True, False
            lane.backoff.failed(time.monotonic())
        if more and not self._closed and self._lanes.get(lane.node) is lane:
            self._pool.submit(self._slice, lane)
        else:
            lane.job = None
        self._done()

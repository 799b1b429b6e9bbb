"""What Prometheus reads: the topics' figures, read from shared memory at the moment of a scrape.

Participants name themselves, so several of one topic may share a name. They share a line then:
what they lost is added up, and the largest lag stands.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from podring.status import Participant
from podring_broker.catalogue.watched import WatchedCatalogue
from podring_broker.live import Live
from podring_broker.service import Service


def registry(service: Service, catalogue: WatchedCatalogue) -> CollectorRegistry:
    """All metrics of a broker: its topics', and its own process's."""
    collected = CollectorRegistry()
    collected.register(BrokerCollector(service, catalogue))
    ProcessCollector(registry=collected)
    return collected


class BrokerCollector(Collector):
    """Reads a service's topics whenever it is asked."""

    def __init__(self, service: Service, catalogue: WatchedCatalogue) -> None:
        self._service, self._catalogue = service, catalogue

    def describe(self) -> list[Metric]:
        return []  # or registering would read every topic once

    def collect(self) -> Iterator[Metric]:
        topics = self._service.topics()
        up = self._catalogue.problem is None
        budget, used = self._service.budget.total, self._service.used()
        waiting = len(self._service.waiting())
        yield GaugeMetricFamily("podring_catalogue_up", "1 while the catalogue answers", up)
        yield GaugeMetricFamily("podring_budget_bytes", "Memory that topics may take", budget)
        yield GaugeMetricFamily("podring_budget_used_bytes", "Memory that topics take", used)
        yield GaugeMetricFamily("podring_topics", "Topics that exist", len(topics))
        yield GaugeMetricFamily(
            "podring_topics_waiting", "Topics that could not be made again yet", waiting
        )
        yield from _of_topics(topics)
        yield from _of_participants(topics)


def _of_topics(topics: list[Live]) -> Iterator[Metric]:
    messages = CounterMetricFamily(
        "podring_topic_messages", "Messages published since the topic was made", labels=["topic"]
    )
    capacity = GaugeMetricFamily(
        "podring_topic_capacity_bytes", "Bytes of the ring", labels=["topic"]
    )
    footprint = GaugeMetricFamily(
        "podring_topic_footprint_bytes", "Shared memory that the topic takes", labels=["topic"]
    )
    living = GaugeMetricFamily(
        "podring_topic_participants", "Participants alive", labels=["topic", "role"]
    )
    for topic in topics:
        name = topic.record.name
        capacity.add_metric([name], topic.record.capacity)
        footprint.add_metric([name], topic.footprint)
        if topic.status is None:
            continue
        messages.add_metric([name], topic.status.latest - 1)
        for role in ("publisher", "subscriber"):
            alive = [each for each in topic.status.participants if each.alive and each.role == role]
            living.add_metric([name, role], len(alive))
    yield from (messages, capacity, footprint, living)


def _of_participants(topics: list[Live]) -> Iterator[Metric]:
    labels = ["topic", "publisher"]
    published = CounterMetricFamily(
        "podring_publisher_messages", "Messages published by a publisher", labels=labels
    )
    sent = CounterMetricFamily(
        "podring_publisher_bytes", "Bytes of payload published by a publisher", labels=labels
    )
    waiting = GaugeMetricFamily(
        "podring_publisher_waiting_seconds",
        "For how long a publisher has been waiting for slow subscribers",
        labels=labels,
    )
    labels = ["topic", "subscriber"]
    received = CounterMetricFamily(
        "podring_subscriber_messages", "Messages received by a subscriber", labels=labels
    )
    lost = CounterMetricFamily(
        "podring_subscriber_lost_messages", "Messages that a subscriber lost", labels=labels
    )
    lag = GaugeMetricFamily(
        "podring_subscriber_lag_messages", "Messages a subscriber has yet to receive", labels=labels
    )
    evicted = GaugeMetricFamily(
        "podring_subscriber_evicted", "1 while publishers have given a subscriber up", labels=labels
    )
    for topic in topics:
        for (role, name), namesakes in _by_name(topic).items():
            key = [topic.record.name, name]
            messages = sum(each.messages for each in namesakes)
            if role == "publisher":
                published.add_metric(key, messages)
                sent.add_metric(key, sum(each.bytes for each in namesakes))
                waiting.add_metric(key, max(map(_waiting_s, namesakes)))
            else:
                received.add_metric(key, messages)
                lost.add_metric(key, sum(each.lost for each in namesakes))
                lag.add_metric(key, max(each.lag for each in namesakes))
                evicted.add_metric(key, any(each.evicted for each in namesakes))
    yield from (published, sent, waiting, received, lost, lag, evicted)


def _waiting_s(publisher: Participant) -> float:
    return max(0.0, (time.time_ns() - publisher.waiting) / 1e9) if publisher.waiting else 0.0


def _by_name(topic: Live) -> dict[tuple[str, str], list[Participant]]:
    found: dict[tuple[str, str], list[Participant]] = {}
    for each in topic.status.participants if topic.status is not None else ():
        if each.alive:
            found.setdefault((each.role, each.name), []).append(each)
    return found

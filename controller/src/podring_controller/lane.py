"""One broker: what was last seen on it, what it refused, and what is done about it.

A lane works in slices of about a second, in some thread of the pool, never in two at a time. While
it does, it alone changes what is kept here, and others only look single topics up. Whatever goes
wrong with one topic is kept as a refusal and tried again later; whatever goes wrong with the broker
fails the slice, and then the next begins by asking what is there, because nobody knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from podring import errors
from podring.client import Broker, broker_at
from podring.topic import TopicRecord
from podring_controller.backoff import Backoff
from podring_controller.cluster import Endpoint
from podring_controller.desired import Desired, Wanted
from podring_controller.plan import Action, Create, Delete, plan

SLICE_S = 1.0
REFUSED_MOST_S = 60.0
TOO_MANY_CALLS = 429

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(slots=True)
class Refusal:
    """Why a broker does not make a topic, and when it is asked again."""

    wanted: Wanted
    reason: str
    message: str
    backoff: Backoff = field(default_factory=lambda: Backoff(most_s=REFUSED_MOST_S))


@dataclass(slots=True)
class Failure:
    """Why a broker cannot be worked with, since when (monotonic).

    listed  whether it tells its topics all the same, so that what it has is known
    """

    reason: str
    message: str
    since: float
    listed: bool = False


class Lane:
    """The way to one node's broker.

    seen      its topics by name, as last heard; None before it ever answered
    stale     whether `seen` may be wrong, so that it must be asked first
    failure   None while it answers
    job       what it is being brought to right now; None while nobody works
    gone_at   since when the node has had no broker that is ready (monotonic); None while it has
    """

    def __init__(self, endpoint: Endpoint, connect: Callable[[str], Broker] = broker_at) -> None:
        self.endpoint = endpoint
        self.seen: dict[str, TopicRecord] | None = None
        self.stale = True
        self.failure: Failure | None = None
        self.refusals: dict[str, Refusal] = {}
        self.job: Desired | None = None
        self.gone_at: float | None = None
        self.backoff = Backoff()
        self._asked_at = 0.0
        self._connect = connect
        self._broker = connect(endpoint.address)

    @property
    def node(self) -> str:
        return self.endpoint.node

    def follow(self, endpoint: Endpoint | None, now: float) -> None:
        """Take note of where the broker is now. Call while nobody works."""
        if endpoint is None or not endpoint.ready:
            self.gone_at = self.gone_at or now
            return
        if self.gone_at is not None or endpoint != self.endpoint:
            self.stale = True
            self.backoff.succeeded()
        if endpoint.address != self.endpoint.address:
            self._broker = self._connect(endpoint.address)
        self.endpoint, self.gone_at = endpoint, None

    def needs_work(self, desired: Desired, now: float, resync_s: float) -> bool:
        """Whether there is something to do now. Ask while nobody works, or as who does."""
        if self.gone_at is not None or now < self.backoff.due:
            return False
        if self.stale or self.seen is None or now - self._asked_at >= resync_s:
            return True
        return next(iter(self._due(desired, now)), None) is not None

    def next_due(self, resync_s: float) -> float:
        """When to look at it again though nothing happens (monotonic)."""
        if self.failure is not None:
            return self.backoff.due
        times = (each.backoff.due for each in self.refusals.values())
        return max(self.backoff.due, min((self._asked_at + resync_s, *times)))

    def work(self, desired: Desired, resync_s: float) -> None:
        """One slice. Never raises for what a broker or a network does."""
        try:
            if self.stale or time.monotonic() - self._asked_at >= resync_s:
                self._ask()
            self._go_through(self._due(desired, time.monotonic()))
        except errors.BrokerUnreachable as error:
            self._failed("BrokerUnreachable", str(error))
        except (errors.PodringError, OSError, ValueError) as error:
            if getattr(error, "status", 0) == TOO_MANY_CALLS:
                self.backoff.due = time.monotonic() + SLICE_S  # the broker's pace, and no failure
            else:
                self._failed("BrokerRefuses", str(error))
        else:
            self._succeeded()

    def _go_through(self, actions: Iterable[Action]) -> None:
        """Act until the slice is over.

        A no to one action stops none of the others, and is raised when all had their turn: a right
        may be missing for one topic alone, and while the catalogue is away deletions happen though
        the broker says 503.
        """
        end = time.monotonic() + SLICE_S
        refused: errors.PodringError | None = None
        for action in actions:
            try:
                self._act(action)
            except (errors.NotAllowed, errors.BrokerRefused) as error:
                if error.status == TOO_MANY_CALLS:
                    raise
                refused = error
            if time.monotonic() > end:
                break
        if refused is not None:
            raise refused

    def _ask(self) -> None:
        self.seen = {record.name: record for record in self._broker.topics()}
        self.stale, self._asked_at = False, time.monotonic()
        for name, refusal in self.refusals.items():
            if refusal.reason == "TopicDiffers" and name not in self.seen:
                refusal.backoff.succeeded()  # what was in the way has gone

    def _due(self, desired: Desired, now: float) -> Iterable[Action]:
        """The plan, without what was refused and is not to be asked again yet."""
        wanted = desired.on(self.node)
        self.refusals = {
            name: each for name, each in self.refusals.items() if wanted.get(name) == each.wanted
        }
        for action in plan(desired, self.node, (self.seen or {}).values()):
            refusal = self.refusals.get(action.wanted.name) if isinstance(action, Create) else None
            if refusal is None or now >= refusal.backoff.due:
                yield action

    def _act(self, action: Action) -> None:
        if isinstance(action, Delete):
            self._delete(action)
        else:
            self._create(action.wanted)

    def _delete(self, action: Delete) -> None:
        seen = self._seen()
        try:
            self._broker.delete(action.name, action.origin)
        except errors.TopicNotFound:
            pass
        except errors.OtherOrigin:
            self.stale = True
            return
        seen.pop(action.name, None)
        for refusal in self.refusals.values():
            refusal.backoff.succeeded()  # there is room again
        log.info("topic.removed", node=self.node, topic=action.name, origin=action.origin)

    def _create(self, wanted: Wanted) -> None:
        seen = self._seen()
        try:
            seen[wanted.name] = self._broker.create(wanted.name, wanted.spec, wanted.origin)
        except errors.NoRoom as error:
            self._refused(wanted, "NoRoom", error)
        except errors.TopicExists as error:
            self._refused(wanted, "TopicDiffers", error)
            self.stale = wanted.name not in seen
        except errors.InvalidTopic as error:
            self._refused(wanted, "Refused", error)
        else:
            self.refusals.pop(wanted.name, None)
            log.info("topic.made", node=self.node, topic=wanted.name, origin=wanted.origin)

    def _seen(self) -> dict[str, TopicRecord]:
        if self.seen is None:
            self.seen = {}
        return self.seen

    def _refused(self, wanted: Wanted, reason: str, error: Exception) -> None:
        refusal = self.refusals.setdefault(wanted.name, Refusal(wanted, reason, ""))
        if refusal.message != str(error):
            log.warning("topic.refused", node=self.node, topic=wanted.name, why=str(error))
        refusal.reason, refusal.message = reason, str(error)
        refusal.backoff.failed(time.monotonic())

    def _failed(self, reason: str, message: str) -> None:
        now = time.monotonic()
        since = now if self.failure is None else self.failure.since
        if self.failure is None or self.failure.reason != reason:
            log.warning("broker.failing", node=self.node, at=self.endpoint.address, why=message)
        listed = reason == "BrokerRefuses" and not self.stale
        self.failure, self.stale = Failure(reason, message, since, listed), True
        self.backoff.failed(now)

    def _succeeded(self) -> None:
        if self.failure is not None:
            log.info("broker.back", node=self.node, at=self.endpoint.address)
        self.failure = None
        self.backoff.succeeded()

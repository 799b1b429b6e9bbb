"""What the HTTP calls ask for: topics made, found, listed and deleted.

Everything is answered from memory; see `holdings` for what is kept there and for the steps that
change it, and `upkeep` for what happens by itself. The catalogue is asked only at the start. So
while it is away nothing is missing but the making and the final forgetting of topics.
"""

from __future__ import annotations

from collections.abc import Callable

from podring import segment
from podring.topic import TopicRecord, TopicSpec, check_name, check_origin
from podring_broker.budget import Budget
from podring_broker.catalogue import Catalogue
from podring_broker.holdings import Holdings
from podring_broker.live import Live, Waiting, read
from podring_broker.refusals import Different, NotDeclaredBy, UnknownTopic
from podring_broker.upkeep import Upkeep

Shown = Callable[[str], bool]
"""Whether a topic of that name is to be shown."""


def _every(_name: str) -> bool:
    return True


class Service:
    """The topics of one owner (see `podring.segment`). `upkeep.reconcile` comes first."""

    def __init__(
        self, catalogue: Catalogue, owner: str, budget: Budget, group: int | None = None
    ) -> None:
        self.budget = budget
        self._held = Holdings(catalogue, owner, budget, group)
        self.upkeep = Upkeep(self._held)

    def create(self, name: str, spec: TopicSpec, origin: str = "") -> tuple[TopicRecord, bool]:
        """Make a topic, or find the same one: its record, and whether it was made now.

        origin  who declares it; a topic that is there keeps its own
        raises  InvalidTopic, Different, Refused, CatalogueUnreachable; then nothing was made
        """
        check_name(name)
        held = self._held
        with held.lock:
            self._require_reconciled()
            if name in held.deleting:
                held.finish_deletion(name)
            waiting = held.waiting.get(name)
            known = waiting.record if waiting is not None else held.topics.get(name)
            if known is not None:
                if known.spec != spec:
                    raise Different(known, spec)
                return self.get(name), waiting is not None
            self.budget.require_place(name, held.count())
            self.budget.require_possible(name, segment.footprint(spec))
            return held.make(name, spec, origin), True

    def get(self, name: str) -> TopicRecord:
        """A topic's record. One that waits to be made again is made now.

        raises  InvalidTopic, UnknownTopic, Refused
        """
        held = self._held
        if check_name(name) not in held.topics and name in held.waiting:
            held.make_again(name)
        record = held.topics.get(name)
        if record is None:
            raise UnknownTopic(name, sorted(held.topics))
        return record

    def live(self, name: str) -> Live:
        """A topic with its figures. Raises like `get`."""
        return read(self.get(name))

    def delete(self, name: str, origin: str | None = None) -> None:
        """Delete a topic: tell its users, forget it, free its memory.

        origin  delete it only if this is who declared it; None: whoever did
        raises  InvalidTopic; UnknownTopic; NotDeclaredBy; CatalogueUnreachable, and then it is
                deleted for its users, and forgotten and freed when the catalogue is back
        """
        check_name(name)
        if origin is not None:
            check_origin(origin)
        with self._held.lock:
            self._require_reconciled()
            record = self._held.find(name)
            if record is None:
                raise UnknownTopic(name, sorted(self._held.topics))
            if origin not in (None, record.origin):
                raise NotDeclaredBy(record, origin)
            self._held.begin_deletion(name)
            self._held.finish_deletion(name)

    def records(self) -> list[TopicRecord]:
        """Every topic, by name."""
        return self._held.topics.by_name()

    def topics(self, shown: Shown = _every) -> list[Live]:
        """Every topic that is to be shown, with its figures, by name."""
        return [read(record) for record in self.records() if shown(record.name)]

    def waiting(self, shown: Shown = _every) -> list[Waiting]:
        """The recorded topics that could not be made again yet, by name."""
        found = sorted(self._held.waiting.copy().items())
        return [waiting for name, waiting in found if shown(name)]

    def used(self) -> int:
        """Bytes of shared memory that topics take, also those whose deletion is not finished."""
        return self._held.used()

    def _require_reconciled(self) -> None:
        """Know what is recorded before changing anything: a name may be taken by a lost topic."""
        if not self.upkeep.reconciled:
            self.upkeep.reconcile()

"""Whatever happens in whatever order, and wherever the controller is killed: in the end it fits.

A world of resources, nodes and brokers is changed at random. Between changes a controller that
remembers nothing takes some of the actions that its plan says, and forgets the rest. When nothing
changes any more, each broker has what is wanted there, what is somebody else's, and nothing else.
"""

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from podring.topic import TopicRecord
from podring_controller.cluster import Declared
from podring_controller.desired import Desired, claims, desired, needs_guard
from podring_controller.origin import owner_in
from podring_controller.plan import Delete, plan
from tests.controller.making import declared, nodes, record

NODES = ("n1", "n2", "n3")
topics = st.sampled_from(["a", "b", "c"])
places = st.sampled_from(NODES)
zones = st.sampled_from(["", "x", "y"])


class World(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.resources: dict[str, Declared] = {}
        self.brokers: dict[str, dict[str, TopicRecord]] = {node: {} for node in NODES}
        self.zones = dict.fromkeys(NODES, "x")
        self.count = 0

    def wants(self) -> Desired:
        found = {name: nodes(name, zone=zone)[name] for name, zone in self.zones.items()}
        return desired(self.resources.values(), found, set(NODES))

    @rule(topic=topics, zone=zones, retain=st.booleans())
    def declare(self, topic: str, zone: str, retain: bool) -> None:
        self.count += 1
        uid = f"u{self.count}"
        spec: dict[str, Any] = {"retain": retain}
        if zone:
            spec["nodeSelector"] = {"zone": zone}
        created = f"2026-11-21T00:{self.count // 60:02}:{self.count % 60:02}Z"
        self.resources[uid] = declared(uid, topic, created=created, guarded=False, **spec)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.resources:
            uid = data.draw(st.sampled_from(sorted(self.resources)))
            if self.resources[uid].guarded:
                self.resources[uid] = replace(self.resources[uid], deleted_at=1.0)
            else:
                del self.resources[uid]

    @rule(node=places, zone=zones)
    def relabel(self, node: str, zone: str) -> None:
        self.zones[node] = zone

    @rule(node=places)
    def lose_everything(self, node: str) -> None:
        self.brokers[node] = {}

    @rule(data=st.data())
    def take_the_guard_away(self, data: st.DataObject) -> None:
        if here := sorted(uid for uid, each in self.resources.items() if each.deleted_at is None):
            uid = data.draw(st.sampled_from(here))
            self.resources[uid] = replace(self.resources[uid], finalizers=())

    @rule(node=places, topic=topics)
    def interfere(self, node: str, topic: str) -> None:
        self.brokers[node].setdefault(topic, record(topic, "somebody"))

    @rule(node=places, data=st.data())
    def meddle(self, node: str, data: st.DataObject) -> None:
        if self.brokers[node]:
            del self.brokers[node][data.draw(st.sampled_from(sorted(self.brokers[node])))]

    @rule(steps=st.integers(0, 6))
    def run_and_be_killed(self, steps: int) -> None:
        for _ in range(steps):
            if not self.step():
                break

    def step(self) -> bool:
        """One call to the API server or a broker, as the controller would make it now."""
        holders = claims(self.resources.values())
        for uid, each in self.resources.items():
            if needs_guard(each, holders):
                self.resources[uid] = replace(each, finalizers=("podring.io/memory",))
                return True
        wanted = self.wants()
        for node, broker in self.brokers.items():
            for action in plan(wanted, node, broker.values()):
                if isinstance(action, Delete):
                    assert broker[action.name].origin == action.origin
                    del broker[action.name]
                    return True
                if action.wanted.name not in broker:
                    here = action.wanted
                    broker[here.name] = record(here.name, here.origin, here.spec)
                    return True
        for uid, each in self.resources.items():
            if each.deleted_at is not None and not self.held(uid):
                del self.resources[uid]
                return True
        return False

    def held(self, uid: str) -> bool:
        owners = [owner_in(each.origin) for held in self.brokers.values() for each in held.values()]
        return any(owner is not None and owner.uid == uid for owner in owners)

    @rule()
    def settle(self) -> None:
        for _ in range(400):
            if not self.step():
                break
        else:
            raise AssertionError("it never comes to rest")
        wanted = self.wants()
        assert all(each.deleted_at is None for each in self.resources.values())
        for node, broker in self.brokers.items():
            assert set(wanted.on(node)) <= set(broker)
            for name, each in broker.items():
                owner = owner_in(each.origin)
                if owner is not None and not owner.retained:
                    assert wanted.on(node)[name].uid == owner.uid

    @invariant()
    def who_has_a_name_and_lost_the_guard_loses_no_topic(self) -> None:
        holders = claims(self.resources.values())
        bare = {each.uid for each in holders.values() if needs_guard(each, holders)}
        wanted = self.wants()
        for node, broker in self.brokers.items():
            for action in plan(wanted, node, broker.values()):
                owner = owner_in(action.origin) if isinstance(action, Delete) else None
                assert owner is None or owner.uid not in bare

    @invariant()
    def what_is_somebody_elses_is_never_in_a_plan(self) -> None:
        wanted = self.wants()
        for node, broker in self.brokers.items():
            for action in plan(wanted, node, broker.values()):
                if isinstance(action, Delete):
                    assert action.origin.startswith("sharedmemory")


World.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestConvergence = World.TestCase

"""Rights that roles grant, and rights that somebody used, as one kind of thing to be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.kubernetes.support.api import Api, Json
from tests.kubernetes.support.waiting import wait_until

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Right(NamedTuple):
    """One verb on one kind of object; `resource` with its subresource, if it has one."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def granted(role: Json) -> list[Right]:
    """Every right of a ClusterRole."""
    return [
        Right(group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def used(audit_log: Path, user: str) -> tuple[set[Right], set[Right]]:
    """What a user did by the audit log, and what it was refused. Discovery has no object."""
    done: set[Right] = set()
    refused: set[Right] = set()
    for line in audit_log.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] != user or "objectRef" not in event:
            continue
        about = event["objectRef"]
        resource = "/".join(filter(None, [about["resource"], about.get("subresource")]))
        right = Right(about.get("apiGroup", ""), resource, event["verb"])
        (refused if event["responseStatus"]["code"] == 403 else done).add(right)
    return done, refused


@contextmanager
def without(api: Api, role: str, right: Right, user: str) -> Iterator[None]:
    """A role without one of its rights, and with it again afterwards."""
    whole = api.get(f"{ROLES}/{role}")["rules"]
    rest = [
        {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
        for each in granted({"rules": whole})
        if each != right
    ]
    api.patch(f"{ROLES}/{role}", {"rules": rest})
    try:
        wait_until(f"{user} to be refused {right}", lambda: not may(api, user, right))
        yield
    finally:
        api.patch(f"{ROLES}/{role}", {"rules": whole})
        wait_until(f"{user} to be allowed {right}", lambda: may(api, user, right))


def may(api: Api, user: str, right: Right) -> bool:
    """What the API server would answer."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "verb": right.verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    return bool(api.create(REVIEWS, review)["status"]["allowed"])

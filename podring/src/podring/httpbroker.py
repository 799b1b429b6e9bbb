"""The node's broker, spoken to in HTTP: its calls, and what its answers mean.

What the broker refuses comes as problem details (RFC 9457) and leaves here as one of podring's own
errors, with the broker's words. An answer that no podring broker would give is never passed on as
if it were one. How a call travels, and how often it is tried, is in `httpcall`.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any
from urllib.parse import quote

from podring.errors import (
    BrokerRefused,
    CorruptRing,
    InvalidTopic,
    NoRoom,
    NotAllowed,
    OtherOrigin,
    PodringError,
    TopicExists,
    TopicNotFound,
)
from podring.httpcall import Line
from podring.local import not_found
from podring.status import Participant, TopicStatus
from podring.topic import TopicRecord, TopicSpec, check_name, check_origin, check_spec

READ_TIMEOUT_S = 10.0
ZEROING_BYTES_PER_S = 100e6
"""A creation may take `size` divided by this on top: memory is zeroed, on a slow machine too."""


class HttpBroker:
    """A broker that answers HTTP, at `host` and `port` or at the Unix socket `path`."""

    def __init__(self, address: str, *, host: str = "", port: int = 0, path: str = "") -> None:
        self.address = address
        self._line = Line(address, host=host, port=port, path=path)

    def create(self, name: str, spec: TopicSpec, origin: str = "") -> TopicRecord:
        """Make a topic, or find the same one. Waits for as long as zeroing its memory may take."""
        check_spec(spec)
        wanted: dict[str, object] = {
            "topicname": check_name(name),
            "shmsize": spec.size_bytes,
            "msgsize": spec.max_message_bytes,
            "overflow": spec.overflow,
        }
        if spec.overflow == "block":
            wanted |= {"unsubscribed": spec.unsubscribed, "lease": spec.lease}
        if origin:
            wanted["origin"] = check_origin(origin)
        patience_s = READ_TIMEOUT_S + spec.size_bytes / ZEROING_BYTES_PER_S
        return self._record(self._call("POST", "/createTopic", wanted, patience_s=patience_s))

    def get(self, name: str) -> TopicRecord:
        """Find a topic. Raises TopicNotFound, which names the topics that there are."""
        return self._record(self._call("GET", f"/getTopic?topicname={check_name(name)}", name=name))

    def delete(self, name: str, origin: str | None = None) -> None:
        """Remove a topic."""
        only = "" if origin is None else f"?origin={quote(check_origin(origin), safe='')}"
        self._call("DELETE", f"/topics/{check_name(name)}{only}", name=name)

    def topics(self) -> list[TopicRecord]:
        """Every topic, by name."""
        return sorted(map(self._record, self._listed()), key=lambda record: record.name)

    def live(self) -> list[tuple[TopicRecord, TopicStatus | None]]:
        """Every topic with its live figures, by name."""
        found = [
            (self._record(each), None if each.get("problem") else self._status(each))
            for each in self._listed()
        ]
        return sorted(found, key=lambda pair: pair[0].name)

    def status(self, name: str) -> TopicStatus:
        """A topic's live figures. Raises CorruptRing when the broker cannot read them."""
        answer = self._call("GET", f"/topics/{check_name(name)}", name=name)
        if isinstance(answer, dict) and answer.get("problem"):
            raise CorruptRing(f"{self.address} has no figures of {name!r}: {answer['problem']}")
        return self._status(answer)

    def _listed(self) -> list[Any]:
        answer = self._call("GET", "/topics")
        listed = answer.get("topics") if isinstance(answer, dict) else answer
        if not isinstance(listed, list):
            raise self._line.nonsense(200, "a list of topics was expected")
        return listed

    def _status(self, answer: Any) -> TopicStatus:
        try:
            return TopicStatus(
                earliest=int(answer["earliest"]),
                latest=int(answer["latest"]),
                participants=tuple(map(_participant, answer["participants"])),
            )
        except (KeyError, TypeError, ValueError):
            raise self._line.nonsense(200, "live figures were expected") from None

    def _record(self, answer: Any) -> TopicRecord:
        try:
            return TopicRecord.from_json(answer)
        except (InvalidTopic, TypeError, ValueError) as error:
            raise self._line.nonsense(200, str(error)) from None

    def _call(
        self,
        method: str,
        target: str,
        body: dict[str, Any] | None = None,
        *,
        name: str = "",
        patience_s: float | None = None,
    ) -> Any:
        """One call with its retries: the answer's JSON, None when it has none, or an error."""
        came = self._line.ask(method, target, body, patience_s or READ_TIMEOUT_S)
        if came.status == 204:
            return None
        try:
            answer = json.loads(came.payload)
        except (RecursionError, ValueError):
            what = f"{came.kind or 'nothing'} came instead of JSON"
            raise self._line.nonsense(came.status, what) from None
        if 200 <= came.status < 300:
            return answer
        if came.kind != "application/problem+json" or not isinstance(answer, dict):
            raise self._line.nonsense(came.status, "no problem details came with it")
        raise self._problem(came.status, answer, name)

    def _problem(self, status: int, answer: dict[str, Any], name: str) -> PodringError:
        """The broker's refusal as an error of ours, in its words."""
        detail = str(answer.get("detail") or answer.get("title") or f"status {status}")
        if status in (401, 403):
            return NotAllowed(status, f"{self.address}: {detail}")
        if status == 404 and name:
            return TopicNotFound(self._missing(name, detail))
        if status == 422:
            return InvalidTopic(str(answer.get("field") or "topicname"), detail)
        if status == 409 and str(answer.get("type", "")).endswith(":other-origin"):
            return OtherOrigin(detail)
        if status == 409:
            return TopicExists(detail)
        if status == 507:
            return NoRoom(detail)
        return BrokerRefused(status, f"{self.address} refused with status {status}: {detail}")

    def _missing(self, name: str, detail: str) -> str:
        try:
            return not_found(name, f"on {self.address}", (r.name for r in self.topics()))
        except PodringError:
            return detail  # the list is a courtesy: without it, the broker's own words do


_PARTICIPANT_FIELDS = tuple(field.name for field in fields(Participant))


def _participant(data: dict[str, Any]) -> Participant:
    """Read what `TopicStatus.to_json` wrote about one participant; unknown keys are ignored."""
    # What an older broker does not tell has its default; what every broker tells must be there.
    return Participant(**{name: data[name] for name in _PARTICIPANT_FIELDS if name in data})

"""Every error as problem details (RFC 9457), whoever raised it: we, pydantic, or the framework.

A problem tells what happened, to which thing, with the numbers, and what to do. Where a field of
the request is to blame, `field` names it as the request spells it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from podring.errors import InvalidTopic
from podring_broker.access import Forbidden
from podring_broker.catalogue import CatalogueUnreachable
from podring_broker.refusals import Different, NotDeclaredBy, Refused, TooManyTopics, UnknownTopic

MEDIA_TYPE = "application/problem+json"
DESCRIPTIONS = {
    400: "The body is no JSON",
    401: "Who calls is not known: no token, or one that belongs to nobody",
    403: "The caller has no right to this",
    404: "There is no such topic",
    409: "A topic of this name exists with other sizes",
    413: "The body is too large",
    422: "A field is missing, unknown or impossible; `field` names it",
    429: "The caller calls too often; `Retry-After` tells when to come back",
    503: "The catalogue does not answer, or whoever knows the callers",
    507: "There is no room; `needed`, `free`, `used` and `budget` tell how much, if it is memory",
}
_DETAIL_MAX = 1000
_URI = "/%:@!$&'()*+,;=~"
_NAMES = {"name": "topicname"}
"""Parameters that are called otherwise in a path than everywhere else."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def documented(*statuses: int, why: str = "") -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems.

    why  said of them instead of what DESCRIPTIONS says
    """
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": why or DESCRIPTIONS[status], "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


def problem(request: Request, status: int, kind: str, detail: str, **more: Any) -> Response:
    """An answer that tells what went wrong; see `render`."""
    text = render(status, kind, detail, place(request), **more)
    return Response(text, status, media_type=MEDIA_TYPE)


def render(status: int, kind: str, detail: str, instance: str, **more: Any) -> bytes:
    """A problem as JSON.

    kind  last part of its type; empty when there is nothing to say beyond the status
    """
    content = {
        "type": f"urn:podring:problem:{kind}" if kind else "about:blank",
        "title": kind.replace("-", " ").capitalize() if kind else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail if len(detail) <= _DETAIL_MAX else detail[:_DETAIL_MAX] + "…",
        "instance": instance,
        **more,
    }
    # What was asked for may hold half a surrogate pair, which UTF-8 cannot say and JSON can.
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


def place(request: Request) -> str:
    """The path of a request as it was sent, fit for a line of the log and for a URI."""
    return quote(request.scope["raw_path"], safe=_URI)


def register(app: FastAPI) -> None:
    """Have all errors of an application answered as problems."""
    for kind, handler in {
        InvalidTopic: _invalid,
        UnknownTopic: _unknown,
        Different: _different,
        NotDeclaredBy: _other_origin,
        Refused: _no_room,
        TooManyTopics: _too_many,
        Forbidden: _forbidden,
        CatalogueUnreachable: _no_catalogue,
        RequestValidationError: _malformed,
        HTTPException: _framework,
        Exception: _ours,
    }.items():
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]


async def _invalid(request: Request, error: InvalidTopic) -> Response:
    return problem(request, 422, "invalid-field", str(error), field=error.field)


async def _unknown(request: Request, error: UnknownTopic) -> Response:
    seen = error.to(request.scope["caller"].sees)
    return problem(request, 404, "no-such-topic", str(seen), field="topicname", known=seen.known)


async def _different(request: Request, error: Different) -> Response:
    existing = error.existing.to_json()
    return problem(request, 409, "topic-exists", str(error), field=error.field, existing=existing)


async def _other_origin(request: Request, error: NotDeclaredBy) -> Response:
    return problem(request, 409, "other-origin", str(error), field="origin", origin=error.origin)


async def _no_room(request: Request, error: Refused) -> Response:
    numbers = {"needed": error.needed, "free": error.free, "used": error.used}
    return problem(
        request, 507, "no-room", str(error), field="shmsize", **numbers, budget=error.budget
    )


async def _too_many(request: Request, error: TooManyTopics) -> Response:
    return problem(request, 507, "too-many-topics", str(error), field="topicname")


async def _forbidden(request: Request, error: Forbidden) -> Response:
    log.warning("call.forbidden", method=request.method, path=place(request), why=str(error))
    return problem(request, 403, "not-allowed", str(error))


async def _no_catalogue(request: Request, error: CatalogueUnreachable) -> Response:
    detail = f"{error}; topics that exist go on working, try again when it is back"
    answer = problem(request, 503, "catalogue-unreachable", detail)
    answer.headers["Retry-After"] = "2"
    return answer


async def _malformed(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        why = first.get("ctx", {}).get("error", "it cannot be parsed")
        return problem(request, 400, "malformed-json", f"the body is no JSON: {why}")
    field = _field(first["loc"])
    if not field:
        detail = "the body must be one JSON object, sent as application/json"
        return problem(request, 422, "invalid-body", detail)
    asked = f": ask for {request.scope['path']}?{field}=…" if first["loc"][0] == "query" else ""
    sentences = {
        "missing": f"{field} is missing{asked}",
        "extra_forbidden": f"there is no field {field!r}: the body has topicname, shmsize, "
        "msgsize, and overflow, unsubscribed, lease and origin if you like",
    }
    detail = sentences.get(first["type"], f"{field}: {first['msg']}")
    return problem(request, 422, "invalid-field", detail, field=field)


def _field(place: Sequence[str | int]) -> str:
    """The field that pydantic's place of an error such as ("body", "shmsize") means."""
    name = str(place[1]) if len(place) > 1 else ""
    return _NAMES.get(name, name)[:_DETAIL_MAX]


async def _framework(request: Request, error: HTTPException) -> Response:
    method, path = request.method, request.scope["path"]
    headers = dict(error.headers or {})
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"there is nothing at {path!r}; /docs lists what there is"
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request)) or headers.get("Allow", "GET")
        detail = f"{method} is not possible at {path!r}; allowed: {headers['Allow']}"
    answer = problem(request, error.status_code, "", detail)
    answer.headers.update(headers)
    return answer


def _allowed(request: Request) -> list[str]:
    """Every method of every route at this path; the framework knows of the first one only."""
    routes = request.app.state.routes
    here = [each for each in routes if each.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in route.methods})


async def _ours(request: Request, error: Exception) -> Response:
    log.error("request.failed", method=request.method, path=place(request), exc_info=error)
    return problem(request, 500, "", "the broker made an error; its log says which")

"""The HTTP calls. Each is a line or two: the service does the work, `problems` says what failed.

The three calls with a verb in their name are how podring began; the plain resource form below
/topics does the same. Functions without `async` run in threads of the framework's. What makes and
deletes has a thread of its own, because it waits for the kernel to zero memory, and for the
catalogue: however many ask for that, all others are answered meanwhile.
"""

from __future__ import annotations

from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.convertors import Convertor, register_url_convertor

from podring.topic import check_name
from podring_broker.access import Caller
from podring_broker.access.rights import RIGHTS
from podring_broker.catalogue import CatalogueUnreachable
from podring_broker.problems import documented
from podring_broker.schemas import (
    Health,
    LiveTopic,
    Subscription,
    Topic,
    Topics,
    WaitingTopic,
)
from podring_broker.service import Service
from podring_broker.wanted import CreateTopic, Origin, TopicName


class _Anything(Convertor[str]):
    """A parameter that takes the rest of a path, whatever it holds.

    So a name with a slash is refused as a name instead of finding nothing, and one that ends in a
    line feed is not taken for the name without it, as Starlette's own `path` would.
    """

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())
# What `guard` may answer before any of these calls.
topics = APIRouter(responses=documented(401, 403, 429, 503), tags=["topics"])
broker = APIRouter(tags=["broker"])
_one_by_one = CapacityLimiter(1)  # as the lock in `holdings` has it anyway


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["caller"]
    return caller


Served = Annotated[Service, Depends(_service)]
Calling = Annotated[Caller, Depends(_caller)]
Asked = Annotated[TopicName, Query(description="the topic's name")]
OnlyOf = Annotated[Origin | None, Query(description="delete only what this origin declared")]


@topics.post(
    "/createTopic",
    status_code=201,
    response_description="The topic was made",
    responses={
        200: {"model": Topic, "description": "The topic was there with the same sizes"},
        **documented(400, 409, 413, 422, 507),
    },
)
async def create_topic(
    wanted: CreateTopic, service: Served, caller: Calling, response: Response
) -> Topic:
    """Create a topic and reserve its memory. The same call again does no harm."""
    caller.require(check_name(wanted.topicname), "create")
    name, spec, origin = wanted.topicname, wanted.spec(), wanted.declarer()
    record, new = await to_thread.run_sync(service.create, name, spec, origin, limiter=_one_by_one)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/topics/{record.name}"
    return Topic.of(record)


@topics.get("/getTopic", responses=documented(404, 422, 507))
def get_topic(topicname: Asked, service: Served, caller: Calling) -> Topic:
    """Find a topic, in order to publish or subscribe."""
    caller.require(check_name(topicname), "publish", "subscribe")
    return Topic.of(service.get(topicname))


@topics.post("/substopic", responses=documented(404, 422, 507))
@topics.get("/substopic", responses=documented(404, 422, 507))
def subscribe_topic(topicname: Asked, service: Served, caller: Calling) -> Subscription:
    """Find a topic in order to subscribe, with the sequences to start from."""
    caller.require(check_name(topicname), "publish", "subscribe")
    return Subscription.to(service.live(topicname))


@topics.get("/topics")
def list_topics(service: Served, caller: Calling) -> Topics:
    """List every topic that the caller may see, with its live figures."""
    return Topics(
        topics=[LiveTopic.of_live(live) for live in service.topics(caller.sees)],
        waiting=[WaitingTopic.of(waiting) for waiting in service.waiting(caller.sees)],
        budget=service.budget.total,
        used=service.used(),
    )


@topics.get("/topics/{name:anything}", responses=documented(404, 422, 507))
def show_topic(name: TopicName, service: Served, caller: Calling) -> LiveTopic:
    """Show one topic with its live figures."""
    caller.require(check_name(name), *RIGHTS)
    return LiveTopic.of_live(service.live(name))


@topics.delete(
    "/topics/{name:anything}",
    status_code=204,
    response_description="The topic is gone; its users were told",
    responses={
        **documented(404, 422),
        **documented(409, why="The topic was declared by somebody else"),
    },
)
async def delete_topic(
    name: TopicName, service: Served, caller: Calling, origin: OnlyOf = None
) -> None:
    """Delete a topic. Its memory is free once the last of its users lets go."""
    caller.require(check_name(name), "delete")
    await to_thread.run_sync(service.delete, name, origin, limiter=_one_by_one)


@broker.get("/healthz")
async def healthz() -> Health:
    """Tell that the process serves."""
    return Health()


@broker.get("/readyz", responses=documented(503))
async def readyz(request: Request) -> Health:
    """Tell whether topics can be created now, which takes a catalogue that answers."""
    problem = request.app.state.catalogue.problem
    if problem is not None:
        raise CatalogueUnreachable(problem)
    return Health()


@broker.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Everything that can be counted, in Prometheus' text format."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)

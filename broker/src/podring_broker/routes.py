"""The HTTP calls. Each is a line or two: the service does the work, `problems` says what failed.

The three calls with a verb in their name are how podring began; the plain resource form below
/topics does the same. Functions without `async` run in threads, because they may wait: for the
kernel to zero memory, or for the catalogue.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.convertors import Convertor, register_url_convertor

from podring_broker.catalogue import CatalogueUnreachable
from podring_broker.problems import documented
from podring_broker.schemas import (
    CreateTopic,
    Health,
    LiveTopic,
    Origin,
    Subscription,
    Topic,
    TopicName,
    Topics,
    WaitingTopic,
)
from podring_broker.service import Service


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
router = APIRouter()


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(_service)]
Asked = Annotated[TopicName, Query(description="the topic's name")]
OnlyOf = Annotated[Origin | None, Query(description="delete only what this origin declared")]


@router.post(
    "/createTopic",
    status_code=201,
    response_description="The topic was made",
    responses={
        200: {"model": Topic, "description": "The topic was there with the same sizes"},
        **documented(400, 409, 413, 422, 503, 507),
    },
    tags=["topics"],
)
def create_topic(wanted: CreateTopic, service: Served, response: Response) -> Topic:
    """Create a topic and reserve its memory. The same call again does no harm."""
    record, new = service.create(wanted.topicname, wanted.spec(), wanted.declarer())
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/topics/{record.name}"
    return Topic.of(record)


@router.get("/getTopic", responses=documented(404, 422, 507), tags=["topics"])
def get_topic(topicname: Asked, service: Served) -> Topic:
    """Find a topic, in order to publish."""
    return Topic.of(service.get(topicname))


@router.post("/substopic", responses=documented(404, 422, 507), tags=["topics"])
@router.get("/substopic", responses=documented(404, 422, 507), tags=["topics"])
def subscribe_topic(topicname: Asked, service: Served) -> Subscription:
    """Find a topic in order to subscribe, with the sequences to start from."""
    return Subscription.to(service.live(topicname))


@router.get("/topics", tags=["topics"])
def list_topics(service: Served) -> Topics:
    """List every topic with its live figures."""
    return Topics(
        topics=[LiveTopic.of_live(live) for live in service.topics()],
        waiting=[WaitingTopic.of(waiting) for waiting in service.waiting()],
        budget=service.budget.total,
        used=service.used(),
    )


@router.get("/topics/{name:anything}", responses=documented(404, 422, 507), tags=["topics"])
def show_topic(name: TopicName, service: Served) -> LiveTopic:
    """Show one topic with its live figures."""
    return LiveTopic.of_live(service.live(name))


@router.delete(
    "/topics/{name:anything}",
    status_code=204,
    response_description="The topic is gone; its users were told",
    responses={
        **documented(404, 422, 503),
        **documented(409, why="The topic was declared by somebody else"),
    },
    tags=["topics"],
)
def delete_topic(name: TopicName, service: Served, origin: OnlyOf = None) -> None:
    """Delete a topic. Its memory is free once the last of its users lets go."""
    service.delete(name, origin)


@router.get("/healthz", tags=["broker"])
async def healthz() -> Health:
    """Tell that the process serves."""
    return Health()


@router.get("/readyz", responses=documented(503), tags=["broker"])
async def readyz(request: Request) -> Health:
    """Tell whether topics can be created now, which takes a catalogue that answers."""
    problem = request.app.state.catalogue.problem
    if problem is not None:
        raise CatalogueUnreachable(problem)
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    tags=["broker"],
)
def metrics(request: Request) -> Response:
    """Everything that can be counted, in Prometheus' text format."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)

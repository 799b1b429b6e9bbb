"""The wiring of the HTTP application: routes, errors, metrics, janitor, documentation. No logic."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from podring_broker import problems, routes
from podring_broker.access import Authenticator
from podring_broker.bodylimit import BodyLimit
from podring_broker.catalogue.watched import WatchedCatalogue
from podring_broker.guard import OPEN, Guard
from podring_broker.janitor import Janitor
from podring_broker.metrics import registry
from podring_broker.schemas import Problem
from podring_broker.service import Service

_SUMMARY = "Creates shared-memory topics on this node and tells where they lie."


def build(
    service: Service,
    catalogue: WatchedCatalogue,
    authenticator: Authenticator | None,
    *,
    rate: float,
    trust_socket: bool,
) -> FastAPI:
    """The application that serves `service`; its janitor runs while it does.

    authenticator, rate, trust_socket  see `guard`
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        janitor = asyncio.create_task(Janitor(service).run())
        yield
        janitor.cancel()

    app = FastAPI(
        title="podring broker",
        summary=_SUMMARY,
        version=version("podring-broker"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.catalogue = catalogue
    app.state.routes = [*routes.topics.routes, *routes.broker.routes]
    app.state.metrics = registry(service, catalogue)
    app.add_middleware(BodyLimit)
    # Added last, so outermost: nothing of a stranger's body is read.
    app.add_middleware(Guard, authenticator=authenticator, rate=rate, trust_socket=trust_socket)
    problems.register(app)
    app.include_router(routes.topics)
    app.include_router(routes.broker)
    _add_docs(app)
    asks = authenticator is not None
    app.openapi = lambda: _openapi(app, asks)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI, asks: bool) -> dict[str, Any]:
    """The description, with the schema that every problem refers to, and the tokens if it asks."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        # Nested schemas of a problem are already there, because answers use them too.
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        components = app.openapi_schema["components"]
        components["schemas"]["Problem"] = schema
        if asks:
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, calls in app.openapi_schema["paths"].items():
                for call in calls.values() if path not in OPEN else ():
                    call["security"] = [{"token": []}]
    return app.openapi_schema


def _add_docs(app: FastAPI) -> None:
    """Serve Swagger UI at /docs from files on this disk: a cluster may have no way out."""
    package = importlib.util.find_spec("fastapi_swagger")
    if package is None or package.origin is None:
        return
    files = StaticFiles(directory=Path(package.origin).parent / "resources")
    app.mount("/docs/files", files, name="docs-files")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/docs/files/swagger-ui.css",
            swagger_favicon_url="/docs/files/favicon-32x32.png",
        )

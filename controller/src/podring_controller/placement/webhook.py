"""The admission webhook: placement for API servers without MutatingAdmissionPolicy.

A small HTTPS server in the controller's event loop, beside kopf. It answers POST /placement with
what `review` says, and keeps telling the API server the CA to trust it by: at the start, and again
every 15 s, since whoever replaces the MutatingWebhookConfiguration replaces the CA with nothing.
kopf has a webhook server of its own, but its configurations select no namespaces and wait for 30
seconds, and making its certificates needs packages that nobody maintains.

The configuration itself is in deploy/placement/webhook. It says failurePolicy Ignore and two
seconds: while nobody answers here, pods are scheduled as if they had no annotations.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web
from kubernetes.client import AdmissionregistrationV1Api, ApiClient
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from podring_controller.placement.certificates import Certificates, make_certificates
from podring_controller.placement.review import answer

CONFIGURATION = "podring-placement"
"""The MutatingWebhookConfiguration, which has one webhook."""
WEBHOOK = "placement.podring.io"
PATH = "/placement"

_REVIEW_MAX = 8 << 20
"""Bytes of a review. A pod has at most 1.5 MiB, and a review may hold it twice."""
_REPEAT_S = 15.0
_RETRY_S = 5.0
_TIMEOUT_S = 3.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where the webhook listens, and at what names the API server asks for it.

    service, namespace   the Service in the configuration
    names                further host names or addresses, for a configuration with a URL
    """

    host: str = ""
    port: int = 9443
    service: str = "podring-placement"
    namespace: str = "podring-system"
    names: tuple[str, ...] = ()

    def all_names(self) -> list[str]:
        return [f"{self.service}.{self.namespace}.svc", *self.names]


class PlacementWebhook:
    """The server, and the task that keeps the API server trusting it."""

    def __init__(self, settings: WebhookSettings, api: ApiClient) -> None:
        self._settings = settings
        self._configurations = AdmissionregistrationV1Api(api)
        self._certificates: Certificates = make_certificates(settings.all_names())
        self._runner: web.AppRunner | None = None
        self._trust: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, then say so to the API server.

        raises   OSError, when the port is taken
        """
        app = web.Application(client_max_size=_REVIEW_MAX)
        app.router.add_post(PATH, _review)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await self._runner.setup()
        settings, context = self._settings, self._certificates.context()
        await web.TCPSite(
            self._runner, settings.host or None, settings.port, ssl_context=context
        ).start()
        self._trust = asyncio.create_task(self._keep_trusted())
        _log.info("placement.listening", port=settings.port, names=settings.all_names())

    async def stop(self) -> None:
        if self._trust is not None:
            self._trust.cancel()
            await asyncio.gather(self._trust, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _keep_trusted(self) -> None:
        said: str | None = None
        while True:
            trouble = await asyncio.to_thread(self._publish_authority)
            if trouble != said:
                if trouble:
                    _log.error("placement.untrusted", why=trouble)
                else:
                    _log.info("placement.trusted", configuration=CONFIGURATION)
            said = trouble
            await asyncio.sleep(_RETRY_S if trouble else _REPEAT_S)

    def _publish_authority(self) -> str:
        """Put our CA into the configuration. What went wrong, or nothing."""
        authority = base64.b64encode(self._certificates.authority).decode()
        patch = [
            {"op": "test", "path": "/webhooks/0/name", "value": WEBHOOK},
            {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": authority},
        ]
        try:
            self._configurations.patch_mutating_webhook_configuration(
                CONFIGURATION, patch, _request_timeout=_TIMEOUT_S
            )
        except ApiException as error:
            return _explain(error)
        except (HTTPError, OSError) as error:
            return f"the API server does not answer: {error}"
        return ""


@asynccontextmanager
async def serving(settings: WebhookSettings, api: ApiClient) -> AsyncIterator[None]:
    """The webhook, for as long as the context lasts.

    raises   OSError, when the port is taken
    """
    webhook = PlacementWebhook(settings, api)
    try:
        await webhook.start()
        yield
    finally:
        await webhook.stop()


async def _review(request: web.Request) -> web.Response:
    try:
        review = json.loads(await request.read())
        return web.json_response(answer(review))
    except (ValueError, RecursionError) as error:  # whoever reaches the port may send anything
        return web.json_response({"detail": str(error)}, status=400)


def _explain(error: ApiException) -> str:
    what = f"MutatingWebhookConfiguration {CONFIGURATION}"
    if error.status == 404:
        return f"{what} is not there: apply deploy/placement/webhook"
    if error.status == 403:
        return f"{what} may not be patched: the ClusterRole of deploy/placement/webhook is missing"
    return (
        f"{what}, whose one webhook is {WEBHOOK}, could not be patched: {error.status} {error.body}"
    )

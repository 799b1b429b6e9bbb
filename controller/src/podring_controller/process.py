"""What the controller's process does: settings, threads, signals.

The loop runs in a thread of its own. kopf runs beside it, from the first complete look on, because
it finds out once which kinds of objects there are, and a controller is often started together with
its custom resource definition. When kopf gives up it is started again: the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from kubernetes.client import ApiClient

from podring_controller import health, kube, logs, watching
from podring_controller.backoff import Backoff
from podring_controller.health import Health
from podring_controller.reconciler import Reconciler
from podring_controller.settings import BadSetting, Settings, read

GRACE_S = 0.5
"""How long the turn that is under way may take once we are told to end. It may be cut anywhere."""

_SHOWN = 300

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def run() -> int:
    """Run the controller until a signal ends it: the process' exit code."""
    try:
        settings = read(sys.argv[1:], os.environ)
    except BadSetting as error:
        print(f"podring-controller: {error}", file=sys.stderr)
        return 2
    logs.configure(settings.log_level)
    try:
        kube.load_config()
        # Not asyncio.run, which ends by waiting for whatever kopf has still under way.
        asyncio.new_event_loop().run_until_complete(_run(settings))
    except (kube.NoApiServer, OSError) as error:
        log.error("controller.failed", why=str(error))
        return 1
    log.info("controller.stop")
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    _heed_signals(stop)
    looked = asyncio.Event()
    running = asyncio.get_running_loop()
    state = Health(on_look=lambda: running.call_soon_threadsafe(looked.set))
    if settings.health is not None:
        health.serve(state, settings.health)
    reconciler = Reconciler(kube.Kube(settings), settings, state)
    loop = threading.Thread(target=reconciler.run, name="loop", daemon=True)
    log.info("controller.start", brokers=f"{settings.brokers_namespace}/{settings.brokers_service}")
    loop.start()
    try:
        async with _placement(settings):
            await _first(stop.wait(), looked.wait())
            await _watch(settings, reconciler, state, stop)
    finally:
        reconciler.stop()
        loop.join(GRACE_S)


@asynccontextmanager
async def _placement(settings: Settings) -> AsyncIterator[None]:
    """The placement webhook, if asked for. It waits for no look at the cluster: it needs none."""
    if not settings.placement_webhook:
        yield
        return
    from podring_controller.placement.webhook import WebhookSettings, serving

    async with serving(WebhookSettings(namespace=settings.brokers_namespace), ApiClient()):
        yield


def _heed_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def _watch(
    settings: Settings, reconciler: Reconciler, state: Health, stop: asyncio.Event
) -> None:
    """Have kopf ring the bell, again and again until told to stop."""
    handlers = watching.registry(reconciler.bell.ring)
    backoff = Backoff(first_s=0.5, most_s=10.0)
    kopf_settings = watching.kopf_settings(settings)
    stopped = asyncio.create_task(stop.wait())
    while not stop.is_set():
        watch = watching.watch(handlers, kopf_settings, stop, lambda: _heed_signals(stop))
        watching_now = asyncio.create_task(watch)
        state.watching = True
        await asyncio.wait((stopped, watching_now), return_when=asyncio.FIRST_COMPLETED)
        state.watching = False
        if stop.is_set():  # kopf takes five seconds if it was just beginning: it may be cut too
            await asyncio.wait((watching_now,), timeout=GRACE_S)
            return
        error = watching_now.exception()
        why = f"{type(error).__name__}: {error}"[:_SHOWN]
        log.warning("watch.failed", why=why, exc_info=settings.log_level == "debug" and error)
        backoff.failed(0.0)
        await _first(stop.wait(), asyncio.sleep(backoff.due))


async def _first(*waiting: Coroutine[Any, Any, object]) -> None:
    """Return when the first of these has; the others are not waited for."""
    tasks = [asyncio.ensure_future(each) for each in waiting]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()

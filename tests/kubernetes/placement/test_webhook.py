"""The API server trusts what the controller says at each start: one right, and no Secret."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.kubernetes.placement.site import Site
from tests.kubernetes.support.waiting import wait_until

CONFIGURATION = (
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/podring-placement"
)
BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/podring-placement"


def authority(site: Site) -> str:
    (webhook,) = site.cluster.api.get(CONFIGURATION)["webhooks"]
    found: str = webhook["clientConfig"].get("caBundle", "")
    return found


def test_a_configuration_that_loses_its_authority_gets_it_back(webhook_site: Site) -> None:
    path = "/webhooks/0/clientConfig/caBundle"
    webhook_site.cluster.api.patch(CONFIGURATION, [{"op": "remove", "path": path}], "json")
    webhook_site.wait_for(on=False)
    wait_until("the authority to be back", lambda: authority(webhook_site))
    webhook_site.wait_for(on=True)


def test_each_start_of_the_controller_has_its_own_authority(webhook_site: Site) -> None:
    before = authority(webhook_site)
    webhook_site.turn_off()
    webhook_site.turn_on()
    webhook_site.wait_for(on=True)
    assert authority(webhook_site) not in ("", before)


def test_a_webhook_that_hangs_delays_a_pod_by_two_seconds_and_no_more(
    webhook_site: Site, stopped: None
) -> None:
    begin = time.monotonic()
    assert webhook_site.labels("placed") == {}
    assert time.monotonic() - begin < 4


@pytest.fixture
def stopped(webhook_site: Site) -> Iterator[None]:
    """The controller neither answers nor refuses connections."""
    pid = webhook_site.pid()
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)
    webhook_site.wait_for(on=True)


def test_the_one_verb_that_the_webhook_is_granted_is_needed(webhook_site: Site) -> None:
    binding = webhook_site.cluster.api.get(BINDING)
    webhook_site.turn_off()
    webhook_site.cluster.api.delete(BINDING)
    try:
        webhook_site.turn_on()
        log = webhook_site.cluster.folder / "podring-controller.log"
        wait_until("the refusal", lambda: "may not be patched" in log.read_text())
        webhook_site.wait_for(on=False)
    finally:
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        webhook_site.cluster.api.create(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding
        )
    webhook_site.wait_for(on=True)

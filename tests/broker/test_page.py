"""docs/http-api.md names every call, answer and metric as the broker has them."""

import re

from tests.broker.harness import Broker
from tests.docs.pages import ROOT, rows

PAGE = ROOT / "docs" / "http-api.md"


def test_the_page_has_every_call_with_all_of_its_answers(shared: Broker) -> None:
    described = {
        (method.upper(), path): {int(status) for status in operation["responses"]}
        for path, item in shared.call("GET", "/openapi.json").json()["paths"].items()
        for method, operation in item.items()
    }
    told = {}
    for call, answers in rows(PAGE, "The calls"):
        path = re.findall(r"/[A-Za-z]+(?:/\{name\})?", call)[0]
        for method in re.findall(r"\b[A-Z]{3,}\b", call):
            told[method, path] = {int(status) for status in re.findall(r"\b\d{3}\b", answers)}
    assert told == described


def test_the_page_has_every_metric(shared: Broker) -> None:
    shared.create("t")
    types = re.findall(r"^# TYPE (podring_\w+)", shared.call("GET", "/metrics").text, re.MULTILINE)
    told = {name for row in rows(PAGE, "Metrics") for name in re.findall(r"podring_\w+", row[0])}
    assert told == set(types)
    shared.call("DELETE", "/topics/t")

"""Writes that the API server refuses are told of in a line, and are not tried without end."""

from __future__ import annotations

from typing import Any

import structlog.testing

from podring_controller.cluster import Declared
from podring_controller.kube import ApiRefused
from podring_controller.view import View
from podring_controller.writer import ROUND, Writer
from tests.controller.making import declared


class Api:
    """An API server that refuses to write what `refuses` says."""

    def __init__(self, *refuses: str) -> None:
        self.refuses = refuses

    def guard(self, resource: Declared) -> Declared:
        if "*" in self.refuses or resource.uid in self.refuses:
            raise ApiRefused(f"403 {resource.name} is forbidden")
        return resource


def guarded(api: Any, count: int) -> tuple[bool, list[Any]]:
    """Whether something was left for the next turn, and what was logged."""
    view = View(resources={f"u{each}": declared(f"u{each}") for each in range(count)})
    writer = Writer(api)
    with structlog.testing.capture_logs() as logs:
        writer.guard(view, view.resources.values())
    return writer.left_over(), logs


def test_a_right_that_is_missing_is_one_line_however_many_resources_there_are() -> None:
    _, logs = guarded(Api("*"), 100)
    (line,) = logs
    assert (line["event"], line["others"]) == ("write.refused", 99)
    assert "is forbidden" in line["why"]


def test_a_round_of_nothing_but_refusals_is_not_gone_through_again_at_once() -> None:
    assert guarded(Api("*"), 3 * ROUND)[0] is False


def test_what_did_not_fit_into_a_round_is_left_for_the_next() -> None:
    assert guarded(Api("u0"), 3 * ROUND)[0] is True
    assert guarded(Api(), ROUND)[0] is False

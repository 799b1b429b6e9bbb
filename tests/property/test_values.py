"""Names, quantities, specs and start positions: every text is understood exactly or refused."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podring import InvalidTopic, TopicRecord, TopicSpec
from podring.start import Start
from podring.topic import MESSAGE_MAX, SIZE_MAX, check_name, parse_quantity

SUFFIXES: dict[str, Fraction | int] = {
    "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "m": Fraction(1, 10**3), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (0, 0), (65536, 65536), ("65536", 65536), ("64Ki", 65536), ("1.5Gi", 3 << 29),
        ("1e6", 10**6), (np.int32(4096), 4096),
        ("1E3", 1000), ("1E", 10**18), ("2000m", 2), ("+5", 5), ("-5", -5), (".5Ki", 512),
        ("1.", 1),
        ("0.5k", 500), ("12E-1k", None), ("1.5", None), ("1m", None), ("", None), ("Ki", None),
        ("64 Ki", None), (" 64Ki", None), ("64KI", None), ("64ki", None), ("64Qi", None),
        ("1e", None), ("0x10", None), ("1_000", None), ("٣", None), ("1e999", None),
        ("9223372036854775808", None), ("1" * 65, None), ("NaN", None), ("inf", None),
        (True, None), (None, None), (1.5, None), (b"64Ki", None),
    ],
)  # fmt: skip
def test_quantities(text: Any, value: int | None) -> None:
    if value is not None:
        assert parse_quantity(text, "shmsize") == value
        return
    with pytest.raises(InvalidTopic, match=r"^shmsize") as caught:
        parse_quantity(text, "shmsize")
    assert caught.value.field == "shmsize"


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(sorted(SUFFIXES)))
def test_a_quantity_is_its_number_times_its_unit(whole: int, part: int, suffix: str) -> None:
    exact = (whole + Fraction(part, 1000)) * Fraction(SUFFIXES[suffix])
    text = f"{whole}.{part:03}{suffix}"
    if exact.denominator == 1 and exact < 1 << 63:
        assert parse_quantity(text, "shmsize") == exact
    else:
        with pytest.raises(InvalidTopic):
            parse_quantity(text, "shmsize")


@given(st.text() | st.integers() | st.floats() | st.none() | st.binary())
def test_nothing_else_comes_out_of_a_quantity_than_a_number_or_a_refusal(value: Any) -> None:
    try:
        assert isinstance(parse_quantity(value, "msgsize"), int)
    except InvalidTopic as error:
        assert error.field == "msgsize"  # noqa: PT017
        assert len(str(error)) < 300  # noqa: PT017


@pytest.mark.parametrize("name", ["a", "A9", "camera.front", "x_-.", "0", "a" * 200, "a..b"])
def test_names_that_can_be(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".a", "-a", "_a", "../x", "a/b", "a b", "a\n", "a\0", "é", "😀", "a" * 201, "a" * 300,
     None, 5, b"a", "٣"],
)  # fmt: skip
def test_names_that_cannot_be(name: Any) -> None:
    with pytest.raises(InvalidTopic, match="topicname") as caught:
        check_name(name)
    assert caught.value.field == "topicname"
    assert "\0" not in str(caught.value)


@given(st.text(max_size=250))
def test_a_name_is_what_the_design_says_or_refused(name: str) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    good = (
        1 <= len(name) <= 200 and name[0] in letters and all(one in letters + "._-" for one in name)
    )
    if good:
        assert check_name(name) == name
    else:
        with pytest.raises(InvalidTopic):
            check_name(name)


@pytest.mark.parametrize(
    ("size", "max_message", "field"),
    [
        (0, 1, "shmsize"), (-1, 1, "shmsize"), ("1Ti", 1, "shmsize"), (SIZE_MAX + 1, 1, "shmsize"),
        ("64Qi", 1, "shmsize"), (100, 0, "msgsize"), (100, -5, "msgsize"), (100, 101, "msgsize"),
        (SIZE_MAX, MESSAGE_MAX + 1, "msgsize"), (None, 1, "shmsize"), (100, "x", "msgsize"),
    ],
)  # fmt: skip
def test_specs_that_cannot_be_name_the_field(size: Any, max_message: Any, field: str) -> None:
    with pytest.raises(InvalidTopic, match=field) as caught:
        TopicSpec(size, max_message)
    assert caught.value.field == field


def test_a_policy_that_is_not_known_is_refused() -> None:
    policy: Any
    for policy in ("drop", "", None, "OVERWRITE"):
        with pytest.raises(InvalidTopic) as caught:
            TopicSpec(100, 100, policy)
        assert caught.value.field == "overflow"


@given(st.integers(1, SIZE_MAX), st.integers(1, MESSAGE_MAX), st.integers(0, 1 << 62))
def test_a_record_survives_json(size: int, max_message: int, generation: int) -> None:
    spec = TopicSpec(size, min(size, max_message))
    record = TopicRecord("a.topic", spec, size + 4096, generation, "podring.x.1.a.topic")
    assert TopicRecord.from_json(record.to_json()) == record
    assert TopicSpec(str(size), str(min(size, max_message))) == spec


@given(st.text(max_size=60) | st.integers() | st.datetimes(timezones=st.none() | st.timezones()))
@example(dt.datetime.min)  # noqa: DTZ901
@example(dt.datetime.max)  # noqa: DTZ901
@example("since:2999-01-01T00:00:00Z")
@example("since:" + "9" * 400 + "s")
def test_a_start_is_understood_or_refused(start: str | int | dt.datetime) -> None:
    try:
        parsed = Start.parse(start)
    except InvalidTopic as error:
        assert error.field == "start"  # noqa: PT017
    else:
        assert parsed.where in ("latest", "earliest", "last", "sequence", "since")
        assert 0 <= parsed.value < 1 << 64


@given(
    st.sampled_from(["last:", "sequence:", "since:"]),
    st.from_regex(r"[0-9]{1,400}(\.[0-9]{1,12})?(ms|s|m|h|d)?", fullmatch=True)
    | st.datetimes(timezones=st.none() | st.timezones()).map(lambda moment: moment.isoformat()),
)
def test_a_start_with_a_value_is_understood_or_refused(kind: str, value: str) -> None:
    test_a_start_is_understood_or_refused.hypothesis.inner_test(kind + value)  # type: ignore[attr-defined]

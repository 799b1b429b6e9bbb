"""The readings are this machine's own, and whole."""

from __future__ import annotations

import itertools
import json
import os
import time

from demo import procfs
from demo.telemetry import readings


def test_round_of_readings_covers_processors_memory_load_network_and_processes() -> None:
    messages = list(itertools.islice(readings(), 500))
    found = [json.loads(message) for message in messages]
    names = {each["of"] for each in found}
    assert {"cpu0", "memory", "load", "net.lo", "ctxt"} <= names
    assert any(name.startswith("process.") for name in names)
    assert all(b" " not in message for message in messages if b"process" not in message)


def test_reading_carries_the_time_when_it_was_taken() -> None:
    before = time.time_ns()
    times = [json.loads(message)["t"] for message in itertools.islice(readings(), 300)]
    assert before <= times[0]
    assert times == sorted(times)
    assert times[-1] <= time.time_ns()


def test_counters_are_the_kernels() -> None:
    with open("/proc/stat") as file:
        before = int(next(line for line in file if line.startswith("ctxt")).split()[1])
    first = next(m for m in map(json.loads, readings()) if m["of"] == "ctxt")
    with open("/proc/stat") as file:
        after = int(next(line for line in file if line.startswith("ctxt")).split()[1])
    assert before <= first["value"] <= after


def test_own_process_is_among_the_processes() -> None:
    with open("/proc/self/stat") as file:
        reading = procfs.process(str(os.getpid()), file.read())
    assert reading is not None
    _, values = reading
    assert values["state"] == "R"
    assert values["threads"] == len(os.listdir("/proc/self/task"))


def test_command_with_brackets_and_spaces_does_not_shift_the_fields() -> None:
    fields = " ".join(str(number) for number in range(4, 53))
    reading = procfs.process("7", f"7 (a ) b (c) S {fields}")
    assert reading is not None
    assert reading[1]["command"] == "a ) b (c"
    assert reading[1]["state"] == "S"
    assert reading[1]["utime"] == 14
    assert reading[1]["rss"] == 24


def test_process_that_is_gone_gives_nothing() -> None:
    assert procfs.process("7", "") is None


def test_source_that_went_silent_gives_nothing() -> None:
    splits = [procfs.stat, procfs.pairs("memory"), procfs.load, procfs.network, procfs.disks]
    splits += [procfs.per_cpu("softirq"), procfs.pressure("cpu"), procfs.number("temp")]
    assert [list(split("")) for split in splits] == [[]] * 8


def test_interrupts_are_split_by_processor() -> None:
    text = "     CPU0   CPU1\n 24:   1   0  IO-APIC  5-edge  ACPI:Ged\nERR:    3\n"
    assert list(procfs.per_cpu("interrupt")(text)) == [
        ("interrupt.24", {"each_cpu": [1, 0]}),
        ("interrupt.ERR", {"each_cpu": [3]}),
    ]

from pathlib import Path

import pytest

from podring import segment
from podring.errors import InvalidTopic
from podring_broker import budget
from podring_broker.budget import Budget, cgroup_limits
from podring_broker.refusals import Refused

GI = 1 << 30


def limits(tmp_path: Path, table: str, files: dict[str, str]) -> list[int]:
    (tmp_path / "cgroup").write_text(table)
    for name, content in files.items():
        file = tmp_path / "mount" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return cgroup_limits(tmp_path / "cgroup", tmp_path / "mount")


def test_every_limit_on_the_way_to_the_root_holds(tmp_path: Path) -> None:
    files = {"a/memory.max": f"{4 * GI}\n", "a/b/memory.max": f"{2 * GI}\n"}
    assert sorted(limits(tmp_path, "0::/a/b\n", files)) == [2 * GI, 4 * GI]


def test_in_a_container_the_limit_stands_at_the_root(tmp_path: Path) -> None:
    assert limits(tmp_path, "0::/\n", {"memory.max": f"{GI}\n"}) == [GI]


def test_version_1_and_the_hybrid_of_both_are_read(tmp_path: Path) -> None:
    table = "9:cpu,memory:/pod\n4:pids:/pod\n0::/pod\n"
    files = {
        "memory/pod/memory.limit_in_bytes": f"{GI}\n",
        "unified/pod/memory.max": f"{3 * GI}\n",
        "pids/pod/memory.limit_in_bytes": "1\n",
    }
    assert sorted(limits(tmp_path, table, files)) == [GI, 3 * GI]


def test_a_path_that_is_not_visible_falls_back_to_what_is(tmp_path: Path) -> None:
    files = {"memory/memory.limit_in_bytes": f"{GI}\n"}
    assert limits(tmp_path, "9:memory:/kubepods/pod1/abc\n", files) == [GI]


def test_no_limit_is_none(tmp_path: Path) -> None:
    files = {"memory.max": "max\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"}
    assert limits(tmp_path, "9:memory:/\n0::/\n", files) == []
    assert cgroup_limits(tmp_path / "missing", tmp_path) == []


def test_the_default_is_half_of_the_smaller_of_shared_memory_and_cgroup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segment, "total_bytes", lambda: 8 * GI)
    monkeypatch.setattr(budget, "cgroup_limits", lambda: [3 * GI, 5 * GI])
    assert budget.parse(f"{budget.SHARE}%") == 3 * GI // 2
    monkeypatch.setattr(budget, "cgroup_limits", list)
    assert budget.parse(f"{budget.SHARE}%") == 4 * GI


def test_shared_memory_without_a_limit_counts_as_the_machines_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segment, "total_bytes", lambda: 0)
    monkeypatch.setattr(budget, "cgroup_limits", list)
    assert budget.parse("100%") > GI // 4


@pytest.mark.parametrize(
    ("text", "size"), [("1Gi", GI), ("1000", 1000), ("1.5Gi", 3 * GI // 2), ("25 %", 2 * GI)]
)
def test_a_budget_is_a_quantity_or_a_percentage(
    text: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "available", lambda: 8 * GI)
    assert budget.parse(text) == size


def test_what_can_never_fit_is_the_fault_of_its_size() -> None:
    with pytest.raises(InvalidTopic, match=r"2000.*1000") as refusal:
        Budget(1000, 10).require_possible("big", 2000)
    assert refusal.value.field == "shmsize"
    Budget(1000, 10).require_possible("fits", 1000)


def test_what_does_not_fit_now_is_refused_with_the_numbers() -> None:
    with pytest.raises(Refused, match=r"600 .* 500 are free.* larger --budget") as refusal:
        Budget(1000, 10).require_room("late", 600, 500)
    numbers = refusal.value
    assert (numbers.needed, numbers.free, numbers.used, numbers.budget) == (600, 500, 500, 1000)
    Budget(1000, 10).require_room("fits", 500, 500)


def test_shared_memory_that_others_took_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "total_bytes", lambda: 4000)
    monkeypatch.setattr(segment, "free_bytes", lambda: 300)
    with pytest.raises(Refused, match=r"300 are free.* make room in /dev/shm") as refusal:
        Budget(1000, 10).require_room("late", 400, 0)
    assert refusal.value.free == 300

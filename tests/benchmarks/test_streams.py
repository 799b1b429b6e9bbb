"""Small runs of the streams, with podring and a pipe, and what they measure."""

import os
from pathlib import Path

import pytest

from benchmarks.peers import datagrams, pipe, podring, queues, sockets
from benchmarks.peers.protocol import Peer, Topology
from benchmarks.scenarios import stage, stream
from benchmarks.scenarios.board import Board, Credit
from benchmarks.scenarios.course import Course
from benchmarks.scenarios.payloads import cycle_length, payloads

OURS: tuple[Peer, ...] = (*podring.PEERS, *pipe.PEERS)
THEIRS: tuple[Peer, ...] = (*sockets.PEERS, *datagrams.PEERS, *queues.PEERS)
FIGURES = {
    "rate",
    "publisher_ns",
    "publisher_cpu",
    "subscriber_cpu",
    "server_cpu",
    "publisher_memory",
    "subscriber_memory",
    "server_memory",
}


def name(value: object) -> str:
    return value.traits.name if hasattr(value, "traits") else str(value)


@pytest.mark.parametrize("peer", OURS, ids=name)
@pytest.mark.parametrize("way", ["single", "batched"])
def test_one_to_one(peer: Peer, way: str) -> None:
    figures = stream.run(peer, Topology(1, 1, 64, way=way), 600)
    assert set(figures) == FIGURES
    assert all(value > 0 for key, value in figures.items() if not key.startswith("server"))
    assert figures["publisher_memory"] > 1 << 20


@pytest.mark.parametrize("peer", OURS, ids=name)
def test_long_messages(peer: Peer) -> None:
    assert stream.run(peer, Topology(1, 1, 256 << 10), 40)["rate"] > 0


@pytest.mark.parametrize("peer", podring.PEERS, ids=name)
def test_loans_and_views(peer: Peer) -> None:
    assert stream.run(peer, Topology(1, 1, 4 << 20, way="loan"), 100)["rate"] > 0


@pytest.mark.parametrize("peer", [*podring.PEERS[:1], *podring.PEERS[2:], *pipe.PEERS], ids=name)
def test_one_to_four_and_four_to_one(peer: Peer) -> None:
    assert stream.run(peer, Topology(1, 4, 1024), 500)["rate"] > 0
    assert stream.run(peer, Topology(4, 1, 64), 2000)["rate"] > 0


@pytest.mark.parametrize("peer", THEIRS, ids=name)
def test_sockets_and_queues(peer: Peer) -> None:
    assert stream.run(peer, Topology(1, 2, 16 << 10), 64)["rate"] > 0
    assert stream.run(peer, Topology(2, 1, 64), 1000)["rate"] > 0


def test_an_unpinned_run_is_a_run() -> None:
    assert stream.run(podring.PEERS[0], Topology(1, 1, 64), 600, pinned=False)["rate"] > 0


def test_no_topic_and_no_folder_is_left_behind() -> None:
    ours = f"podring-bench-{os.getpid()}-"
    with stage.stage(podring.PEERS[0], Topology(1, 1, 64)):
        assert [path for path in Path("/dev/shm").iterdir() if ours in path.name]
    assert not [path for path in Path("/dev/shm").iterdir() if ours in path.name]


def test_credit_lets_a_sender_go_no_further_than_its_window(tmp_path: Path) -> None:
    with Board(tmp_path / "board", 1, 2) as board:
        credit = Credit(board, 0, 100)
        credit.take(100)
        board.words[board.place(0, 0)] = board.words[board.place(0, 1)] = 50
        credit.take(50)
        assert credit.waited_s < 1
        board.words[board.place(0, 0)] = 100  # the other one is at 50 still
        assert board.told(0) == 50
        assert board.checked() == [100, 50]


def test_messages_of_a_cycle_and_of_senders_differ() -> None:
    everything = payloads(64, 512, 0) + payloads(64, 512, 1)
    assert len(set(everything)) == 1024
    assert {len(message) for message in everything} == {64}


@pytest.mark.parametrize("window", [0, 1, 3, 100, 8192])
@pytest.mark.parametrize("size", [64, 16 << 10, 16 << 20])
def test_a_cycle_fits_in_a_quarter_of_the_window(size: int, window: int, tmp_path: Path) -> None:
    assert cycle_length(size, window) <= max(1, window // 4) or not window
    course = Course.of(Topology(1, 1, size), 1000, window, tmp_path)
    assert course.count % course.cycle == 0
    assert course.count >= course.cycle


def test_the_ring_holds_the_window_even_when_a_message_does_not_fit_at_its_end() -> None:
    for size in (64, 1 << 10, 16 << 10, 256 << 10, 4 << 20, 16 << 20):
        ring = podring.ring_bytes(Topology(1, 1, size))
        assert podring.window(ring, size) * (size + 32) + size + 32 <= ring

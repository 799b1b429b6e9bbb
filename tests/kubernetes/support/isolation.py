"""A network of the tests' own, so that clusters of two test runs never meet.

`enter_own_network` moves this process, and whatever it starts later, into a new network namespace
with nothing but loopback. Pods that kwok plays get addresses that are local there, so that real
brokers can listen on them. The kernel removes all of it with the last process; nothing to clean.

What needs the real network, such as building images, runs inside `with outside():`.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000

# Addresses in that namespace. Those of pods on kwok's nodes are local; the real node has a bridge.
FAKE_PODS = "10.244.0.0/16"
FAKE_BROKERS = "10.245.0.0/16"
REAL_PODS = "10.246.0.0/24"
SERVICES = "10.96.0.0/16"
NODE_ADDRESS = "10.247.0.1"

_libc = ctypes.CDLL(None, use_errno=True)
_outer: int | None = None


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_own_network() -> None:
    """Leave the machine's network for a new one; once a process, later calls do nothing."""
    global _outer  # noqa: PLW0603  # a process has one network
    if _outer is not None:
        return
    _outer = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    _check(_libc.unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)")
    for command in (
        "ip link set lo up",
        f"ip route add local {FAKE_PODS} dev lo",
        f"ip route add local {FAKE_BROKERS} dev lo",
        # A node's address may not be loopback's. What has no route never gets to be translated,
        # so Services need a way out, too.
        "ip link add node type bridge",
        f"ip address add {NODE_ADDRESS}/32 dev node",
        "ip link set node up",
        "ip route add default dev node",
    ):
        subprocess.run(command.split(), check=True)


@contextmanager
def outside() -> Iterator[None]:
    """Be back in the machine's own network for a while."""
    if _outer is None:
        yield
        return
    inner = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(_outer, CLONE_NEWNET), "setns to the machine's network")
        yield
    finally:
        _check(_libc.setns(inner, CLONE_NEWNET), "setns to the tests' network")
        os.close(inner)

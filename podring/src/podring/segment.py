"""Create, attach, find and remove the shared memory that holds topics.

A segment is two POSIX shared-memory objects, a ring and a roster (see ring/layout.h), under one
name. Whoever keeps the topic (a broker, or any process when there is none) creates it and alone
removes it; publishers and subscribers attach by the name that they are told. All memory is
reserved at creation, so nobody meets SIGBUS later. A segment is ready when its magic number is
set, which happens last: what a creator that died left half made is never attached.

Names are `podring.OWNER.GENERATION.TOPIC`. The owner is who may remove it, the generation makes
the name unique for ever, and the topic stands last because it may itself hold dots.

Only this module knows where a segment lives, and nothing else opens files of it. The bytes inside
are the ring's business.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import re
import stat
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import posix_ipc

from podring.errors import (
    OUT_OF_FILES,
    CorruptRing,
    InvalidTopic,
    LayoutMismatch,
    NoRoom,
    PodringError,
    TopicNotFound,
    out_of_files,
)
from podring.ring import _ring
from podring.topic import (
    Overflow,
    TopicRecord,
    TopicSpec,
    Unsubscribed,
    check_name,
    check_origin,
)

MODE = 0o666
"""Who may publish when nothing narrower is asked for: every user of the node."""
GROUP_MODE = 0o664
"""The same when a group of publishers is named: its members, and the creator's own user."""

_DIRECTORY = "/dev/shm"  # where glibc and musl put POSIX shared memory
_PREFIX = "podring"
_RING, _ROSTER, _LOCK = ".ring", ".roster", ".lock"


@dataclass(frozen=True, slots=True)
class Found:
    """A segment that `scan` met. `record` is None when its creator never finished it."""

    segment: str
    record: TopicRecord | None
    deleted: bool


class Segment:
    """An attached segment: both mappings, and the descriptor whose OFD lock tells of our life.

    `mapping` is what the ring works on. `close` gives back the descriptors; the memory stays
    mapped for as long as a view of it exists.
    """

    def __init__(self, name: str, *, write: bool) -> None:
        """Map segment `name`, the ring for writing only if `write`.

        raises  TopicNotFound when it is gone or not ready; LayoutMismatch; PermissionError
        """
        self.name = name
        self.roster_fd = -1
        self._maps: list[mmap.mmap] = []
        try:
            self.roster_fd = _open(name + _ROSTER)
            ring_fd = _open(name + _RING, read_only=not write)
            try:
                ring = self._map(ring_fd, mmap.PROT_READ | (mmap.PROT_WRITE if write else 0))
            finally:
                os.close(ring_fd)
            roster = self._map(self.roster_fd, mmap.PROT_READ | mmap.PROT_WRITE)
            self.mapping = _ring.Mapping(ring, roster)
        except BaseException:
            self.close()
            raise

    def _map(self, fd: int, protection: int) -> mmap.mmap:
        length = os.fstat(fd).st_size
        if not length:
            raise TopicNotFound(f"segment {self.name} is still being made, or its maker died")
        with _files_for(f"map the {length} bytes of segment {self.name}"):
            mapped = mmap.mmap(fd, length, mmap.MAP_SHARED, protection)
        self._maps.append(mapped)
        return mapped

    def close(self) -> None:
        """Give back the descriptors, and with them every lock that this object holds."""
        # Taken away first, so that two threads do not close it twice.
        fd, self.roster_fd = self.roster_fd, -1
        if fd >= 0:
            _unlock_and_close(fd)
        self._maps.clear()

    def abandon(self) -> None:
        """In a forked child: close our copies of the descriptors, and leave the locks alone.

        The child shares the open file description, so unlocking would unlock the parent; and a
        copy that stays open would keep the lock alive when the parent dies.
        """
        fd, self.roster_fd = self.roster_fd, -1
        if fd >= 0:
            os.close(fd)
        self.mapping.release_roster()  # mapped memory keeps the open file, and its locks, as well
        for mapped in self._maps:
            with contextlib.suppress(BufferError):  # a view of the ring still needs it
                mapped.close()

    def lock(self, offset: int) -> bool:
        """Take the byte at `offset` of the roster for as long as this object lives."""
        try:
            fcntl.fcntl(self.roster_fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, offset, 1))
        except BlockingIOError:
            return False
        return True

    def lock_names(self) -> None:
        """Be alone with the names of offsets until `unlock_names`; nobody is for long."""
        fcntl.fcntl(self.roster_fd, fcntl.F_OFD_SETLKW, _flock(fcntl.F_WRLCK, 0, 1))

    def unlock_names(self) -> None:
        """Let others find and take names."""
        self.unlock(0)

    def unlock(self, offset: int) -> None:
        """Give the byte at `offset` back."""
        fcntl.fcntl(self.roster_fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, offset, 1))

    def is_locked(self, offset: int) -> bool:
        """Tell whether another living participant holds the byte at `offset`."""
        probe = _flock(fcntl.F_WRLCK, offset, 1)
        answer = fcntl.fcntl(self.roster_fd, fcntl.F_OFD_GETLK, probe)
        return bool(struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK)

    def is_participant(self, slot: int) -> bool:
        """Tell whether the participant in `slot` of the roster lives."""
        return self.is_locked(self.mapping.lock_offset(slot))

    def reap(self, slot: int) -> None:
        """Clear the entry of a participant that died; nothing happens if another one has it now."""
        offset = self.mapping.lock_offset(slot)
        if self.lock(offset):
            self.mapping.leave(slot)
            self.unlock(offset)


def create(
    name: str, spec: TopicSpec, *, owner: str, origin: str = "", group: int | None = None
) -> TopicRecord:
    """Make a new segment for a topic, reserve all its memory, and lay out an empty ring in it.

    owner   1 to 12 letters or digits; who may remove it
    origin  who declared the topic
    group   number of the group that may write to the ring, or None: every user may. The roster
            is every participant's to write
    returns the record of a topic that publishers and subscribers may attach to at once
    raises  NoRoom when there is too little shared memory; then nothing is left behind
    cost    the kernel zeroes `footprint(spec)` bytes
    """
    check_origin(origin)
    ring_bytes, roster_bytes, capacity = _plan(spec)
    if total_bytes() and ring_bytes + roster_bytes > free_bytes():
        # The kernel would take all that is free from everybody before it refuses.
        raise _no_room(name, ring_bytes + roster_bytes)
    generation = time.time_ns() // 1000
    while True:
        segment = f"{_PREFIX}.{owner}.{generation}.{check_name(name)}"
        try:
            roster_fd = _create(segment + _ROSTER)
        except posix_ipc.ExistentialError:
            generation += 1  # another creation in the same microsecond
            continue
        break
    ring_fd = -1
    try:
        ring_fd = _create(segment + _RING)
        for fd, length in ((roster_fd, roster_bytes), (ring_fd, ring_bytes)):
            os.posix_fallocate(fd, 0, length)
        # Rights before the magic number: whoever sees a ready segment may use it.
        os.fchmod(roster_fd, MODE)
        _let_publish(ring_fd, group)
        with (
            _files_for(f"create topic {name!r}"),
            mmap.mmap(ring_fd, ring_bytes, mmap.MAP_SHARED) as ring,
            mmap.mmap(roster_fd, roster_bytes, mmap.MAP_SHARED) as roster,
        ):
            _ring.lay_out(
                ring,
                roster,
                name=name,
                size=spec.size_bytes,
                max_message=spec.max_message_bytes,
                generation=generation,
                created=time.time_ns(),
                origin=origin,
                overflow=_OVERFLOW[spec.overflow],
                unsubscribed=_UNSUBSCRIBED[spec.unsubscribed],
                lease=round(spec.lease * 1e9),
            )
    except BaseException as error:
        _unlink(segment)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise _no_room(name, ring_bytes + roster_bytes, _OURS.get(error.errno, "")) from None
        raise
    finally:
        os.close(roster_fd)
        if ring_fd >= 0:
            os.close(ring_fd)
    return TopicRecord(name, spec, capacity, generation, segment, origin)


def _no_room(name: str, needed: int, limit: str = "") -> NoRoom:
    return NoRoom(
        f"topic {name!r} needs {needed} bytes of shared memory and {free_bytes()} are free{limit}: "
        "delete a topic, or ask for less"
    )


def let_publish(segment: str, group: int | None) -> None:
    """Give a segment that is there the rights that `create` gives. Raises PermissionError."""
    fd = _open(segment + _RING)
    try:
        _let_publish(fd, group)
    finally:
        os.close(fd)


def _let_publish(ring_fd: int, group: int | None) -> None:
    """Set who may write to a ring. By descriptor and afterwards, because umask would cut them."""
    if group is not None:
        os.fchown(ring_fd, -1, group)
    os.fchmod(ring_fd, MODE if group is None else GROUP_MODE)


def remove(segment: str) -> bool:
    """Delete a segment: tell its participants, wake them, and free the memory once they let go.

    returns  whether there was one
    raises   PermissionError for another user's, and then nobody was told
    """
    _require_ours(segment)
    mark_deleted(segment)
    return _unlink(segment)


def _require_ours(segment: str) -> None:
    """Ask before anybody is told of a deletion, whether the kernel would let us."""
    user = os.geteuid()
    folder = os.stat(_DIRECTORY)
    with contextlib.suppress(FileNotFoundError):
        maker = os.lstat(f"{_DIRECTORY}/{segment}{_RING}").st_uid
        if folder.st_mode & stat.S_ISVTX and user not in (0, maker, folder.st_uid):
            raise PermissionError(
                errno.EACCES, f"user {user} may not delete what user {maker} made", segment
            )


def remove_owner(owner: str) -> None:
    """Remove all of an owner's segments, and its lock: nobody of that name may come again."""
    for found in list(scan(owner)):
        remove(found.segment)
    with contextlib.suppress(posix_ipc.ExistentialError):
        posix_ipc.unlink_shared_memory(f"/{_PREFIX}.{owner}{_LOCK}")


def mark_deleted(segment: str) -> None:
    """Tell every participant that the topic is deleted, and leave the memory for `remove`."""
    # What cannot be read cannot be marked either, and is removed all the same.
    with contextlib.suppress(TopicNotFound, LayoutMismatch, CorruptRing):
        attached = Segment(segment, write=True)
        try:
            attached.mapping.mark_deleted()
        finally:
            attached.close()


def scan(owner: str, *, mine: bool = False) -> Iterator[Found]:
    """Find every segment of an owner, oldest first, half made ones of dead creators included.

    mine  without those of other users: anybody may leave a file of any name in this folder
    """
    ours = re.compile(rf"({_PREFIX}\.{owner}\.([0-9]{{1,20}})\..+)\.(ring|roster)", re.ASCII)
    found: set[tuple[int, str]] = set()
    others: set[tuple[int, str]] = set()
    with _files_for(f"list {_DIRECTORY}"), os.scandir(_DIRECTORY) as entries:
        for entry in entries:
            match = ours.fullmatch(entry.name)
            if match is not None and entry.is_file(follow_symlinks=False):
                known = found if not mine or _is_mine(entry) else others
                known.add((int(match[2]), match[1]))
    for _, segment in sorted(found - others):
        yield _examine(segment, owner)


def _is_mine(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    return False


def _examine(segment: str, owner: str) -> Found:
    """Look into a segment. A header that is none, or lies about the name, counts as never made."""
    try:
        attached = Segment(segment, write=False)
    except (PodringError, PermissionError):
        return Found(segment, None, deleted=False)
    try:
        record = record_of(attached)
        if segment != f"{_PREFIX}.{owner}.{record.generation}.{record.name}":
            return Found(segment, None, deleted=False)
        return Found(segment, record, deleted=attached.mapping.state() == _ring.DELETED)
    except InvalidTopic:
        return Found(segment, None, deleted=False)
    finally:
        attached.close()


def record_of(attached: Segment) -> TopicRecord:
    """Read a topic's record from its segment's header."""
    mapping = attached.mapping
    return TopicRecord(
        name=check_name(mapping.name),
        spec=_spec_of(mapping),
        capacity=mapping.capacity,
        generation=mapping.generation,
        segment=attached.name,
        origin=_origin_of(mapping.origin),
    )


_OVERFLOW: dict[Overflow, int] = {"overwrite": _ring.OVERWRITE, "block": _ring.BLOCK}
_UNSUBSCRIBED: dict[Unsubscribed, int] = {"go-on": _ring.GO_ON, "keep": _ring.KEEP}


def _plan(spec: TopicSpec) -> tuple[int, int, int]:
    return _ring.plan(spec.size_bytes, spec.max_message_bytes, _OVERFLOW[spec.overflow])


def _spec_of(mapping: _ring.Mapping) -> TopicSpec:
    """The spec that a segment was made from."""
    if mapping.overflow == _ring.OVERWRITE:
        return TopicSpec(mapping.size, mapping.max_message)
    keep = mapping.unsubscribed == _ring.KEEP
    lease_s = mapping.lease / 1e9
    return TopicSpec(
        mapping.size, mapping.max_message, "block", "keep" if keep else "go-on", lease_s
    )


def _origin_of(text: str) -> str:
    """An origin as it lies in a header, where a publisher can damage it: then it is nobody's."""
    try:
        return check_origin(text)
    except InvalidTopic:
        return ""


def footprint(spec: TopicSpec) -> int:
    """Bytes of shared memory that a topic takes, header, checkpoints and roster included."""
    ring_bytes, roster_bytes, _ = _plan(spec)
    return ring_bytes + roster_bytes


def free_bytes() -> int:
    """Bytes of shared memory that this node can still give out."""
    status = os.statvfs(_DIRECTORY)
    return status.f_bavail * status.f_frsize


def total_bytes() -> int:
    """Bytes of shared memory that this node has, used or not; 0 where there is no limit."""
    status = os.statvfs(_DIRECTORY)
    return status.f_blocks * status.f_frsize


@contextlib.contextmanager
def owner_lock(owner: str, *, timeout_s: float, shared: bool = True) -> Iterator[None]:
    """Be the only one who creates and removes an owner's segments, until death at the latest.

    shared  every user of the node may be that owner; else only ours, and nobody else can be in
            the way by holding the lock
    raises  TimeoutError when somebody else still is after `timeout_s`
    """
    fd = _open_lock(f"{_PREFIX}.{owner}{_LOCK}", MODE if shared else 0o600)
    try:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, 0, 0))
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(
                        f"after {timeout_s:g} s another process still keeps the topics of owner "
                        f"{owner!r} on this node: end it, or use another owner"
                    ) from None
                time.sleep(0.005)
            else:
                break
        yield
    finally:
        _unlock_and_close(fd)


# Limits of this process, and of all.
_OURS = {
    errno.ENOMEM: ", but not for this process (ulimit -v)",
    errno.EFBIG: ", but not for this process (ulimit -f)",
}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, *_OURS)


def _open(name: str, *, read_only: bool = False) -> int:
    try:
        with _permission_of(name):
            # Anybody may have left a pipe of that name, and opening one would wait.
            opened = posix_ipc.SharedMemory("/" + name, os.O_NONBLOCK, read_only=read_only)
            fd = int(opened.fd)
    except posix_ipc.ExistentialError:
        raise TopicNotFound(
            f"no segment {name}: its topic was deleted, or /dev/shm is not shared with this pod "
            "(hostIPC)"
        ) from None
    except (ValueError, OSError) as error:
        # How a directory, a symbolic link and a socket are refused.
        if isinstance(error, ValueError) or error.errno in (errno.ELOOP, errno.ENXIO):
            raise _no_memory(name) from None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _no_memory(name)
    return fd


def _no_memory(name: str) -> CorruptRing:
    return CorruptRing(f"{_DIRECTORY}/{name} is no shared memory, but something else: remove it")


def _create(name: str) -> int:
    with _permission_of(name):
        return int(posix_ipc.SharedMemory("/" + name, posix_ipc.O_CREX, mode=0o600).fd)


@contextlib.contextmanager
def _permission_of(name: str) -> Iterator[None]:
    """Turn posix_ipc's own error into Python's, which everybody else catches, and say more."""
    try:
        with _files_for(f"open segment {name}"):
            yield
    except posix_ipc.PermissionsError:
        raise PermissionError(
            errno.EACCES, f"user {os.geteuid()} may not do this to a segment", name
        ) from None
    except IsADirectoryError:
        raise PermissionError(errno.EISDIR, "this is a directory, and no segment", name) from None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        raise OSError(
            errno.EROFS,
            f"{_DIRECTORY} is mounted read-only here, and every participant writes to a topic's "
            "roster: mount it so that it can be written to",
            name,
        ) from None


@contextlib.contextmanager
def _files_for(doing: str) -> Iterator[None]:
    """Say what could not be done when no file descriptors are left, or no addresses."""
    try:
        yield
    except OSError as error:
        # posix_ipc has no number for it, but a sentence.
        if error.errno in OUT_OF_FILES or (error.errno is None and "files" in str(error)):
            raise out_of_files(doing) from None
        if error.errno == errno.ENOMEM:
            raise OSError(
                errno.ENOMEM, f"no addresses left to {doing}: raise this process's limit, ulimit -v"
            ) from None
        raise


def _unlock_and_close(fd: int) -> None:
    """Give up every lock of an open file, also of the copies that a forked child may have."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, 0, 0))
    os.close(fd)


def _open_lock(name: str, mode: int) -> int:
    try:
        fd = _open(name)
    except TopicNotFound:
        os.stat(_DIRECTORY)  # which says so where there is none
        # Only when it is new: O_CREAT on another user's file is refused in a sticky folder.
        with _permission_of(name):
            fd = int(posix_ipc.SharedMemory("/" + name, posix_ipc.O_CREAT, mode=0o600).fd)
    with contextlib.suppress(PermissionError):  # another user's, who has set it
        os.fchmod(fd, mode)
    return fd


def _unlink(segment: str) -> bool:
    """Unlink both halves, the ring first: a segment without a ring cannot be attached."""
    found = False
    for suffix in (_RING, _ROSTER):
        with contextlib.suppress(posix_ipc.ExistentialError), _permission_of(segment):
            posix_ipc.unlink_shared_memory("/" + segment + suffix)
            found = True
    return found


def _flock(kind: int, start: int, length: int) -> bytes:
    """`struct flock` with a 64-bit offset: type, whence, start, length, process (0 for OFD)."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)

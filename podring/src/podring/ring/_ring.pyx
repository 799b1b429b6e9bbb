"""The binding: Python objects in, one call of the C core, Python objects out.

It owns what the core leaves to its caller: the buffers of Python objects, the GIL, signals,
timeouts, and turning results into errors. Small copies keep the GIL, because giving it up costs
more than the copy; large copies and every wait release it. While it is released the object is
*busy*, and another thread that wants it waits for its turn.

Hot methods take plain objects and get the buffer by hand: a typed argument costs three times as
much for 64 bytes.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_CONTIG_RO, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE,
    PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Unpack
from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

import os
from collections import namedtuple
from operator import index as whole_number

from podring.errors import (
    CorruptRing,
    Evicted,
    Full,
    HandleClosed,
    InvalidTopic,
    LayoutMismatch,
    MessageTooLong,
    OffsetOutOfRange,
    PublisherBusy,
    TopicClosed,
    TopicNotFound,
)

OVERWRITE = RING_OVERWRITE
BLOCK = RING_BLOCK
GO_ON = RING_GO_ON
KEEP = RING_KEEP
LOSSY = ROSTER_LOSSY
OPEN = RING_OPEN
DELETED = RING_DELETED
PUBLISHER = ROSTER_PUBLISHER
SUBSCRIBER = ROSTER_SUBSCRIBER
LAYOUT_VERSION = (RING_LAYOUT_MAJOR, RING_LAYOUT_MINOR)
PARTICIPANTS_MAX = ROSTER_SLOTS
WAIT_ANY_MAX = RING_BELLS_MAX - 1
NAME_BYTES_MAX = ROSTER_NAME_BYTES
OFFSET_NAME_BYTES_MAX = ROSTER_OFFSET_NAME_BYTES

# Below this many bytes a copy is cheaper than giving up the GIL and taking it again.
cdef enum:
    GIL_BYTES = 65536

# A subscriber that spins looks this often, for one to two microseconds, before it gives up the GIL.
cdef enum:
    GIL_POLLS = 160

# A publisher tries this often, for a few microseconds, before it sleeps until the lock is free.
cdef enum:
    LOCK_SPINS = 100

# A waiting publisher looks this often whether the lock's holder still lives.
cdef int64_t LOCK_SLICE_NS = 10_000_000

# A publisher that waits for room looks for so long before it sleeps.
cdef int64_t ROOM_SPIN_NS = 20_000

# While it sleeps, it looks after this time whether the slow subscribers live, and later less often,
# up to the second one: so long a dead subscriber holds it up.
cdef int64_t ROOM_SLICE_NS = 10_000_000
cdef int64_t ROOM_SLICE_MAX_NS = 50_000_000

# A subscriber that spins for ever looks this often for signals.
cdef int64_t SPIN_SLICE_NS = 5_000_000

# A sleeping subscriber looks this often by itself. Nobody wakes it when the only publisher is
# killed after its message counts and before it wakes anyone, nor when a signal arrives in the
# instant before the kernel sleeps.
cdef int64_t LOOK_NS = 5_000_000_000

# Where `seek` goes, and the least number that it takes with it.
PLACES = {"latest": 0, "earliest": 0, "last": 0, "sequence": 1, "since": 0}

# Deadlines are CLOCK_MONOTONIC nanoseconds, or one of these.
cdef int64_t FOR_EVER = -1
cdef int64_t AT_ONCE = 0
cdef int64_t NS_MAX = 1 << 62

Entry = namedtuple(
    "Entry",
    "slot role flags joined process user name cursor sequence messages bytes lost active evicted "
    "waiting",
    module=__name__,
)
Slow = namedtuple("Slow", "name process messages bytes seconds", module=__name__)
MessageInfo = namedtuple("MessageInfo", "sequence timestamp publisher", module=__name__)


cdef inline int64_t clock_ns(int clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec


def counter_is_clock():
    """Whether the kernel derives its time from the processor's counter, by its own word."""
    try:
        with open("/sys/devices/system/clocksource/clocksource0/current_clocksource") as source:
            return source.read().strip() in ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page")
    except OSError:
        return False


cdef bint COUNTER_IS_CLOCK = counter_is_clock()


cdef int64_t timeout_ns(object seconds) except? -2:
    """Turn seconds, or None for ever, into nanoseconds."""
    if seconds is None:
        return FOR_EVER
    cdef double value = seconds
    if isnan(value) or value < 0:
        raise ValueError(f"a timeout is seconds from 0 up, or None for ever: not {seconds!r}")
    return <int64_t>(value * 1e9) if value < 4e9 else FOR_EVER


cdef int64_t deadline_of(object seconds) except? -2:
    cdef int64_t wait_ns = timeout_ns(seconds)
    return clock_ns(CLOCK_MONOTONIC) + wait_ns if wait_ns > 0 else wait_ns


def plan(size, max_message, uint32_t overflow=RING_OVERWRITE):
    """Bytes of the ring object, bytes of the roster object, and the ring's capacity."""
    cdef RingPlan found = ring_plan(size, max_message, overflow)
    return found.ring_bytes, found.roster_bytes, found.capacity


def lay_out(
    ring, roster, *, name, size, max_message, generation, created, origin="",
    uint32_t overflow=RING_OVERWRITE, uint32_t unsubscribed=RING_GO_ON, uint64_t lease=0,
):
    """Lay out an empty ring in two writable, zeroed buffers of the planned sizes."""
    cdef Py_buffer ring_view, roster_view
    cdef bytes encoded = name.encode()
    cdef bytes declarer = origin.encode()
    cdef RingPlan wanted = ring_plan(size, max_message, overflow)
    if len(encoded) >= RING_NAME_BYTES:
        raise ValueError(f"a topic name takes at most {RING_NAME_BYTES - 1} bytes")
    if len(declarer) >= RING_ORIGIN_BYTES:
        raise ValueError(f"an origin takes at most {RING_ORIGIN_BYTES - 1} bytes")
    cdef RingOptions options = RingOptions(
        encoded, declarer, size, max_message, generation, created, overflow, unsubscribed, lease
    )
    PyObject_GetBuffer(ring, &ring_view, PyBUF_WRITABLE)
    try:
        PyObject_GetBuffer(roster, &roster_view, PyBUF_WRITABLE)
        try:
            if <uint64_t>ring_view.len < wanted.ring_bytes or (
                <uint64_t>roster_view.len < wanted.roster_bytes
            ):
                raise ValueError("the buffers are smaller than planned")
            ring_format(ring_view.buf, roster_view.buf, &options)
        finally:
            PyBuffer_Release(&roster_view)
    finally:
        PyBuffer_Release(&ring_view)


cdef class Mapping:
    """A ring and its roster in memory, checked once.

    Holds both buffers for as long as it lives; whatever points into the ring holds the Mapping.
    """

    cdef Ring ring
    cdef Py_buffer ring_view
    cdef Py_buffer roster_view
    cdef bint has_ring
    cdef bint has_roster
    cdef readonly str name
    cdef readonly str origin
    cdef readonly object size
    cdef readonly object capacity
    cdef readonly object max_message
    cdef readonly object generation
    cdef readonly object created
    cdef readonly object overflow
    cdef readonly object unsubscribed
    cdef readonly object lease

    def __init__(self, ring, roster):
        if self.has_ring:
            raise TypeError("a Mapping is made once")
        PyObject_GetBuffer(ring, &self.ring_view, PyBUF_SIMPLE)
        self.has_ring = True
        PyObject_GetBuffer(roster, &self.roster_view, PyBUF_WRITABLE)
        self.has_roster = True
        cdef RingResult result = ring_map(
            &self.ring, self.ring_view.buf, self.ring_view.len,
            self.roster_view.buf, self.roster_view.len,
        )
        cdef RingHeader *header = <RingHeader *>self.ring_view.buf
        if result == RING_NOT_READY:
            raise TopicNotFound("the segment is still being made, or its maker died")
        if result == RING_MISMATCH:
            raise LayoutMismatch(
                f"the segment has layout {header.version >> 16}.{header.version & 0xffff}, this "
                f"process reads {RING_LAYOUT_MAJOR}.x: update the older of the two images"
            )
        if result != RING_OK:
            raise CorruptRing("no podring writes such a segment header: delete the topic")
        # A copy, because a hostile publisher may take away the zero at its end meanwhile.
        raw = PyBytes_FromStringAndSize(header.name, RING_NAME_BYTES)
        self.name = raw.partition(b"\0")[0].decode(errors="replace")
        raw = PyBytes_FromStringAndSize(header.origin, RING_ORIGIN_BYTES)
        self.origin = raw.partition(b"\0")[0].decode(errors="replace")
        self.size = header.size
        self.capacity = self.ring.capacity
        self.max_message = self.ring.max_message
        self.generation = header.generation
        self.created = header.created
        self.overflow = RING_BLOCK if self.ring.waits else RING_OVERWRITE
        self.unsubscribed = header.unsubscribed
        self.lease = header.lease

    def __dealloc__(self):
        self.release_roster()
        if self.has_ring:
            PyBuffer_Release(&self.ring_view)

    cpdef release_roster(self):
        """Let go of the roster; only views of the ring work afterwards."""
        if self.has_roster:
            self.has_roster = False
            PyBuffer_Release(&self.roster_view)

    cdef int need_roster(self) except -1:
        if not self.has_roster:
            raise HandleClosed(f"topic {self.name!r} is closed here")
        return 0

    cdef int need_writable(self) except -1:
        self.need_roster()
        if self.ring_view.readonly:
            raise PermissionError(f"topic {self.name!r} is mapped for reading only")
        return 0

    def state(self):
        """OPEN or DELETED."""
        return ring_state(&self.ring)

    def bounds(self):
        """Sequence of the oldest message that can be received, and of the next one to come."""
        cdef RingPlace oldest, tail
        if ring_oldest(&self.ring, &oldest) != RING_OK or ring_tail(&self.ring, &tail) != RING_OK:
            raise self.corrupt()
        return min(oldest.sequence, tail.sequence), tail.sequence

    def mark_deleted(self):
        """Let nobody publish any more, and wake everybody who waits."""
        self.need_writable()
        ring_mark_deleted(&self.ring)

    def wake(self):
        """Wake every sleeping subscriber to look again."""
        self.need_writable()
        ring_wake_all(&self.ring)

    def entries(self):
        """Every entry of the roster that is in use."""
        self.need_roster()
        cdef uint32_t slot
        cdef uint32_t role
        cdef uint64_t words[5]  # one more, so that the name ends in a zero
        cdef RosterEntry *entry
        found = []
        for slot in range(self.ring.slots):
            entry = &self.ring.entries[slot]
            role = entry.role
            if role == ROSTER_FREE:
                continue
            for i in range(4):
                words[i] = entry.name[i]
            words[4] = 0
            name = <bytes>(<const char *>words)
            found.append(Entry(
                slot, role, <uint32_t>entry.flags, <uint64_t>entry.joined,
                <uint32_t>entry.process, <uint32_t>entry.user, name.decode(errors="replace"),
                <uint64_t>entry.cursor, <uint64_t>entry.sequence, <uint64_t>entry.messages,
                <uint64_t>entry.bytes, <uint64_t>entry.lost, <uint64_t>entry.active,
                ring_evicted(entry),
                <uint64_t>entry.hold if role == ROSTER_PUBLISHER and <uint64_t>entry.cursor else 0,
            ))
        return found

    @property
    def slots(self):
        """How many participants the roster has room for."""
        return self.ring.slots

    def offsets(self):
        """The names under which subscribers resume, by place; empty where a place is free."""
        self.need_roster()
        cdef uint32_t place
        cdef uint64_t words[13]  # one more, so that the name ends in a zero
        words[12] = 0
        found = []
        for place in range(self.ring.offsets):
            for i in range(12):
                words[i] = self.ring.saved[place].name[i]
            name = <bytes>(<const char *>words)
            found.append((name.decode(errors="replace"), <uint64_t>self.ring.saved[place].sequence))
        return found

    def name_offset(self, uint32_t place, name):
        """Give a place that is locked a name, or free it with an empty one; it begins at 0."""
        self.need_roster()
        cdef uint64_t words[12]
        cdef bytes encoded = name.encode()
        if place >= self.ring.offsets or len(encoded) > ROSTER_OFFSET_NAME_BYTES:
            raise ValueError(f"no named offset {place}, or {len(encoded)} bytes are too long")
        memset(words, 0, sizeof(words))
        memcpy(words, PyBytes_AS_STRING(encoded), len(encoded))
        self.ring.saved[place].sequence = 0
        self.ring.saved[place].saved = 0
        for i in range(12):
            self.ring.saved[place].name[i] = words[i]

    def offset_lock(self, uint32_t place):
        """The byte of the roster that the subscriber of a name holds locked while it lives."""
        return RING_PAGE + self.ring.slots * ROSTER_ENTRY_BYTES + place * ROSTER_OFFSET_BYTES

    def lock_offset(self, uint32_t slot):
        """The byte of the roster that the participant in `slot` holds locked while it lives."""
        return RING_PAGE + slot * ROSTER_ENTRY_BYTES

    def lock_holder(self):
        """Slot of the publisher that holds the writer lock, or -1."""
        return ring_lock_slot(ring_lock_word(&self.ring))

    def leave(self, uint32_t slot):
        """Clear the entry of a participant that did not get further than joining."""
        self.need_roster()
        ring_leave(&self.ring, slot)

    def join(self, uint32_t slot, uint32_t role, name, uint32_t flags=0):
        """Fill in the entry of a participant that holds its lock."""
        self.need_roster()
        cdef char padded[32]
        cdef bytes encoded = name.encode(errors="replace")[:ROSTER_NAME_BYTES]
        if slot >= self.ring.slots:
            raise ValueError(f"slot {slot} of {self.ring.slots}")
        memset(padded, 0, sizeof(padded))
        memcpy(padded, PyBytes_AS_STRING(encoded), len(encoded))
        now = clock_ns(CLOCK_REALTIME)
        ring_join(&self.ring, slot, role, os.getpid(), os.getuid(), now, padded, flags)

    cdef describe(self, uint32_t slot):
        """Name and process of a participant, for an error."""
        for entry in self.entries():
            if entry.slot == slot:
                return f"{entry.name!r} (process {entry.process})"
        return f"in slot {slot}"

    cdef corrupt(self):
        return CorruptRing(
            f"topic {self.name!r} (generation {self.generation}) holds bytes that no publisher "
            "writes: delete it and create it again"
        )

    cdef closed(self):
        return TopicClosed(
            f"topic {self.name!r} (generation {self.generation}) was deleted: open it again if it "
            "was created anew"
        )


cdef enum:
    IS_OPEN = 0
    IS_CLOSED = 1
    IS_FORKED = 2
    IS_NEW = 3  # not initialised yet, or its initialisation failed


cdef class Handle:
    """What a publisher and a subscriber have in common: a life, and turns between threads."""

    cdef readonly Mapping mapping
    cdef readonly uint32_t slot
    cdef int life
    cdef bint busy
    cdef bint left
    cdef PyThread_type_lock turn
    cdef atomic_u32 stop
    cdef object on_deleted  # moves this object to the topic's next generation, or waits a little

    def __cinit__(self):
        self.life = IS_NEW
        self.turn = PyThread_allocate_lock()
        if self.turn == NULL:
            raise MemoryError()

    def __dealloc__(self):
        if self.turn != NULL:
            PyThread_free_lock(self.turn)

    # Whoever has called `enter` is alone inside until Python code may run again: a callback, a
    # signal handler, a finalizer. After any of them it must call `enter` once more.
    cdef bint enter(self, int64_t deadline) except -1:
        """Be sure that this object is open, and that no other thread is inside it.

        returns  False when another thread still was at the deadline
        """
        cdef int64_t rest_us
        while self.life or self.busy:
            self.check_life()
            rest_us = -1
            if deadline != FOR_EVER:
                rest_us = (deadline - clock_ns(CLOCK_MONOTONIC)) // 1000
                if rest_us <= 0:
                    return False
            with nogil:
                take_turn(self.turn, rest_us)
            PyErr_CheckSignals()
        return True

    cdef bint begin_closing(self) noexcept:
        """Let nobody in any more, and wait until nobody is inside.

        returns  False when there is nothing to close, or another thread has closed it meanwhile
        """
        while self.life == IS_CLOSED and not self.left:
            with nogil:
                take_turn(self.turn, 1000)
        if self.life != IS_OPEN:
            return False
        self.life = IS_CLOSED
        self.stop = 1
        while self.busy:
            self.wake_inside()
            with nogil:
                take_turn(self.turn, 1000)
        return True

    cdef void end_closing(self) noexcept:
        self.mapping.release_roster()
        self.left = True

    cdef void wake_inside(self) noexcept:
        """Wake the thread that waits inside, if it may do so for long."""

    cdef int need_mapping(self) except -1:
        if self.mapping is None:
            raise HandleClosed(f"this {self.kind()} was never opened")
        return 0

    cdef int check_life(self) except -1:
        self.need_mapping()
        if self.life == IS_CLOSED:
            raise HandleClosed(f"this {self.kind()} of topic {self.mapping.name!r} is closed")
        if self.life == IS_FORKED:
            raise HandleClosed(
                f"this {self.kind()} of topic {self.mapping.name!r} belongs to the parent "
                "process: open another one after fork"
            )
        return 0

    cdef str kind(self):
        return "handle"

    # Both run with the GIL. Nobody holds `turn` for longer than it takes to give it back while
    # `busy` is not set, so taking it does not block.
    cdef void leave_gil(self) noexcept:
        """Before the GIL is released: other threads wait for `return_gil`."""
        self.busy = True
        PyThread_acquire_lock(self.turn, 1)

    cdef void return_gil(self) noexcept:
        self.busy = False
        PyThread_release_lock(self.turn)

    @property
    def closed(self):
        """Whether this object was closed, or belongs to the parent process."""
        return self.life != IS_OPEN

    def close(self):
        """Leave the topic: each kind says how."""
        raise NotImplementedError

    def _follow_with(self, on_deleted):
        """Call `on_deleted` again and again, instead of raising TopicClosed, once the topic is
        deleted: until it has called `_move`, or raises by itself."""
        self.on_deleted = on_deleted

    def abandon(self):
        """In a forked child: forget everything, and touch nothing that the parent shares."""
        self.life = IS_FORKED
        if self.mapping is not None:
            self.mapping.release_roster()


cdef void take_turn(PyThread_type_lock turn, int64_t us) noexcept nogil:
    """Wait for a turn, up to so many microseconds or for ever (-1), and give it back."""
    if PyThread_acquire_lock_timed(turn, us, 1) == PY_LOCK_ACQUIRED:
        PyThread_release_lock(turn)


cdef class Writer(Handle):
    """The publishing half. `is_alive` tells whether the participant in a slot lives, and `reap`
    clears the entry of one that is dead."""

    cdef RingWriter writer
    cdef RingClock clock
    cdef object is_alive
    cdef object reap
    cdef object loaned
    cdef object patience  # seconds to wait for room, None for ever
    cdef dict stuck       # the slow subscribers' places, and since when they are there

    def __init__(
        self, Mapping mapping not None, uint32_t slot, is_alive, bint exclusive=False, reap=None
    ):
        if self.mapping is not None:
            raise TypeError("a Writer is made once")
        mapping.need_writable()
        self.slot = slot
        self.is_alive = is_alive
        self.reap = reap
        self.stuck = {}
        cdef uint32_t life = <uint32_t>(clock_ns(CLOCK_REALTIME) >> 10)
        cdef uint32_t seen
        ring_writer_open(&self.writer, &mapping.ring, slot, life, exclusive)
        ring_clock_open(&self.clock, COUNTER_IS_CLOCK)
        self.mapping = mapping
        self.life = IS_OPEN
        seen = ring_lock_word(&mapping.ring)
        if ring_lock_slot(seen) == <int32_t>slot:
            # Whoever had this slot before died with the lock: nobody else would find it dead now.
            ring_take_over(&self.writer, seen)
            ring_end(&self.writer)
        try:
            self.keep_lock()
        except BaseException:
            self.mapping, self.life = None, IS_NEW
            raise

    cdef int keep_lock(self) except -1:
        """An exclusive publisher takes the lock for good; TopicClosed even for one that follows."""
        if self.writer.keeps:
            follower, self.on_deleted = self.on_deleted, None
            try:
                self.begin()
            finally:
                self.on_deleted = follower
            ring_end(&self.writer)
        return 0

    cdef str kind(self):
        return "publisher"

    cdef int enter_to_write(self) except -1:
        self.enter(FOR_EVER)
        if self.loaned is not None:
            raise PublisherBusy(
                f"a loan of this publisher of topic {self.mapping.name!r} is still open: leave its "
                "with block first"
            )
        return 0

    cdef int begin(self) except -1:
        """Hold the writer lock."""
        cdef RingResult result = ring_begin(&self.writer)
        if result == RING_OK:
            return 0
        return self.begin_slowly(result)

    cdef int begin_slowly(self, RingResult result) except -1:
        cdef int spins = 0
        while result != RING_OK:
            if result == RING_CLOSED:
                if self.on_deleted is None:
                    raise self.mapping.closed()
                self.on_deleted()
                self.enter_to_write()
                result = ring_begin(&self.writer)
                continue
            if result == RING_CORRUPT:
                raise self.mapping.corrupt()
            if result == RING_BUSY and spins < LOCK_SPINS:
                spins += 1
                result = ring_begin(&self.writer)
                continue
            if result == RING_BUSY:
                result = self.begin_waiting()
                if result == RING_OK:
                    return 0
                PyErr_CheckSignals()
            result = self.inherit()
        return 0

    cdef RingResult begin_waiting(self) except? RING_EMPTY:
        cdef RingResult result
        self.leave_gil()
        with nogil:
            result = ring_begin_waiting(&self.writer, LOCK_SLICE_NS)
        self.return_gil()
        if self.life:
            ring_end(&self.writer)  # of no effect unless it has the lock
            self.check_life()
        return result

    cdef RingResult inherit(self) except? RING_EMPTY:
        """The lock is held for long: take it over if its holder is dead, else try again."""
        cdef uint32_t seen = ring_lock_word(&self.writer.ring)
        cdef int32_t holder = ring_lock_slot(seen)
        cdef bint dead = False
        if ring_state(&self.writer.ring) != RING_OPEN:
            return RING_CLOSED
        if holder >= 0:
            try:
                dead = not self.is_alive(holder)
            except (OSError, ValueError):
                self.check_life()  # another thread may have closed the descriptor that tells
                raise
        self.enter_to_write()
        if dead:
            return ring_take_over(&self.writer, seen)
        if seen & RING_LOCK_EXCLUSIVE and seen == ring_lock_word(&self.writer.ring):
            raise PublisherBusy(
                f"topic {self.mapping.name!r} is held by the exclusive publisher "
                f"{self.mapping.describe(holder)}: close that one first"
            )
        # Not ring_begin: who has slept takes the lock with the mark that others may sleep still.
        return RING_BUSY

    cdef int refuse_length(self, object length) except -1:
        self.need_mapping()
        raise MessageTooLong(
            f"{length} bytes do not fit: {self.mapping.name!r} takes at most "
            f"{self.mapping.max_message}; msgsize is set when a topic is created"
        )

    def publish(self, payload, /):
        """Copy one message into the ring and show it to every subscriber.

        payload  contiguous bytes, 0 to `max_message` long: bytes, bytearray, memoryview, a NumPy
                 array; copied, so free to change afterwards
        returns  the message's sequence number, from 1 at the topic's creation
        raises   MessageTooLong, TopicClosed, PublisherBusy, HandleClosed; TypeError for anything
                 that is not contiguous bytes; Full after `timeout` seconds in a `block` topic
        cost     one copy, the writer lock, and no system call unless a subscriber sleeps
        source   ring_append in write.c
        """
        cdef Py_buffer view
        if PyBytes_CheckExact(payload):
            return self.publish_bytes(PyBytes_AS_STRING(payload), len(<bytes>payload))
        get_payload(payload, &view)
        try:
            return self.publish_bytes(view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef object publish_bytes(self, const void *data, Py_ssize_t length):
        if self.life or self.busy or self.loaned is not None:
            self.enter_to_write()
        if <uint64_t>length > self.writer.ring.max_message:
            self.refuse_length(length)
        self.begin()
        if self.append(data, length) != RING_OK:
            self.append_when_there_is_room(data, length)
        cdef uint64_t sequence = self.writer.sequence - 1
        ring_end(&self.writer)
        return sequence

    cdef inline RingResult append(self, const void *data, Py_ssize_t length) noexcept:
        """Append one message and show it; RING_FULL where it has to wait. With the lock."""
        cdef uint64_t now = ring_clock_now(&self.clock)
        cdef RingResult result
        if length < GIL_BYTES:
            result = ring_append(&self.writer, data, length, now)
            ring_flush(&self.writer)
        else:
            self.leave_gil()
            with nogil:
                result = ring_append(&self.writer, data, length, now)
                ring_flush(&self.writer)
            self.return_gil()
        return result

    cdef int append_when_there_is_room(self, const void *data, Py_ssize_t length) except -1:
        cdef int64_t began = clock_ns(CLOCK_MONOTONIC)
        while True:
            self.refuse_what_is_too_long_now(length)
            self.wait_for_room(began, 0)
            self.begin()
            if self.append(data, length) == RING_OK:
                return 0

    cdef int refuse_what_is_too_long_now(self, uint64_t length) except -1:
        """With the lock: the topic's next generation may take less than the one before."""
        if length > self.writer.ring.max_message:
            ring_end(&self.writer)
            self.refuse_length(length)
        return 0

    cdef int wait_for_room(self, int64_t began, Py_ssize_t published) except -1:
        """After RING_FULL: give the lock back, and wait until subscribers have made room.

        began      when the call that has to wait began to, so that its timeout covers all waits
        published  how many messages of that call are out already
        """
        cdef RingResult result
        cdef int64_t patience_ns = timeout_ns(self.patience)
        cdef int64_t slice_ns = ROOM_SLICE_NS
        cdef int64_t now = clock_ns(CLOCK_MONOTONIC)
        cdef int64_t spin_ns = ROOM_SPIN_NS if patience_ns else 0
        ring_end(&self.writer)
        ring_report_wait(&self.writer, clock_ns(CLOCK_REALTIME) - <uint64_t>(now - began))
        try:
            while True:
                self.leave_gil()
                with nogil:
                    result = ring_spin_room(&self.writer, spin_ns)
                    if result != RING_OK and patience_ns:
                        result = ring_sleep_room(&self.writer, slice_ns)
                self.return_gil()
                PyErr_CheckSignals()
                self.enter_to_write()
                if ring_has_room(&self.writer):
                    return 0
                self.judge_the_slow()
                if ring_has_room(&self.writer):
                    return 0
                now = clock_ns(CLOCK_MONOTONIC)
                if patience_ns >= 0 and now - began >= patience_ns:
                    raise self.full((now - began) * 1e-9, published)
                spin_ns = 0
                slice_ns = min(max(ROOM_SLICE_NS, (now - began) // 4), ROOM_SLICE_MAX_NS)
                if patience_ns >= 0:
                    slice_ns = min(slice_ns, began + patience_ns - now)
        finally:
            if not self.life:
                ring_report_wait(&self.writer, 0)

    cdef int judge_the_slow(self) except -1:
        """Drop the dead among those who hold this publisher up, and those who do for too long."""
        cdef int64_t now = clock_ns(CLOCK_MONOTONIC)
        cdef dict seen = {}
        for entry in self.mapping.entries():
            if not ring_is_slow(&self.writer, entry.slot):
                continue
            if not self.is_alive(entry.slot):
                if self.reap is not None:
                    self.reap(entry.slot)
                self.enter_to_write()
                continue
            place = (entry.slot, entry.joined, entry.cursor)
            since = self.stuck.get(place, now)
            seen[place] = since
            if self.mapping.lease and now - since >= <int64_t>self.mapping.lease:
                ring_evict(&self.writer, entry.slot, entry.joined)
        self.stuck = seen
        return 0

    cdef object full(self, double waited_s, Py_ssize_t published):
        """The error that names who is slow, and by how much."""
        cdef RingPlace tail
        if ring_tail(&self.writer.ring, &tail) != RING_OK:
            return self.mapping.corrupt()
        now = clock_ns(CLOCK_REALTIME)
        slow = [
            Slow(
                entry.name, entry.process, max(0, <int64_t>(tail.sequence - entry.sequence)),
                max(0, <int64_t>(tail.position - <uint64_t>entry.cursor)),
                max(0, now - entry.active) * 1e-9 if entry.active else None,
            )
            for entry in self.mapping.entries()
            if ring_is_slow(&self.writer, entry.slot)
        ]
        return Full(self.mapping.name, self.mapping.capacity, waited_s, slow, published)

    @property
    def timeout(self):
        """Seconds that a call waits for room in a `block` topic; None for ever, 0 not at all."""
        return self.patience

    @timeout.setter
    def timeout(self, seconds):
        timeout_ns(seconds)
        self.patience = seconds

    def publish_many(self, payloads, /):
        """Copy many messages into the ring, one after the other with none of others in between.

        payloads  an iterable of what `publish` takes; all are checked before the first is written
        returns   the sequence number of the last one, 0 when there was none
        raises    as `publish`, and then none of them was published. In a `block` topic it may have
                  to wait in between, and others come in; what it meets then, Full, PublisherBusy,
                  TopicClosed or MessageTooLong, says in `published` how many are out
        cost      as `publish`, with the lock and the clock once for all of them
        """
        if isinstance(payloads, (bytes, bytearray, memoryview, str)):
            raise TypeError("publish_many takes an iterable of messages: for one use publish")
        cdef tuple items = tuple(payloads)
        cdef Py_ssize_t count = len(items)
        cdef Py_ssize_t index
        cdef uint64_t total = 0
        cdef Batch batch = Batch(count)
        for index in range(count):
            batch.put(index, items[index])
            total += batch.lengths[index]
            if batch.lengths[index] > self.writer.ring.max_message:
                self.refuse_length(batch.lengths[index])
        if self.life or self.busy or self.loaned is not None:
            self.enter_to_write()
        if not count:
            return 0
        self.begin()
        cdef Py_ssize_t done = self.append_batch(batch, 0, count, total)
        cdef int64_t began = 0
        while done < count:
            began = began or clock_ns(CLOCK_MONOTONIC)
            try:
                self.refuse_what_is_too_long_now(batch.lengths[done])
                self.wait_for_room(began, done)
                self.begin()
            except (MessageTooLong, PublisherBusy, TopicClosed) as error:
                error.published = done
                raise
            done = self.append_batch(batch, done, count, total)
        cdef uint64_t sequence = self.writer.sequence - 1
        ring_end(&self.writer)
        return sequence

    cdef Py_ssize_t append_batch(
        self, Batch batch, Py_ssize_t done, Py_ssize_t count, uint64_t total
    ) noexcept:
        """Append and show what fits of a batch: how many of it are out then."""
        cdef uint64_t now = ring_clock_now(&self.clock)
        if total < GIL_BYTES:
            return append_all(&self.writer, batch.data, batch.lengths, done, count, now)
        self.leave_gil()
        with nogil:
            done = append_all(&self.writer, batch.data, batch.lengths, done, count, now)
        self.return_gil()
        return done

    def loan(self, nbytes, /):
        """Lend a writable view straight into the ring, to be filled inside a `with` block.

        nbytes   length of the message, 0 to `max_message`
        returns  a Loan; leaving its block publishes the message, an exception drops it
        raises   MessageTooLong at once; TopicClosed, PublisherBusy, Full on entering the block
        cost     no copy. The writer lock is held until the block ends, so others wait meanwhile:
                 a long fill belongs to an exclusive publisher
        """
        if not 0 <= nbytes <= self.writer.ring.max_message:
            if nbytes < 0:
                raise ValueError(f"a loan is 0 bytes or more: not {nbytes}")
            self.refuse_length(nbytes)
        cdef Loan loan = Loan.__new__(Loan)
        loan.owner, loan.length = self, nbytes
        return loan

    def _look_in(self, segment):
        """Ask this segment from now on who is alive."""
        self.is_alive, self.reap = segment.is_participant, segment.reap

    def _move(self, Mapping mapping not None, uint32_t slot):
        """Leave the topic, and publish to another one from now on; if it cannot be, nothing is
        different afterwards."""
        mapping.need_writable()
        self.enter_to_write()
        cdef Mapping left = self.mapping
        cdef uint32_t left_slot = self.slot
        cdef bint exclusive = self.writer.keeps
        ring_writer_close(&self.writer)
        self.go_to(mapping, slot, exclusive)
        try:
            self.keep_lock()
        except BaseException:
            self.go_to(left, left_slot, exclusive)
            raise
        left.release_roster()

    cdef void go_to(self, Mapping mapping, uint32_t slot, bint exclusive) noexcept:
        cdef uint32_t life = <uint32_t>(clock_ns(CLOCK_REALTIME) >> 10)
        ring_writer_open(&self.writer, &mapping.ring, slot, life, exclusive)
        self.mapping, self.slot, self.stuck = mapping, slot, {}

    def close(self):
        """Leave the topic. Closing twice is fine; an open loan is dropped."""
        if self.begin_closing():
            ring_writer_close(&self.writer)
            self.end_closing()


cdef bint holds_objects(const char *format) noexcept:
    """Whether a buffer's format has an `O` in it, outside the `:names:` of fields."""
    cdef bint in_name = False
    while format[0]:
        if format[0] == b":":
            in_name = not in_name
        elif format[0] == b"O" and not in_name:
            return True
        format += 1
    return False


cdef int get_payload(object payload, Py_buffer *view) except -1:
    """Get the contiguous bytes of an object, or say why it has none."""
    try:
        PyObject_GetBuffer(payload, view, PyBUF_CONTIG_RO | PyBUF_FORMAT)
    except (BufferError, ValueError) as error:
        raise TypeError(
            f"a message is C-contiguous bytes, and this {type(payload).__name__} is not ({error}): "
            "send its tobytes(), or make it so with numpy.ascontiguousarray"
        ) from None
    except TypeError:
        raise TypeError(
            "a message is bytes, bytearray, memoryview or a NumPy array, not "
            f"{type(payload).__name__}" + (": encode it first" if isinstance(payload, str) else "")
        ) from None
    if view.format != NULL and holds_objects(view.format):
        PyBuffer_Release(view)
        raise TypeError(
            f"this {type(payload).__name__} holds Python objects, which mean nothing to another "
            "process: serialise them first"
        )
    return 0


cdef class Payload:
    """A buffer that is held until its bytes have been copied."""

    cdef Py_buffer view
    cdef bint held

    def __cinit__(self, payload):
        get_payload(payload, &self.view)
        self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef class Batch:
    """Addresses and lengths of many payloads, and the buffers that are held meanwhile."""

    cdef const void **data
    cdef uint64_t *lengths
    cdef list held

    def __cinit__(self, Py_ssize_t count):
        self.held = []
        self.data = <const void **>PyMem_Malloc((count or 1) * sizeof(void *))
        self.lengths = <uint64_t *>PyMem_Malloc((count or 1) * sizeof(uint64_t))
        if self.data == NULL or self.lengths == NULL:
            raise MemoryError()

    def __dealloc__(self):
        PyMem_Free(<void *>self.data)
        PyMem_Free(self.lengths)

    cdef int put(self, Py_ssize_t index, object payload) except -1:
        cdef Payload held
        if PyBytes_CheckExact(payload):
            self.data[index] = PyBytes_AS_STRING(payload)
            self.lengths[index] = len(<bytes>payload)
        else:
            held = Payload(payload)
            self.held.append(held)
            self.data[index] = held.view.buf
            self.lengths[index] = held.view.len
        return 0


cdef Py_ssize_t append_all(RingWriter *writer, const void **data, const uint64_t *lengths,
                           Py_ssize_t index, Py_ssize_t count, uint64_t now) noexcept nogil:
    """Append a batch from `index` on, until it or the room ends: the index behind the last one.

    It is shown in portions, so that subscribers start before it is complete.
    """
    cdef uint64_t portion = min(<uint64_t>RING_RUN_BYTES, writer.ring.capacity // 8)
    while index < count:
        if ring_append(writer, data[index], lengths[index], now) != RING_OK:
            break
        index += 1
        if writer.head - writer.tail >= portion:
            ring_flush(writer)
    ring_flush(writer)
    return index


@cython.freelist(4)
cdef class Loan:
    """A message that is filled where it will lie in the ring.

    A writable buffer: `readinto(loan)`, `numpy.frombuffer(loan, ...)`, `loan[:] = data`. Let go of
    every view of it inside the block: one that outlived it could write over later messages.
    """

    cdef Writer owner
    cdef uint8_t *payload
    cdef Py_ssize_t length
    cdef Py_ssize_t exports
    cdef bint open
    cdef readonly object sequence

    def __enter__(self):
        cdef Writer owner = self.owner
        if owner is None:
            raise TypeError("a Loan comes from Publisher.loan")
        if self.payload != NULL:
            raise PublisherBusy("a loan is used once: ask for another one")
        owner.enter_to_write()
        owner.begin()
        cdef int64_t began = 0
        while ring_reserve(&owner.writer, self.length, &self.payload) != RING_OK:
            began = began or clock_ns(CLOCK_MONOTONIC)
            owner.refuse_what_is_too_long_now(self.length)
            owner.wait_for_room(began, 0)
            owner.begin()
        owner.loaned = self
        self.open = True
        return self

    def __exit__(self, kind, value, traceback):
        cdef Writer owner = self.owner
        if not self.open:
            return
        self.open = False
        owner.loaned = None
        if owner.life:
            if kind is None:
                owner.check_life()
            return
        if kind is None and not self.exports:
            ring_commit(&owner.writer, self.length, ring_clock_now(&owner.clock))
            self.sequence = owner.writer.sequence - 1
        ring_end(&owner.writer)
        if kind is None and self.exports:
            raise BufferError(
                f"nothing was published: {self.exports} view(s) of the loan still exist at the end "
                "of its block; delete them inside it"
            )

    cdef int need_open(self) except -1:
        if not self.open or self.owner.life:
            raise HandleClosed("a loan is writable inside its with block only")
        return 0

    def truncate(self, Py_ssize_t nbytes):
        """Publish only the first `nbytes` bytes, for a source that gave less than was lent."""
        self.need_open()
        if not 0 <= nbytes <= self.length:
            raise ValueError(f"{nbytes} is not between 0 and the {self.length} bytes of this loan")
        self.length = nbytes

    def __len__(self):
        return self.length

    def __getitem__(self, key):
        with memoryview(self) as view:
            return bytes(view[key]) if isinstance(key, slice) else view[key]

    def __setitem__(self, key, value):
        cdef Py_ssize_t start, stop, step
        # Bytes into a range of them, as it is mostly: without an object for each side of it.
        if isinstance(key, slice) and PyBytes_CheckExact(value):
            PySlice_Unpack(key, &start, &stop, &step)
            self.need_open()  # after the key's own code has run, which may leave the block
            if step == 1 and PySlice_AdjustIndices(
                self.length, &start, &stop, step
            ) == len(<bytes>value):
                memcpy(self.payload + start, PyBytes_AS_STRING(value), len(<bytes>value))
                return
        with memoryview(self) as view:
            view[key] = value

    def __getbuffer__(self, Py_buffer *view, int flags):
        self.need_open()
        PyBuffer_FillInfo(view, self, self.payload, self.length, 0, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.exports -= 1


cdef class Message:
    """One message where it lies in the ring: a read-only buffer without a copy.

    The memory stays mapped for as long as this object or a view of it exists. In an `overwrite`
    topic a publisher may reach it meanwhile: look at `valid` after using the bytes. In a `block`
    topic publishers wait until this object is closed or gone, and every view of it, too.
    """

    cdef Mapping mapping
    cdef bytes copy
    cdef const uint8_t *payload
    cdef RingFrame frame
    cdef bint released
    cdef Py_ssize_t exports
    cdef Reader holder  # whose place this view holds in a `block` topic

    def __init__(self):
        if self.mapping is None:
            raise TypeError("a Message comes from Subscriber.view")

    @property
    def sequence(self):
        """Number of the message, from 1 at the topic's creation."""
        return self.frame.sequence

    @property
    def timestamp(self):
        """When it was published, in nanoseconds since 1970."""
        return self.frame.timestamp

    @property
    def publisher(self):
        """Slot of its publisher in the topic's roster."""
        return self.frame.publisher

    @property
    def valid(self):
        """Whether all that was read so far is certainly this message's bytes."""
        return self.copy is not None or ring_is_whole(&self.mapping.ring, self.frame.position)

    def __len__(self):
        return self.frame.length

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.released = True
        self.let_go()

    def __del__(self):
        self.let_go()

    cdef int let_go(self) except -1:
        """Let publishers go on, once nothing looks at these bytes any more."""
        cdef Reader holder = self.holder
        if holder is not None and not self.exports:
            self.holder = None
            if holder.mapping is self.mapping:  # else it has gone on to another generation
                holder.release(self.frame.position)
        return 0

    def __bytes__(self):
        with memoryview(self) as view:
            return view.tobytes()

    def __getbuffer__(self, Py_buffer *view, int flags):
        if self.released:
            raise HandleClosed("a message's view is taken inside its with block")
        PyBuffer_FillInfo(view, self, <void *>self.payload, self.frame.length, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.exports -= 1
        if self.released:
            self.let_go()

    def __repr__(self):
        length = self.frame.length
        return f"<Message {self.frame.sequence} of {self.mapping.name!r}, {length} bytes>"


cdef class Reader(Handle):
    """The subscribing half. `on_gap(first, end)` is told of each loss before what follows it."""

    cdef RingReader *reader
    cdef object on_gap
    cdef int64_t spin_ns   # as asked for
    cdef int64_t spin_now  # as it has paid of late; see learn
    cdef list held  # positions of the views that are out, in a `block` topic
    cdef uint64_t waited_from  # when the wait that ended in sleep began, 0 when none did

    def __init__(self, Mapping mapping not None, uint32_t slot, on_gap, double spin):
        if self.mapping is not None:
            raise TypeError("a Reader is made once")
        if isnan(spin) or spin < 0:
            raise ValueError(f"spin is seconds from 0 up, or math.inf: not {spin!r}")
        mapping.need_roster()
        self.reader = <RingReader *>aligned_alloc(64, (sizeof(RingReader) + 63) // 64 * 64)
        if self.reader == NULL:
            raise MemoryError()
        self.slot = slot
        self.on_gap = on_gap
        self.spin_ns = <int64_t>(spin * 1e9) if spin < 4e9 else NS_MAX
        self.spin_now = self.spin_ns
        if ring_reader_open(self.reader, &mapping.ring, slot) != RING_OK:
            raise mapping.corrupt()
        self.mapping = mapping
        self.held = []
        self.life = IS_OPEN
        if not mapping.ring.waits:
            ring_report(self.reader)

    def __dealloc__(self):
        free(self.reader)

    cdef str kind(self):
        return "subscriber"

    def seek(self, where, value=0):
        """Go to `latest`, `earliest`, `last` N, `sequence` N or `since` nanoseconds since 1970.

        raises   InvalidTopic (field `start`) for any other place; OffsetOutOfRange
        """
        cdef RingResult result
        cdef RingPlace tail
        if where not in PLACES or not PLACES[where] <= whole_number(value) < 1 << 64:
            raise InvalidTopic(
                "start",
                f"seek({where!r}, {value!r}) is not a position: go to 'latest', 'earliest', "
                "'last' with a count, 'sequence' with a number from 1, or 'since' with nanoseconds "
                "since 1970",
            )
        cdef uint64_t number = whole_number(value)
        cdef int attempts = 1000  # one that was too late holds publishers up until the next
        self.start(FOR_EVER)
        result = self.go(where, number)
        while result == RING_OK and ring_take_place(self.reader) != RING_OK:
            attempts -= 1
            result = self.go(where, number) if attempts else RING_CORRUPT
        if result == RING_AHEAD:
            ring_tail(&self.reader.ring, &tail)
            raise OffsetOutOfRange(
                f"sequence {number} is ahead of topic {self.mapping.name!r}, whose next message is "
                f"{tail.sequence} (generation {self.mapping.generation}): a topic that was created "
                "anew starts from 1"
            )
        if result != RING_OK:
            raise self.mapping.corrupt()

    cdef RingResult go(self, object where, uint64_t number) except? RING_EMPTY:
        if where == "latest":
            return ring_seek_latest(self.reader)
        if where == "earliest":
            return ring_seek_oldest(self.reader)
        if where == "last":
            return ring_seek_last(self.reader, number)
        if where == "sequence":
            return ring_seek_sequence(self.reader, number)
        return ring_seek_since(self.reader, number)

    cdef int tell_gap(self) except -1:
        """Tell of a loss, before anything that comes after it is delivered."""
        cdef uint64_t first = self.reader.gap_first
        cdef uint64_t end = self.reader.gap_end
        self.reader.gap_first = self.reader.gap_end = 0
        self.on_gap(first, end)
        return 0

    cdef bint start(self, int64_t deadline) except -1:
        """Enter, and tell of a loss: False when another thread was inside until the deadline."""
        while self.life or self.busy or self.reader.gap_end:
            if not self.enter(deadline):
                return False
            if self.reader.gap_end:
                self.tell_gap()
        return True

    def receive(self, timeout=None):
        """Wait for the next message and return a copy of it.

        timeout  seconds, None to wait for ever, 0 not to wait
        returns  bytes
        raises   TimeoutError, TopicClosed once a deleted topic holds nothing more, CorruptRing,
                 HandleClosed, Evicted once after publishers gave this subscriber up, and
                 KeyboardInterrupt at once
        cost     one bytes object; the ring itself is read in runs of up to 16 KiB
        source   ring_next in read.c
        """
        cdef RingResult result = RING_LAPPED
        message = self.small_at_once(&result)
        if message is None:
            message = self.receive_slowly(result, deadline_of(timeout))
        if message is None:
            raise self.nothing_new(timeout)
        return message

    def _save_at(self, uint32_t place):
        """Say at that place of the roster from now on what this subscriber is done with."""
        self.start(FOR_EVER)
        if place >= self.mapping.ring.offsets:
            raise ValueError(f"no named offset {place}")
        self.reader.saved = &self.mapping.ring.saved[place]
        ring_save(self.reader)

    def commit(self):
        """Be done with all that was received, without waiting for the next call to say so.

        A subscriber with a name resumes behind what it was done with. Every call that receives is
        done with what came before it, and so is closing, unless an exception ends the `with` block.
        """
        self.start(FOR_EVER)
        if self.reader.saved != NULL:
            ring_save(self.reader)

    def _disown(self):
        """Do not be done with the message received last: whoever resumes gets it again."""
        self.need_mapping()
        self.reader.saved = NULL

    cdef inline object small_at_once(self, RingResult *result):
        """The next message if it is there and small, else None; `result` is then what ring_next
        said, and stays as it was where somebody else is inside or a loss is to be told first."""
        cdef const uint8_t *payload = NULL
        if not (self.life or self.busy or self.reader.gap_end):
            if self.reader.saved != NULL:
                ring_save(self.reader)
            if self.reader.run_at == self.reader.run_end:
                ring_gather(self.reader)
            result[0] = ring_next(self.reader, &payload)
            if result[0] == RING_OK:
                return PyBytes_FromStringAndSize(<const char *>payload, self.reader.frame.length)
        return None

    cdef nothing_new(self, object timeout):
        return TimeoutError(
            f"nothing new in topic {self.mapping.name!r} for {float(timeout):g} s; its next "
            f"message is number {self.reader.sequence}"
        )

    def receive_nowait(self):
        """Return the next message, or None when there is nothing new."""
        cdef RingResult result = RING_LAPPED
        message = self.small_at_once(&result)
        return message if message is not None else self.receive_slowly(result, AT_ONCE)

    cdef object receive_slowly(self, RingResult result, int64_t deadline):
        """Everything but a small message that is there: None after the deadline.

        result  of the first ring_next; RING_LAPPED when there was none yet
        """
        cdef const uint8_t *payload = NULL
        while True:
            if result == RING_OK:
                return PyBytes_FromStringAndSize(<const char *>payload, self.reader.frame.length)
            if result == RING_LARGE:
                message = self.take()
                if message is not None:
                    return message
            elif result == RING_EMPTY:
                if deadline == AT_ONCE or not self.wait(deadline):
                    self.check_topic(False)
                    return None
            elif result == RING_EVICTED:
                raise self.come_back()
            elif result != RING_LAPPED:
                raise self.mapping.corrupt()
            if not self.start(deadline):
                return None
            result = ring_next(self.reader, &payload)
            if self.waited_from and result == RING_OK:
                self.learn(self.reader.frame.timestamp)
            elif self.waited_from and result == RING_LARGE:
                self.learn(self.reader.news.timestamp)

    cdef object come_back(self):
        """Be waited for again, and the error that says that for a while one was not."""
        cdef uint64_t before = self.reader.sequence
        if ring_return(self.reader, clock_ns(CLOCK_REALTIME)) != RING_OK:
            return self.mapping.corrupt()
        return Evicted(
            self.mapping.name, self.mapping.lease * 1e-9, before, self.reader.sequence - before
        )

    cdef object take(self):
        """Copy a large message straight into its bytes object: None when it was overwritten."""
        cdef Py_ssize_t length = self.reader.news.length
        message = PyBytes_FromStringAndSize(NULL, length)
        cdef uint8_t *destination = <uint8_t *>PyBytes_AS_STRING(message)
        cdef RingResult result
        if length < GIL_BYTES:
            result = ring_take(self.reader, destination)
        else:
            self.leave_gil()
            with nogil:
                result = ring_take(self.reader, destination)
            self.return_gil()
        if result == RING_CORRUPT:
            raise self.mapping.corrupt()
        return message if result == RING_OK else None

    cdef int check_topic(self, bint patiently) except -1:
        """Nothing is left: is anything to come? Follow the topic to its next generation if that may
        take a while, and if one shall."""
        if ring_state(&self.reader.ring) != RING_OPEN and not ring_has_news(self.reader):
            if self.on_deleted is None:
                raise self.mapping.closed()
            if patiently:
                self.on_deleted()
                self.enter(FOR_EVER)
        return 0

    def _move(self, Mapping mapping not None, uint32_t slot):
        """Leave the topic, and read another one from now on; it is to be sought in next."""
        cdef size_t size = (sizeof(RingReader) + 63) // 64 * 64
        cdef RingReader *reader = <RingReader *>aligned_alloc(64, size)
        if reader == NULL:
            raise MemoryError()
        if ring_reader_open(reader, &mapping.ring, slot) != RING_OK:
            free(reader)
            raise mapping.corrupt()
        try:
            self.enter(FOR_EVER)
        except BaseException:
            free(reader)
            raise
        ring_leave(&self.reader.ring, self.slot)
        self.mapping.release_roster()
        free(self.reader)
        self.reader = reader
        self.mapping, self.slot, self.held = mapping, slot, []
        self.waited_from = 0

    cdef bint wait(self, int64_t deadline) except -1:
        """Spin, then sleep, until there may be news; False once the deadline has passed."""
        # A peer that answers at once does so before the GIL could be given up and taken again.
        if self.spin_now and ring_poll(self.reader, GIL_POLLS):
            return True
        self.waited_from = 0
        cdef RingResult result = RING_TIMEOUT
        cdef int64_t now = clock_ns(CLOCK_MONOTONIC)
        cdef int64_t began = now
        cdef int64_t spun = now + min(self.spin_now, NS_MAX - now)
        cdef int64_t until
        cdef int64_t rest
        while True:
            self.check_topic(True)
            now = clock_ns(CLOCK_MONOTONIC)
            if deadline != FOR_EVER and now >= deadline:
                return False
            until = spun if deadline == FOR_EVER else min(spun, deadline)
            rest = LOOK_NS if deadline == FOR_EVER else min(deadline - now, LOOK_NS)
            if now >= until and not self.waited_from:
                self.waited_from = clock_ns(CLOCK_REALTIME) - (now - began)
            self.leave_gil()
            with nogil:
                if now < until:
                    result = ring_spin(self.reader, min(until - now, SPIN_SLICE_NS), &self.stop)
                else:
                    result = ring_sleep(self.reader, rest)
            self.return_gil()
            PyErr_CheckSignals()
            if (self.life or self.busy) and not self.enter(deadline):
                return False
            if ring_has_news(self.reader):
                return True

    cdef void learn(self, uint64_t published, uint64_t times=1) noexcept:
        """A wait ended in sleep: spin again if that would have met this message, else spin less.

        So a subscriber whose messages come far apart does not burn a processor before each.

        times  the spin that was asked for that it spins
        """
        if (published - self.waited_from) // times < <uint64_t>self.spin_ns:
            self.spin_now = self.spin_ns
        else:
            self.spin_now >>= 1
        self.waited_from = 0

    def _spin_s(self):
        """Seconds for which looking before sleeping has paid of late."""
        return self.spin_now * 1e-9

    def _learn(self, uint64_t waited_from, uint64_t times):
        """The message received last ended a sleep; its wait began at this time since 1970, in ns.

        times  as for `learn`
        """
        if self.life:
            return
        self.waited_from = waited_from
        self.learn(self.reader.frame.timestamp, times)

    def receive_many(self, limit=1000, timeout=None):
        """Wait for at least one message and return all that are there, up to `limit`.

        timeout  as in `receive`, for the first one
        returns  a list of bytes; empty after the timeout. It never spans a loss: what comes after
                 one is in the next list
        raises   as `receive`, but no TimeoutError
        """
        cdef const uint8_t *payload = NULL
        cdef RingResult result
        cdef Py_ssize_t most = limit
        cdef int64_t deadline = deadline_of(timeout)
        cdef list found = []
        if most < 1:
            raise ValueError(f"limit is how many messages to return at most: not {limit}")
        if not self.start(deadline):
            return found
        if self.reader.saved != NULL:
            ring_save(self.reader)
        if self.reader.run_at == self.reader.run_end:
            ring_gather(self.reader)
        while len(found) < most:
            result = ring_next(self.reader, &payload)
            if result == RING_OK:
                found.append(
                    PyBytes_FromStringAndSize(<const char *>payload, self.reader.frame.length)
                )
                continue
            if result == RING_LARGE:
                message = self.take()
                if message is not None:
                    found.append(message)
                    if self.life or self.busy:
                        break  # another thread came, while the GIL was given up
                    continue
            if found:
                break
            message = self.receive_slowly(result, deadline)
            if message is None:
                break
            found.append(message)
        return found

    def view(self, timeout=None):
        """Wait for the next message and return it where it lies, without a copy.

        returns  a Message: a read-only buffer, and a context manager
        raises   as `receive`
        cost     no copy; in a `block` topic publishers wait for the view's end. A message that an
                 earlier `receive` has already read ahead is a copy
        """
        cdef const uint8_t *payload = NULL
        cdef int64_t deadline = deadline_of(timeout)
        cdef RingResult result
        cdef bint ahead
        while True:
            if not self.start(deadline):
                raise self.nothing_new(timeout)
            if self.reader.saved != NULL:
                ring_save(self.reader)
            ahead = self.reader.run_at != self.reader.run_end
            if ahead:
                result = ring_next(self.reader, &payload)
            else:
                result = ring_peek(self.reader, &payload)
            if result == RING_OK:
                if self.waited_from:
                    self.learn(self.reader.frame.timestamp)
                return self.message_at(payload, ahead)
            if result == RING_EMPTY:
                if deadline == AT_ONCE or not self.wait(deadline):
                    self.check_topic(False)
                    raise self.nothing_new(timeout)
            elif result == RING_EVICTED:
                raise self.come_back()
            elif result == RING_CORRUPT:
                raise self.mapping.corrupt()

    cdef int release(self, uint64_t position) except -1:
        """A view is gone: hold what the oldest of the others needs."""
        self.held.remove(position)
        if not self.life:
            ring_hold(self.reader, self.held[0] if self.held else <uint64_t>RING_NOWHERE)
        return 0

    cdef Message message_at(self, const uint8_t *payload, bint ahead):
        cdef Message message = Message.__new__(Message)
        message.mapping = self.mapping
        message.frame = self.reader.frame
        message.payload = payload
        if ahead:
            message.copy = PyBytes_FromStringAndSize(
                <const char *>payload, self.reader.frame.length
            )
            message.payload = <const uint8_t *>PyBytes_AS_STRING(message.copy)
        elif self.mapping.ring.waits:
            self.held.append(self.reader.frame.position)
            ring_hold(self.reader, self.held[0])
            ring_report(self.reader)  # after it, so that the view's end is room at once
            message.holder = self
        return message

    def __iter__(self):
        return self

    def __next__(self):
        cdef RingResult result = RING_LAPPED
        message = self.small_at_once(&result)
        return message if message is not None else self.receive_slowly(result, FOR_EVER)

    @property
    def offset(self):
        """Sequence number of the message that this subscriber receives next."""
        self.need_mapping()
        return self.reader.sequence

    @property
    def lag(self):
        """How many published messages it has not received yet."""
        cdef RingPlace tail
        self.need_mapping()
        if ring_tail(&self.reader.ring, &tail) != RING_OK:
            raise self.mapping.corrupt()
        return max(0, <int64_t>(tail.sequence - self.reader.sequence))

    @property
    def last(self):
        """Sequence, timestamp and publisher's slot of the message received last, or None."""
        self.need_mapping()
        cdef RingFrame *frame = &self.reader.frame
        self.need_mapping()
        if not self.reader.messages:
            return None
        return MessageInfo(frame.sequence, frame.timestamp, frame.publisher)

    def close(self):
        """Leave the topic and wake whoever waits here. Closing twice is fine; views stay valid."""
        if self.begin_closing():
            ring_report(self.reader)
            if self.reader.saved != NULL:
                ring_save(self.reader)
            ring_leave(&self.reader.ring, self.slot)
            self.end_closing()

    cdef void wake_inside(self) noexcept:
        ring_wake_waiters(&self.reader.ring)


cdef class Bell:
    """A futex word of this process's own, on which `wait_any` sleeps beside the topics' words."""

    cdef atomic_u32 word

    def ring(self):
        """Wake whoever sleeps on this bell, or is about to."""
        ring_ring_bell(&self.word)

    def value(self):
        """What the word says now; a `wait_any` that is given an older one does not sleep."""
        return <uint32_t>self.word


def wait_any(readers, Bell bell not None, uint32_t heard, timeout=None):
    """Sleep until a reader may have news, or the bell was rung since its value was `heard`.

    readers  at most WAIT_ANY_MAX
    returns  in vain at times: look at `has_news`
    """
    cdef RingBell bells[128]
    cdef uint32_t count = 1
    cdef Reader reader
    cdef int64_t wait_ns = timeout_ns(timeout)
    bells[0].word = &bell.word
    bells[0].value = heard
    if len(readers) > WAIT_ANY_MAX:
        raise ValueError(f"{len(readers)} readers are more than {WAIT_ANY_MAX}")
    for reader in readers:
        if reader.life:
            return
        bells[count] = ring_arm(reader.reader)
        count += 1
    for reader in readers:
        if has_news(reader):
            return
    wait_ns = min(wait_ns, LOOK_NS) if wait_ns >= 0 else LOOK_NS
    with nogil:
        ring_sleep_any(bells, count, wait_ns)


def has_news(Reader reader not None):
    """Whether a receive would not wait: something came, the topic was deleted, or it is closed."""
    return (
        reader.life != IS_OPEN
        or ring_has_news(reader.reader)
        or ring_state(&reader.reader.ring) != RING_OPEN
    )

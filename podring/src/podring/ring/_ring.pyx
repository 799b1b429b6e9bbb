"""The binding: Python objects in, one call of the C core, Python objects out.

It owns what the core leaves to its caller: the buffers of Python objects, the GIL, signals,
timeouts, and turning results into errors. Small copies keep the GIL, because giving it up costs
more than the copy; large copies and every wait release it. While it is released the object is
*busy*, and another thread that wants it waits for its turn.

Hot methods take plain objects and get the buffer by hand: a typed argument costs three times as
much for 64 bytes.

Here stands what all parts use; the parts are in binding/, one class or two a file. They are one
module, because on the hot path they call each other as C functions.
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


include "binding/mapping.pxi"
include "binding/handle.pxi"
include "binding/writer.pxi"
include "binding/payload.pxi"
include "binding/loan.pxi"
include "binding/message.pxi"
include "binding/reader.pxi"
include "binding/bell.pxi"

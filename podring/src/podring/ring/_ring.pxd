# What the binding uses of C: the core (ring.h, layout.h), and Python's own locks.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

cdef extern from "ring.h" nogil:
    enum:
        RING_LAYOUT_MAJOR
        RING_LAYOUT_MINOR
        RING_NAME_BYTES
        RING_ORIGIN_BYTES
        RING_PAGE
        RING_BELLS_MAX
        RING_FRAME_HEADER
        RING_RUN_BYTES
        ROSTER_NAME_BYTES
        ROSTER_ENTRY_BYTES
        ROSTER_SLOTS
        ROSTER_OFFSET_BYTES
        ROSTER_OFFSET_NAME_BYTES
        ROSTER_FREE
        ROSTER_PUBLISHER
        ROSTER_SUBSCRIBER
        ROSTER_LOSSY
        RING_NOWHERE
        RING_LOCK_EXCLUSIVE

    ctypedef uint32_t atomic_u32 "_Atomic uint32_t"
    ctypedef uint64_t atomic_u64 "_Atomic uint64_t"

    ctypedef enum RingResult:
        RING_OK
        RING_EMPTY
        RING_LARGE
        RING_LAPPED
        RING_CLOSED
        RING_BUSY
        RING_HELD
        RING_TOO_LONG
        RING_AHEAD
        RING_INTERRUPTED
        RING_TIMEOUT
        RING_NOT_READY
        RING_MISMATCH
        RING_CORRUPT
        RING_FULL
        RING_EVICTED

    enum:
        RING_OVERWRITE
        RING_BLOCK
        RING_GO_ON
        RING_KEEP
        RING_OPEN
        RING_DELETED

    ctypedef struct RingHeader:
        uint32_t version
        uint32_t overflow
        uint32_t unsubscribed
        uint64_t lease
        uint64_t capacity
        uint64_t max_message
        uint64_t generation
        uint64_t created
        uint64_t size
        char name[208]
        char origin[256]

    ctypedef struct RosterEntry:
        atomic_u32 role
        atomic_u32 flags
        atomic_u64 joined
        atomic_u32 process
        atomic_u32 user
        atomic_u64 name[4]
        atomic_u64 cursor
        atomic_u64 sequence
        atomic_u64 messages
        atomic_u64 bytes
        atomic_u64 lost
        atomic_u64 active
        atomic_u64 evicted
        atomic_u64 hold

    ctypedef struct RosterHeader:
        pass

    ctypedef struct RosterOffset:
        atomic_u64 sequence
        atomic_u64 saved
        atomic_u64 name[12]

    ctypedef struct Ring:
        RingHeader *header
        RosterHeader *roster
        RosterEntry *entries
        RosterOffset *saved
        uint64_t capacity
        uint64_t max_message
        uint32_t slots
        uint32_t offsets
        bint waits

    ctypedef struct RingPlan:
        uint64_t ring_bytes
        uint64_t roster_bytes
        uint64_t capacity
        uint64_t block_size

    ctypedef struct RingOptions:
        const char *name
        const char *origin
        uint64_t size
        uint64_t max_message
        uint64_t generation
        uint64_t created
        uint32_t overflow
        uint32_t unsubscribed
        uint64_t lease

    ctypedef struct RingPlace:
        uint64_t position
        uint64_t sequence

    ctypedef struct RingFrame:
        uint64_t position
        uint64_t sequence
        uint64_t timestamp
        uint32_t length
        uint16_t publisher

    ctypedef struct RingWriter:
        Ring ring
        uint32_t slot
        bint keeps
        bint locked
        uint64_t tail
        uint64_t head
        uint64_t sequence
        uint64_t wanted

    ctypedef struct RingReader:
        Ring ring
        uint32_t slot
        uint64_t cursor
        uint64_t sequence
        RosterOffset *saved
        uint64_t run_at
        uint64_t run_end
        uint64_t lost
        uint64_t gap_first
        uint64_t gap_end
        uint64_t messages
        RingFrame frame
        RingFrame news

    ctypedef struct RingBell:
        const atomic_u32 *word
        uint32_t value

    RingPlan ring_plan(uint64_t size, uint64_t max_message, uint32_t overflow)
    void ring_format(void *ring, void *roster, const RingOptions *options)
    RingResult ring_map(Ring *ring, void *data, uint64_t length, void *roster,
                        uint64_t roster_length)
    RingResult ring_tail(const Ring *ring, RingPlace *place)
    RingResult ring_oldest(const Ring *ring, RingPlace *place)
    uint32_t ring_state(const Ring *ring)
    void ring_mark_deleted(Ring *ring)
    void ring_wake_all(Ring *ring)
    void ring_wake_waiters(const Ring *ring)
    void ring_join(Ring *ring, uint32_t slot, uint32_t role, uint32_t process, uint32_t user,
                   uint64_t joined, const char *name, uint32_t flags)
    void ring_leave(Ring *ring, uint32_t slot)
    uint32_t ring_lock_word(const Ring *ring)
    int32_t ring_lock_slot(uint32_t word)
    bint ring_evicted(const RosterEntry *entry)
    void ring_writer_open(RingWriter *writer, const Ring *ring, uint32_t slot, uint32_t life,
                          bint exclusive)
    RingResult ring_begin(RingWriter *writer)
    RingResult ring_begin_waiting(RingWriter *writer, int64_t timeout_ns)
    RingResult ring_take_over(RingWriter *writer, uint32_t seen)
    RingResult ring_reserve(RingWriter *writer, uint64_t length, uint8_t **payload)
    void ring_commit(RingWriter *writer, uint64_t length, uint64_t timestamp)
    RingResult ring_append(RingWriter *writer, const void *payload, uint64_t length,
                           uint64_t timestamp)
    void ring_flush(RingWriter *writer)
    void ring_end(RingWriter *writer)
    void ring_writer_close(RingWriter *writer)
    bint ring_has_room(const RingWriter *writer)
    RingResult ring_spin_room(RingWriter *writer, int64_t ns)
    RingResult ring_sleep_room(RingWriter *writer, int64_t timeout_ns)
    bint ring_is_slow(const RingWriter *writer, uint32_t slot)
    void ring_evict(RingWriter *writer, uint32_t slot, uint64_t joined)
    void ring_report_wait(RingWriter *writer, uint64_t since)
    RingResult ring_reader_open(RingReader *reader, const Ring *ring, uint32_t slot)
    RingResult ring_seek_oldest(RingReader *reader)
    RingResult ring_seek_latest(RingReader *reader)
    RingResult ring_seek_last(RingReader *reader, uint64_t count)
    RingResult ring_seek_sequence(RingReader *reader, uint64_t sequence)
    RingResult ring_seek_since(RingReader *reader, uint64_t timestamp)
    RingResult ring_take_place(RingReader *reader)
    RingResult ring_return(RingReader *reader, uint64_t now)
    void ring_hold(RingReader *reader, uint64_t position)
    RingResult ring_next(RingReader *reader, const uint8_t **payload)
    RingResult ring_take(RingReader *reader, uint8_t *destination)
    RingResult ring_peek(RingReader *reader, const uint8_t **payload)
    bint ring_is_whole(const Ring *ring, uint64_t position)
    bint ring_has_news(const RingReader *reader)
    void ring_gather(RingReader *reader)
    bint ring_poll(const RingReader *reader, uint32_t times)
    RingResult ring_spin(const RingReader *reader, int64_t ns, const atomic_u32 *stop)
    RingResult ring_sleep(RingReader *reader, int64_t timeout_ns)
    void ring_save(RingReader *reader)
    void ring_report(RingReader *reader)
    RingBell ring_arm(RingReader *reader)
    RingResult ring_sleep_any(const RingBell *bells, uint32_t count, int64_t timeout_ns)
    void ring_ring_bell(atomic_u32 *word)

cdef extern from "pythread.h" nogil:
    ctypedef void *PyThread_type_lock
    ctypedef enum PyLockStatus:
        PY_LOCK_FAILURE
        PY_LOCK_ACQUIRED
        PY_LOCK_INTR
    PyThread_type_lock PyThread_allocate_lock()
    void PyThread_free_lock(PyThread_type_lock)
    int PyThread_acquire_lock(PyThread_type_lock, int wait)
    PyLockStatus PyThread_acquire_lock_timed(PyThread_type_lock, long long us, int interruptible)
    void PyThread_release_lock(PyThread_type_lock)

cdef extern from "clock.h" nogil:
    ctypedef struct RingClock:
        pass

    void ring_clock_open(RingClock *clock, bint trusted)
    uint64_t ring_clock_now(RingClock *clock)

# The two objects of a topic in memory, and what is wrong with them. Part of _ring.pyx.


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

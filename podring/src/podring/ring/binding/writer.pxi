# Publishing: take the lock, wait for room, copy in, commit. Part of _ring.pyx.


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

# Subscribing: receive, wait, seek, and tell what was lost. Part of _ring.pyx.


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
            ring_report(self.reader)  # a publisher may sleep for it, and no next call may come

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

# For writer.pxi and reader.pxi: who is in it, and whose turn it is. Part of _ring.pyx.

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

# Publishing without a copy. Part of _ring.pyx.


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

# Receiving without a copy. Part of _ring.pyx.


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

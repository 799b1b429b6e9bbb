# The buffers of what is published, held until the copy is done. Part of _ring.pyx.


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

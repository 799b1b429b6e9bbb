# Waiting for several topics at once. Part of _ring.pyx.


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

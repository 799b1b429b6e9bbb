/* Publishing: the lock, frames, commits, and taking over from the dead.
 *
 * A writer keeps what the last commit left (tail, offset, sequence, record) in private memory and
 * reads it again from the ring only when tail says that somebody else was there. Whatever a writer
 * had not committed when it died is simply written over: tail alone says what exists.
 */
#include "core.h"

void ring_writer_open(RingWriter *writer, const Ring *ring, uint32_t slot, uint32_t life,
                      bool exclusive) {
    *writer = (RingWriter){
        .ring = *ring,
        .slot = slot,
        .word = (slot + 1) | (life << 16 & RING_LOCK_LIFE) | (exclusive ? RING_LOCK_EXCLUSIVE : 0),
        .keeps = exclusive,
        .tail = RING_NOWHERE, /* so that the first ring_begin looks */
    };
}

/* Read where the last commit left the ring, which may have been another writer's, or one that died
 * in the middle of it. */
static RingResult read_commit(RingWriter *writer, uint64_t tail) {
    const Ring *ring = &writer->ring;
    const RingCommit *commit = ring->header->commit;
    uint32_t record = load_relaxed(&commit[0].end) == tail ? 0 : 1;
    if (load_relaxed(&commit[record].end) != tail || tail % RING_FRAME_ALIGN)
        return RING_CORRUPT;
    writer->record = record;
    writer->tail = tail;
    writer->sequence = load_relaxed(&commit[record].sequence);
    writer->offset = tail % ring->capacity;
    uint64_t block = tail >> ring->block_shift;
    uint64_t known = load_relaxed(&ring->checkpoints[block % ring->blocks].position);
    bool done = known >> ring->block_shift == block && known < tail;
    writer->checkpoint = done ? (block + 1) << ring->block_shift : tail;
    return RING_OK;
}

/* Take back the checkpoints of frames that were appended and never committed: a longer message may
 * come to cover their places, and then they would lead into the middle of it. */
static void withdraw_checkpoints(const Ring *ring) {
    uint64_t tail = load_relaxed(&ring->header->tail);
    uint64_t block = tail >> ring->block_shift;
    uint64_t last = load_relaxed(&ring->header->intent) >> ring->block_shift;
    for (uint64_t n = 0; n <= ring->blocks && block <= last; n++, block++) {
        RingCheckpoint *entry = &ring->checkpoints[block % ring->blocks];
        if (load_relaxed(&entry->position) >= tail)
            store_relaxed(&entry->position, RING_NOWHERE);
    }
}

static void unlock(RingWriter *writer) {
    RingHeader *header = writer->ring.header;
    writer->locked = false;
    /* R5 lock: the next holder sees all that this one wrote. */
    uint32_t old = atomic_exchange_explicit(&header->lock, 0, memory_order_seq_cst);
#if defined(__x86_64__)
    atomic_signal_fence(memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
    if (old & RING_LOCK_CONTENDED)
        futex_wake(&header->lock, 1);
}

/* The lock is ours: is the topic still there, and where do we go on? */
static RingResult begin_locked(RingWriter *writer) {
    RingHeader *header = writer->ring.header;
    writer->locked = true;
    RingResult result = RING_OK;
    uint64_t tail = load_acquire(&header->tail);
    if (load_relaxed(&header->state) != RING_OPEN)
        result = RING_CLOSED;
    else if (tail != writer->tail)
        result = read_commit(writer, tail);
    writer->head = tail;
    if (result != RING_OK)
        unlock(writer);
    return result;
}

RingResult ring_begin(RingWriter *writer) {
    RingHeader *header = writer->ring.header;
    __builtin_prefetch(&writer->ring.roster->sleepers); /* written by who fell asleep meanwhile */
    /* A subscriber that read it has a copy of the line: get it back while the lock and the clock are
     * looked at, instead of when the announcement is due. A third of a round trip. Not before it is
     * due: subscribers look at it for every run. */
    if (writer->tail + writer->ring.ahead / RING_AHEAD_FRAMES > writer->intent)
        __builtin_prefetch(&header->intent, 1);
    if (writer->locked)
        return load_relaxed(&header->state) != RING_OPEN ? RING_CLOSED
               : writer->tail == RING_NOWHERE            ? RING_CORRUPT
                                                         : RING_OK;
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong_explicit(&header->lock, &seen, writer->word,
                                                memory_order_acquire, memory_order_relaxed))
        return begin_locked(writer);
    return seen & RING_LOCK_EXCLUSIVE ? RING_HELD : RING_BUSY;
}

RingResult ring_begin_waiting(RingWriter *writer, int64_t timeout_ns) {
    RingHeader *header = writer->ring.header;
    uint32_t seen = load_relaxed(&header->lock);
    if (seen & RING_LOCK_EXCLUSIVE)
        return RING_HELD;
    if (seen) {
        uint32_t marked = seen | RING_LOCK_CONTENDED;
        if (seen == marked ||
            atomic_compare_exchange_strong_explicit(&header->lock, &seen, marked,
                                                    memory_order_relaxed, memory_order_relaxed)) {
            RingResult result = futex_wait(&header->lock, marked, timeout_ns);
            if (result != RING_OK)
                return result;
        }
    }
    /* Others may still sleep here, and only the mark makes unlock wake them. */
    seen = 0;
    if (atomic_compare_exchange_strong_explicit(&header->lock, &seen,
                                                writer->word | RING_LOCK_CONTENDED,
                                                memory_order_acquire, memory_order_relaxed))
        return begin_locked(writer);
    return seen & RING_LOCK_EXCLUSIVE ? RING_HELD : RING_BUSY;
}

RingResult ring_take_over(RingWriter *writer, uint32_t seen) {
    RingHeader *header = writer->ring.header;
    uint32_t mine = writer->word | RING_LOCK_CONTENDED;
    /* The dead one's word may have been marked as contended since it was judged. */
    uint32_t now = load_relaxed(&header->lock);
    if ((now | RING_LOCK_CONTENDED) != (seen | RING_LOCK_CONTENDED))
        return RING_BUSY;
    if (!atomic_compare_exchange_strong_explicit(&header->lock, &now, mine, memory_order_acquire,
                                                 memory_order_relaxed))
        return RING_BUSY;
    writer->tail = RING_NOWHERE; /* whatever the dead one left half done, look */
    withdraw_checkpoints(&writer->ring);
    return begin_locked(writer);
}

static void put_frame(RingWriter *writer, uint64_t position, uint64_t offset, uint64_t length,
                      uint64_t timestamp, uint16_t flags) {
    Ring *ring = &writer->ring;
    RingFrame frame = {
        .position = position,
        .sequence = writer->sequence,
        .timestamp = timestamp,
        .length = (uint32_t)length,
        .publisher = (uint16_t)writer->slot,
        .flags = flags,
    };
    copy_shared(ring->data + offset, &frame, sizeof frame);
    if (position < writer->checkpoint)
        return;
    RingCheckpoint *entry = &ring->checkpoints[(position >> ring->block_shift) % ring->blocks];
    /* R3 checkpoint: a reader that saw the old position and new values sees it gone, too. */
    store_relaxed(&entry->position, RING_NOWHERE);
    atomic_thread_fence(memory_order_release);
    store_release(&entry->sequence, writer->sequence);
    store_release(&entry->timestamp, timestamp);
    store_release(&entry->position, position);
    writer->checkpoint = ((position >> ring->block_shift) + 1) << ring->block_shift;
}

RingResult ring_reserve(RingWriter *writer, uint64_t length, uint8_t **payload) {
    Ring *ring = &writer->ring;
    if (length > ring->max_message)
        return RING_TOO_LONG;
    uint64_t frame = frame_bytes(length), intent = load_relaxed(&ring->header->intent);
    /* Somebody who gave up may have announced more than a lap from here. Readers would take what we
     * write at head for overwritten, so go on where they would not: in the next lap. */
    bool given_up = intent > writer->head && intent - writer->head > ring->capacity;
    bool wraps = given_up || frame > ring->capacity - writer->offset;
    uint64_t offset = wraps ? 0 : writer->offset;
    writer->start = writer->head + (wraps ? ring->capacity - writer->offset : 0);
    uint64_t end = writer->start + frame;
    /* R1 overwrite: announced before the first byte. It never moves back, because one who died or
     * gave up may have written as far as it says. */
    if (end > intent) {
        uint64_t ahead = frame <= ring->ahead / RING_AHEAD_FRAMES ? ring->ahead : 0;
        if (!ring->waits)
            store_relaxed(&ring->header->intent, end + ahead);
        else if (claim_room(writer, end, ahead) != RING_OK)
            return RING_FULL;
        intent = end + ahead;
    }
    writer->intent = intent;
    atomic_thread_fence(memory_order_release);
    *payload = ring->data + offset + RING_FRAME_HEADER;
    return RING_OK;
}

/* Write the headers around a reserved payload and step over it; tail stays. */
static void append_reserved(RingWriter *writer, uint64_t length, uint64_t timestamp) {
    uint64_t gap = writer->start - writer->head;
    if (gap) {
        /* A message longer than half the ring may reach around to where the padding would lie.
         * Readers find that place overwritten, and go on at the checkpoint that start has. */
        if (load_relaxed(&writer->ring.header->intent) - writer->head <= writer->ring.capacity)
            put_frame(writer, writer->head, writer->offset, gap - RING_FRAME_HEADER, timestamp,
                      RING_FRAME_PADDING);
        writer->offset = 0;
    }
    put_frame(writer, writer->start, writer->offset, length, timestamp, 0);
    uint64_t frame = frame_bytes(length);
    writer->head = writer->start + frame;
    writer->offset += frame;
    if (writer->offset == writer->ring.capacity)
        writer->offset = 0;
    writer->sequence++;
    writer->messages++;
    writer->bytes += length;
    writer->active = timestamp;
}

void ring_flush(RingWriter *writer) {
    RingHeader *header = writer->ring.header;
    if (writer->head == writer->tail)
        return;
    writer->record ^= 1;
    RingCommit *commit = &header->commit[writer->record];
    store_release(&commit->sequence, writer->sequence);
    store_release(&commit->end, writer->head);
    /* R2 publish: everything up to here is complete. */
    store_release(&header->tail, writer->head);
    writer->tail = writer->head;
    RosterEntry *entry = &writer->ring.entries[writer->slot];
    store_relaxed(&entry->sequence, writer->sequence - 1);
    store_relaxed(&entry->messages, writer->messages);
    store_relaxed(&entry->bytes, writer->bytes);
    store_relaxed(&entry->active, writer->active);
}

void ring_commit(RingWriter *writer, uint64_t length, uint64_t timestamp) {
    append_reserved(writer, length, timestamp);
    ring_flush(writer);
}

RingResult ring_append(RingWriter *writer, const void *payload, uint64_t length,
                       uint64_t timestamp) {
    uint8_t *place;
    RingResult result = ring_reserve(writer, length, &place);
    if (result != RING_OK)
        return result;
    copy_shared(place, payload, length);
    append_reserved(writer, length, timestamp);
    return RING_OK;
}

void ring_end(RingWriter *writer) {
    if (!writer->locked)
        return;
    if (writer->head != writer->tail) {
        withdraw_checkpoints(&writer->ring);
        writer->tail = RING_NOWHERE; /* dropped: the next ring_begin starts from what counts */
    }
    if (writer->keeps && writer->tail == RING_NOWHERE)
        (void)read_commit(writer, load_relaxed(&writer->ring.header->tail));
    writer->head = writer->tail;
    /* R4 sleep: tail was stored before this asks. */
    if (writer->keeps)
        full_barrier();
    else
        unlock(writer); /* a full barrier, too */
    if (anyone_sleeps(&writer->ring))
        wake_sleepers(&writer->ring);
}

void ring_writer_close(RingWriter *writer) {
    if (writer->locked) {
        writer->keeps = false;
        ring_end(writer);
    }
    ring_leave(&writer->ring, writer->slot);
}

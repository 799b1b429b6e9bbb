/* Subscribing: copy, then ask whether it was safe.
 *
 * Nothing that a writer leaves in the ring is trusted: a frame's header is checked against the
 * cursor, the tail and the geometry before its length is used, and every loop is bounded.
 */
#include "core.h"

void go_to(RingReader *reader, RingPlace place) {
    reader->cursor = place.position;
    reader->sequence = place.sequence;
    reader->run_at = reader->run_end = 0;
}

RingResult ring_seek_latest(RingReader *reader) {
    RingPlace place;
    RingResult result = ring_tail(&reader->ring, &place);
    if (result == RING_OK)
        go_to(reader, place);
    return result;
}

RingResult ring_reader_open(RingReader *reader, const Ring *ring, uint32_t slot) {
    memset(reader, 0, offsetof(RingReader, run));
    reader->ring = *ring;
    reader->slot = slot;
    reader->viewed = reader->undone = RING_NOWHERE;
    return ring_seek_latest(reader);
}

/* Go on at `place`, and count what lies between here and there as lost. */
RingResult skip_to(RingReader *reader, RingPlace place) {
    if (place.sequence < reader->sequence)
        return RING_CORRUPT;
    if (place.sequence > reader->sequence) {
        if (reader->gap_first == reader->gap_end)
            reader->gap_first = reader->sequence;
        reader->gap_end = place.sequence;
        reader->lost += place.sequence - reader->sequence;
    }
    go_to(reader, place);
    return RING_OK;
}

/* The reader was overtaken: go on at the oldest frame that is whole, and say RING_LAPPED. One that is overtaken again
 * before it got anything goes on ever closer to the tail, so a fast writer cannot starve it. */
static RingResult resume(RingReader *reader) {
    const Ring *ring = &reader->ring;
    uint64_t tail = load_acquire(&ring->header->tail);
    uint64_t from = 0;
    if (reader->laps)
        from = tail - min_u64(tail, ring->capacity >> min_u64(reader->laps, 63));
    reader->laps++;
    RingPlace place;
    if (find_place(ring, from, &place) != RING_OK || place.position < reader->cursor)
        return RING_CORRUPT;
    RingResult result = skip_to(reader, place);
    return result == RING_OK ? RING_LAPPED : result;
}

/* Deliver a message. */
static inline void pass_frame(RingReader *reader, const RingFrame *frame) {
    reader->frame = *frame;
    reader->cursor += frame_bytes(frame->length);
    reader->sequence++;
    reader->messages++;
    reader->bytes += frame->length;
    reader->laps = 0;
}

/* Whether publishers gave up waiting for this reader; its own line tells, so the look is cheap. */
static bool is_evicted(const RingReader *reader) {
    if (!reader->ring.waits)
        return false;
    return ring_evicted(&reader->ring.entries[reader->slot]);
}

/* What was delivered is room for publishers at once. Whether one sleeps for it is certain only with a
 * barrier, which each message would have to pay: the last one of a run does, and a publisher that
 * is overlooked looks by itself. */
static inline void make_room(RingReader *reader) {
    if (reader->run_at == reader->run_end) {
        ring_report(reader);
        return;
    }
    store_release(&reader->ring.entries[reader->slot].cursor, reader->cursor); /* R6 room */
    if (load_relaxed(&reader->ring.roster->drain))
        tell_publishers(&reader->ring, reader->slot);
}

/* The next frame of the private buffer, which R1 has found whole: RING_EMPTY when it is used up. */
static RingResult next_in_run(RingReader *reader, const uint8_t **payload) {
    while (reader->run_end - reader->run_at >= RING_FRAME_HEADER) {
        const uint8_t *bytes = reader->run + reader->run_at;
        RingFrame frame;
        memcpy(&frame, bytes, sizeof frame);
        if (frame.position != reader->cursor || frame.sequence != reader->sequence)
            return RING_CORRUPT;
        uint64_t size = frame_bytes(frame.length);
        bool padding = frame.flags & RING_FRAME_PADDING;
        if (padding) {
            /* It ends the lap, so it ends the run. */
            if (size != reader->ring.capacity - reader->cursor % reader->ring.capacity)
                return RING_CORRUPT;
            reader->cursor += size;
            break;
        }
        if (frame.length > reader->ring.max_message)
            return RING_CORRUPT;
        if (size > reader->run_end - reader->run_at)
            break; /* cut off by the buffer's end */
        reader->run_at += size;
        pass_frame(reader, &frame);
        if (reader->ring.waits)
            make_room(reader);
        *payload = bytes + RING_FRAME_HEADER;
        return RING_OK;
    }
    reader->run_at = reader->run_end = 0;
    return RING_EMPTY;
}

/* What is new, and the header of the first frame of it; padding is stepped over. */
static RingResult find_news(RingReader *reader, uint64_t *tail) {
    const Ring *ring = &reader->ring;
    /* Padding and the message behind it are committed together, so two rounds are enough. */
    for (int round = 0; round < 2; round++) {
        *tail = load_acquire(&ring->header->tail); /* R2 publish */
        if (*tail == reader->cursor)
            return RING_EMPTY;
        if (*tail < reader->cursor || *tail % RING_FRAME_ALIGN)
            return RING_CORRUPT;
        RingFrame *frame = &reader->news;
        RingResult result = *tail - reader->cursor > ring->capacity
                                ? RING_LAPPED
                                : read_header(ring, reader->cursor, *tail, frame);
        if (result == RING_LAPPED)
            return resume(reader);
        if (result == RING_OK && frame->sequence != reader->sequence)
            result = RING_CORRUPT;
        else if (result == RING_OK && !(frame->flags & RING_FRAME_PADDING))
            return RING_OK;
        else if (result == RING_OK)
            reader->cursor += frame_bytes(frame->length);
        if (result != RING_OK)
            return result;
    }
    return RING_CORRUPT;
}

/* Copy the next run of small frames into the private buffer. */
static RingResult fill_run(RingReader *reader, uint64_t tail) {
    const Ring *ring = &reader->ring;
    uint64_t offset = reader->cursor % ring->capacity;
    uint64_t length = min_u64(tail - reader->cursor, ring->capacity - offset);
    length = min_u64(length, RING_RUN_BYTES);
    copy_shared(reader->run, ring->data + offset, length);
    if (!ring_is_whole(ring, reader->cursor))
        return resume(reader);
    reader->run_at = 0;
    reader->run_end = length;
    return RING_OK;
}

RingResult ring_next(RingReader *reader, const uint8_t **payload) {
    RingResult result = next_in_run(reader, payload);
    if (result != RING_EMPTY)
        return result;
    uint64_t tail;
    if (reader->reported != reader->cursor)
        ring_report(reader);
    if (is_evicted(reader))
        return RING_EVICTED;
    result = find_news(reader, &tail);
    if (result != RING_OK)
        return result;
    if (frame_bytes(reader->news.length) > RING_LARGE_FRAME)
        return RING_LARGE;
    result = fill_run(reader, tail);
    return result == RING_OK ? next_in_run(reader, payload) : result;
}

RingResult ring_take(RingReader *reader, uint8_t *destination) {
    const Ring *ring = &reader->ring;
    const uint8_t *payload = ring->data + reader->cursor % ring->capacity + RING_FRAME_HEADER;
    copy_shared(destination, payload, reader->news.length);
    if (!ring_is_whole(ring, reader->cursor))
        return resume(reader);
    RingFrame frame = reader->news;
    pass_frame(reader, &frame);
    if (ring->waits)
        ring_report(reader);
    return RING_OK;
}

RingResult ring_peek(RingReader *reader, const uint8_t **payload) {
    uint64_t tail;
    if (reader->reported != reader->cursor)
        ring_report(reader);
    if (is_evicted(reader))
        return RING_EVICTED;
    RingResult result = find_news(reader, &tail);
    if (result != RING_OK)
        return result;
    *payload = reader->ring.data + reader->cursor % reader->ring.capacity + RING_FRAME_HEADER;
    RingFrame frame = reader->news;
    pass_frame(reader, &frame);
    return RING_OK;
}

void ring_report(RingReader *reader) {
    reader->reported = reader->cursor;
    RosterEntry *entry = &reader->ring.entries[reader->slot];
    store_release(&entry->cursor, reader->cursor); /* R6 room: what is before it was copied */
    store_relaxed(&entry->sequence, reader->sequence);
    store_relaxed(&entry->messages, reader->messages);
    store_relaxed(&entry->bytes, reader->bytes);
    store_relaxed(&entry->lost, reader->lost);
    if (reader->messages)
        store_relaxed(&entry->active, reader->frame.timestamp);
    if (reader->ring.waits)
        tell_publishers(&reader->ring, reader->slot);
}

void ring_save(RingReader *reader) {
    /* A loss that was not told yet is left to whoever resumes, who is told of it. */
    bool untold = reader->gap_first != reader->gap_end;
    store_release(&reader->saved->sequence, untold ? reader->gap_first : reader->sequence);
    store_relaxed(&reader->saved->saved, reader->messages ? reader->frame.timestamp : 0);
    if (reader->ring.keeps && reader->undone != reader->cursor)
        hold_undone(reader);
}

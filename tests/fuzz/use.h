/* What subscribers and publishers do with a ring, and what must hold whatever lies in it. */
#ifndef PODRING_FUZZ_USE_H
#define PODRING_FUZZ_USE_H

#include "program.h"
#include "topic.h"

enum { READER_SLOT = 2, PUBLISHER_SLOT = 0 };

/* All of it is there to be read: one byte too far would end the run. */
static inline void touch(const uint8_t *bytes, uint64_t length) {
    for (uint64_t i = 0; i < length; i++)
        (void)*(const volatile uint8_t *)(bytes + i);
}

static inline void check_place(const RingReader *reader) {
    /* Else a header could reach beyond the ring's end. */
    MUST(reader->cursor % RING_FRAME_ALIGN == 0);
    MUST(reader->run_at <= reader->run_end && reader->run_end <= RING_RUN_BYTES);
}

static inline RingResult take(RingReader *reader) {
    MUST(reader->news.length <= reader->ring.max_message);
    uint8_t *copy = malloc(reader->news.length); /* exactly, so that AddressSanitizer watches */
    RingResult result = ring_take(reader, copy);
    if (result == RING_OK)
        touch(copy, reader->news.length);
    free(copy);
    return result;
}

static inline void check_delivered(const RingReader *reader, const uint8_t *payload, bool in_ring) {
    uint64_t length = reader->frame.length;
    const uint8_t *first = in_ring ? reader->ring.data : reader->run;
    uint64_t room = in_ring ? reader->ring.capacity : reader->run_end;
    MUST(length <= reader->ring.max_message);
    MUST(payload >= first && length <= room && (uint64_t)(payload - first) <= room - length);
    touch(payload, length);
}

/* One message: in order, with every one that is missing counted. */
static inline RingResult read_one(RingReader *reader, bool peek) {
    uint64_t expected = reader->sequence, cursor = reader->cursor, lost = reader->lost;
    const uint8_t *payload = NULL;
    if (reader->run_at != reader->run_end)
        peek = false; /* as the binding does */
    RingResult result = peek ? ring_peek(reader, &payload) : ring_next(reader, &payload);
    bool large = result == RING_LARGE;
    if (large)
        result = take(reader);
    if (result == RING_OK && !large)
        check_delivered(reader, payload, peek);
    check_place(reader);
    MUST(reader->cursor >= cursor);
    MUST(reader->sequence - expected == reader->lost - lost + (result == RING_OK));
    if (result == RING_OK)
        MUST(reader->frame.sequence == reader->sequence - 1);
    reader->gap_first = reader->gap_end = 0;
    return result;
}

static inline void read_some(RingReader *reader, uint64_t many, bool peek) {
    for (uint64_t n = 0; n < many; n++) {
        RingResult result = read_one(reader, peek);
        if (result != RING_OK && result != RING_LAPPED)
            break;
    }
}

static inline void seek(RingReader *reader, Program *program) {
    uint64_t kind = number(program, 1);
    switch (kind % 5) {
    case 0:
        ring_seek_oldest(reader);
        break;
    case 1:
        ring_seek_latest(reader);
        break;
    case 2:
        ring_seek_last(reader, kind & 128 ? number(program, 8) : number(program, 2));
        break;
    case 3:
        ring_seek_sequence(reader, kind & 128 ? number(program, 8) : number(program, 2));
        break;
    default:
        ring_seek_since(reader, kind & 128 ? number(program, 8) : 1000 + number(program, 2));
    }
    reader->gap_first = reader->gap_end = 0;
    check_place(reader);
}

/* The part of a subscriber in a `block` topic. */
static inline void hold_place(RingReader *reader, Program *program) {
    uint64_t kind = number(program, 1);
    uint64_t cursor = reader->cursor, sequence = reader->sequence, lost = reader->lost;
    if (kind % 3 == 0)
        ring_take_place(reader);
    else if (kind % 3 == 1)
        ring_hold(reader, kind & 8 ? RING_NOWHERE : reader->cursor);
    else
        ring_return(reader, number(program, 2));
    check_place(reader);
    MUST(reader->cursor >= cursor && reader->sequence - sequence == reader->lost - lost);
    reader->gap_first = reader->gap_end = 0;
}

static inline void ask(RingReader *reader) {
    static const _Atomic uint32_t never = 0;
    RingPlace place;
    RingBell bells[2] = {ring_arm(reader), ring_arm(reader)};
    if (ring_oldest(&reader->ring, &place) == RING_OK)
        MUST(place.position % RING_FRAME_ALIGN == 0);
    if (ring_tail(&reader->ring, &place) == RING_OK)
        MUST(place.position % RING_FRAME_ALIGN == 0);
    ring_state(&reader->ring);
    ring_is_whole(&reader->ring, reader->cursor);
    ring_poll(reader, 3);
    ring_spin(reader, 0, &never);
    ring_sleep(reader, 0);
    ring_sleep_any(bells, 2, 0);
    ring_report(reader);
}

/* Another participant comes, finds what it finds, and goes. */
static inline void visit(Topic *topic, Program *program) {
    Ring ring;
    uint64_t cut = number(program, 1), slot = number(program, 1);
    uint64_t length = topic->plan.ring_bytes, roster_length = topic->plan.roster_bytes;
    length -= cut % 4 == 1 ? number(program, 2) % length : 0;
    roster_length -= cut % 4 == 2 ? number(program, 2) % roster_length : 0;
    if (ring_map(&ring, topic->seen, length, topic->roster, roster_length) != RING_OK)
        return;
    MUST(ring.data >= topic->seen && ring.data + ring.capacity <= topic->seen + length);
    MUST((uint8_t *)(ring.checkpoints + ring.blocks) <= ring.data);
    MUST((uint8_t *)(ring.entries + ring.slots) <= topic->roster + roster_length);
    RingReader *reader = aligned_alloc(64, sizeof(RingReader));
    ring_join(&ring, (uint32_t)(slot % ring.slots), ROSTER_SUBSCRIBER, 1, 1, 1,
              "0123456789abcdef0123456789abcde", (uint32_t)(slot / ring.slots));
    if (ring_reader_open(reader, &ring, (uint32_t)(slot % ring.slots)) == RING_OK) {
        seek(reader, program);
        read_some(reader, 5, false);
    }
    ring_leave(&ring, (uint32_t)(slot % ring.slots));
    free(reader);
}

static inline void wait_a_little(RingWriter *writer) {
    ring_report_wait(writer, 5);
    ring_spin_room(writer, 0);
    ring_sleep_room(writer, 0);
    for (uint32_t slot = 0; slot < 4; slot++)
        if (ring_is_slow(writer, slot))
            ring_evict(writer, slot, 1);
    ring_has_room(writer);
    ring_report_wait(writer, 0);
}

/* A publisher over the same bytes: it may write nonsense, but only into the ring. */
static inline void write_some(RingWriter *writer, Program *program) {
    static const uint8_t payload[65536];
    RingResult result = ring_begin(writer);
    if (result == RING_BUSY)
        result = ring_begin_waiting(writer, 0);
    if (result != RING_OK && result != RING_CLOSED && result != RING_CORRUPT)
        result = ring_take_over(writer, ring_lock_word(&writer->ring));
    bool held = result == RING_OK;
    for (uint64_t n = held ? number(program, 1) % 5 : 0; n && result == RING_OK; n--) {
        uint64_t how = number(program, 1), length = number(program, 2);
        uint8_t *place;
        if (how & 1)
            result = ring_append(writer, payload, length, 1);
        else if (ring_reserve(writer, length, &place) == RING_OK) {
            memset(place, 0xaa, length);
            if (how & 2)
                ring_commit(writer, length / 2, 1);
        }
        if (how & 4)
            ring_flush(writer);
    }
    if (held)
        ring_end(writer);
    if (result == RING_FULL)
        wait_a_little(writer);
}

#endif

/* What a hostile participant does to a ring: single words, whole frames, any bytes. */
#ifndef PODRING_FUZZ_CHANGE_H
#define PODRING_FUZZ_CHANGE_H

#include "program.h"
#include "topic.h"

/* Stores that another thread may read meanwhile, and that the compiler leaves alone. */
static inline void poke(uint8_t *place, uint64_t word, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        ((volatile uint8_t *)place)[i] = (uint8_t)(word >> 8 * i);
}

static inline void change_header(Topic *topic, Program *program, const Ring *ring,
                                 uint64_t cursor) {
    static const struct {
        uint16_t at, bytes;
    } words[] = {
        {offsetof(RingHeader, tail), 8},        {offsetof(RingHeader, intent), 8},
        {offsetof(RingHeader, commit), 8},      {offsetof(RingHeader, commit) + 8, 8},
        {offsetof(RingHeader, commit) + 16, 8}, {offsetof(RingHeader, commit) + 24, 8},
        {offsetof(RingHeader, lock), 4},        {offsetof(RingHeader, state), 4},
        {offsetof(RingHeader, wake), 4},        {offsetof(RingHeader, claim), 8},
        {offsetof(RingHeader, kept), 8},
    };
    uint64_t which = number(program, 1) % (sizeof words / sizeof *words);
    poke(topic->bytes + words[which].at, value(program, ring, cursor), words[which].bytes);
}

/* A tail that its commit record agrees with, so that whoever looks goes on from there. */
static inline void change_tail(Topic *topic, Program *program, const Ring *ring, uint64_t cursor) {
    uint64_t record = number(program, 1) % 2, tail = value(program, ring, cursor);
    uint8_t *commit = topic->bytes + offsetof(RingHeader, commit) + 16 * record;
    poke(commit, tail, 8);
    if (number(program, 1) % 2)
        poke(commit + 8, value(program, ring, cursor), 8);
    poke(topic->bytes + offsetof(RingHeader, tail), tail, 8);
}

static inline void change_frame(Topic *topic, Program *program, const Ring *ring, uint64_t cursor) {
    static const struct {
        uint8_t at, bytes;
    } fields[] = {{0, 8}, {8, 8}, {16, 8}, {24, 4}, {28, 2}, {30, 2}};
    uint64_t which = number(program, 1), field = number(program, 1) % 6;
    uint64_t position = which % 4 ? topic->frames[number(program, 1) % topic->count] : cursor;
    uint8_t *frame = topic->bytes + topic->plan.ring_bytes - ring->capacity +
                     position % ring->capacity / RING_FRAME_ALIGN * RING_FRAME_ALIGN;
    poke(frame + fields[field].at, value(program, ring, cursor), fields[field].bytes);
}

/* A frame that belongs where a reader looks next, but for its length and flags. */
static inline void forge_frame(Topic *topic, Program *program, const Ring *ring, uint64_t cursor,
                               uint64_t sequence) {
    uint64_t length = value(program, ring, cursor), flags = number(program, 1);
    uint8_t *frame = topic->bytes + topic->plan.ring_bytes - ring->capacity +
                     cursor % ring->capacity / RING_FRAME_ALIGN * RING_FRAME_ALIGN;
    poke(frame, cursor, 8);
    poke(frame + 8, sequence, 8);
    poke(frame + 24, length, 4);
    poke(frame + 30, flags & 3, 2);
}

static inline void change_checkpoint(Topic *topic, Program *program, const Ring *ring,
                                     uint64_t cursor) {
    uint64_t block = number(program, 2) % ring->blocks, word = number(program, 1) % 3;
    uint8_t *entry = topic->bytes + RING_PAGE + block * RING_CHECKPOINT_BYTES;
    poke(entry + 8 * word, value(program, ring, cursor), 8);
}

/* The roster's words that publishers and subscribers of a `block` topic go by. */
static inline void change_roster(Topic *topic, Program *program, const Ring *ring,
                                 uint64_t cursor) {
    static const struct {
        uint16_t at, bytes;
    } words[] = {
        {offsetof(RosterHeader, sleepers), 4}, {offsetof(RosterHeader, drain), 8},
        {offsetof(RosterHeader, drained), 4},  {offsetof(RosterHeader, members), 4},
        {offsetof(RosterHeader, reach), 4},
    };
    static const struct {
        uint8_t at, bytes;
    } fields[] = {{0, 4}, {4, 4}, {8, 8}, {56, 8}, {64, 8}, {72, 8}, {112, 8}};
    uint64_t which = number(program, 1), slot = which / 16 % 8;
    if (which % 16 < 5)
        poke(topic->roster + words[which % 16].at, value(program, ring, cursor),
             words[which % 16].bytes);
    else
        poke(topic->roster + RING_PAGE + slot * ROSTER_ENTRY_BYTES + fields[which % 7].at,
             value(program, ring, cursor), fields[which % 7].bytes);
}

static inline void change_bytes(uint8_t *bytes, uint64_t length, Program *program) {
    unsigned count = 1 + (unsigned)number(program, 1) % 8;
    uint64_t at = number(program, 3) % (length - 8);
    poke(bytes + at, number(program, count), count);
}

/* The words that say how large everything is. A reader that is there already must not care. */
static inline void change_geometry(Topic *topic, Program *program, const Ring *ring) {
    static const struct {
        uint8_t at, bytes;
    } words[] = {{0, 8},  {8, 4},  {12, 4}, {16, 8}, {24, 8}, {32, 8},
                 {40, 8}, {64, 8}, {72, 4}, {76, 4}, {80, 8}};
    uint64_t which = number(program, 1);
    if (which % 16 < 11)
        poke(topic->bytes + words[which % 16].at, value(program, ring, 0), words[which % 16].bytes);
    else
        poke(topic->roster + which % 3 * 8, value(program, ring, 0), 8);
}

enum { CHANGES = 9 };

static inline void change(Topic *topic, Program *program, const Ring *ring, uint64_t cursor,
                          uint64_t sequence) {
    switch (number(program, 1) % CHANGES) {
    case 0:
        change_header(topic, program, ring, cursor);
        break;
    case 1:
        change_tail(topic, program, ring, cursor);
        break;
    case 2:
        change_frame(topic, program, ring, cursor);
        break;
    case 3:
        forge_frame(topic, program, ring, cursor, sequence);
        break;
    case 4:
        change_checkpoint(topic, program, ring, cursor);
        break;
    case 5:
        change_bytes(topic->bytes, topic->plan.ring_bytes, program);
        break;
    case 6:
        change_bytes(topic->roster, topic->plan.roster_bytes, program);
        break;
    case 7:
        change_roster(topic, program, ring, cursor);
        break;
    default:
        change_geometry(topic, program, ring);
    }
}

#endif

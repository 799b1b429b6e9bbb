/* A fuzzer's bytes, read as a short program over a sound ring.
 *
 * Arbitrary bytes for a whole ring would nearly all fail at the same early check. So each input
 * starts from a ring that publishers have filled, and says in a few bytes an instruction what is
 * changed, by whom it is read, and in which order. Wherever an input ends, the rest is zero.
 */
#ifndef PODRING_FUZZ_PROGRAM_H
#define PODRING_FUZZ_PROGRAM_H

#include <stdint.h>
#include <string.h>

#include "ring.h"

typedef struct {
    const uint8_t *at, *end;
} Program;

static inline uint64_t number(Program *program, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && program->at < program->end; i++)
        value |= (uint64_t)*program->at++ << 8 * i;
    return value;
}

static inline bool has_more(const Program *program) {
    return program->at < program->end;
}

/* What a hostile word is most likely to do harm with: something near what the ring says itself. */
static inline uint64_t value(Program *program, const Ring *ring, uint64_t cursor) {
    uint64_t kind = number(program, 1);
    uint64_t tail = atomic_load_explicit(&ring->header->tail, memory_order_relaxed);
    uint64_t steps = (uint64_t)(int64_t)(int16_t)number(program, 2) * RING_FRAME_ALIGN;
    switch (kind % 8) {
    case 0:
        return number(program, 8);
    case 1:
        return tail + steps;
    case 2:
        return cursor + steps;
    case 3:
        return tail + ring->capacity + steps;
    case 4:
        return tail - ring->capacity + steps;
    case 5:
        return (UINT64_C(1) << (kind >> 3)) + steps;
    case 6:
        return UINT64_MAX - (kind >> 3);
    default:
        return steps / RING_FRAME_ALIGN;
    }
}

#endif

/* What the core's own files share; nobody else includes it.
 *
 * The memory model in one paragraph. The lock holder announces which bytes it may overwrite
 * (intent), writes, and then shows what it wrote (tail). A reader sees tail, copies, and then asks
 * intent whether what it copied was safe. Atomics that belong together carry the same label:
 *
 *   R1  overwrite   intent before the bytes it gives up; readers copy before they look at intent
 *   R2  publish     the bytes, the checkpoint and the commit record before tail
 *   R3  checkpoint  withdrawn, rewritten, position last
 *   R4  sleep       tail before "does anyone sleep?"; "I sleep" before tail
 *   R5  lock        everything a holder wrote before the next holder reads it
 *   R6  room        a subscriber copies, or holds for a view, before it moves its cursor; a
 *                   publisher looks at the cursor, and then at what is held, before it overwrites
 *   R7  place       a subscriber's place before "what is claimed?"; claim before "did any take a place?"
 *   R8  drain       a cursor before "does a publisher sleep?"; "I sleep" before the cursors
 */
#ifndef PODRING_CORE_H
#define PODRING_CORE_H

#include <string.h>

#include "ring.h"

#define load_relaxed(word) atomic_load_explicit(word, memory_order_relaxed)
#define load_acquire(word) atomic_load_explicit(word, memory_order_acquire)
#define store_relaxed(word, value) atomic_store_explicit(word, value, memory_order_relaxed)
#define store_release(word, value) atomic_store_explicit(word, value, memory_order_release)

/* A loop that a writer can keep from finishing gives up after so many rounds. */
#define ATTEMPTS 1000

static inline uint64_t max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
static inline uint64_t min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static inline uint64_t round_up(uint64_t n, uint64_t unit) {
    return (n + unit - 1) / unit * unit;
}

static inline uint64_t frame_bytes(uint64_t length) {
    return RING_FRAME_HEADER +
           ((length + RING_FRAME_ALIGN - 1) & ~(uint64_t)(RING_FRAME_ALIGN - 1));
}

/* Copy between shared and private memory.
 *
 * Readers copy while a writer may overwrite: by the letter of C11 that is a race, and R1 tells
 * afterwards whether it was one. memcpy is what the machine does best, so only builds that judge
 * races copy in relaxed atomic bytes. */
static inline void copy_shared(void *to, const void *from, uint64_t length) {
#if defined(__SANITIZE_THREAD__)
    for (uint64_t i = 0; i < length; i++) {
        uint8_t byte = load_relaxed((const _Atomic uint8_t *)from + i);
        store_relaxed((_Atomic uint8_t *)to + i, byte);
    }
#else
    memcpy(to, from, length);
#endif
}

/* Bytes before this position may be gone. Intent never runs behind tail in a sound ring; taking
 * the larger keeps the loops below short in a broken one. */
static inline uint64_t first_whole(const Ring *ring) {
    uint64_t end = max_u64(load_relaxed(&ring->header->intent), load_relaxed(&ring->header->tail));
    end = max_u64(end, load_relaxed(&ring->header->claim)); /* 0 in an `overwrite` topic */
    return end > ring->capacity ? end - ring->capacity : 0;
}

/* place.c: a frame that is known without walking to it. */
typedef struct {
    RingPlace place;
    uint64_t timestamp;
} Checkpoint;

bool read_checkpoint(const Ring *ring, uint64_t block, uint64_t oldest, uint64_t tail,
                     Checkpoint *found);
RingResult find_place(const Ring *ring, uint64_t from, RingPlace *place);

/* place.c: the header of the frame at `position`, which ends at or before `tail`. */
RingResult read_header(const Ring *ring, uint64_t position, uint64_t tail, RingFrame *frame);

/* read.c: where a reader goes on. */
void go_to(RingReader *reader, RingPlace place);
RingResult skip_to(RingReader *reader, RingPlace place);

/* What was stored before is visible to everybody before anything is read after it. */
static inline void full_barrier(void) {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    _Atomic uint32_t here = 0; /* any locked operation will do, and costs half of mfence */
    atomic_fetch_add_explicit(&here, 1, memory_order_seq_cst);
    atomic_signal_fence(memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* room.c: `block` topics. */
RingResult claim_room(RingWriter *writer, uint64_t end, uint64_t ahead);
/* Whether what was RING_FULL would fit, and so much more, or all that there can be. */
bool has_room_for(const RingWriter *writer, uint64_t more);
void wake_publishers(const Ring *ring);
void tell_publishers(const Ring *ring, uint32_t slot);
void hold_undone(RingReader *reader);

/* wait.c: futex between processes. A timeout below zero waits for ever. */
RingResult futex_wait(const _Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);
void futex_wake(const _Atomic uint32_t *word, int count);
void wake_sleepers(const Ring *ring);
bool anyone_sleeps(const Ring *ring);

#endif

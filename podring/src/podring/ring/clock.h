/* What time it is, for a message's timestamp, at half the price.
 *
 * Asking the kernel's clock costs as much as the rest of a small publish. Where the kernel itself
 * derives its time from the processor's counter, this asks it about once a millisecond and reads
 * the counter in between. Elsewhere it asks each time.
 *
 * The error is below a microsecond, and tens of nanoseconds as a rule. A clock that was stepped is
 * noticed a millisecond later.
 */
#ifndef PODRING_CLOCK_H
#define PODRING_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t ticks; /* the counter when the kernel was asked; 0: ask it each time until it is set */
    uint64_t ns;    /* what it said */
    uint64_t rate;  /* nanoseconds a tick, in 2^-32; 0 until two answers tell it */
    bool trusted;   /* the kernel's own clock is this counter */
} RingClock;

/* `trusted` says that the kernel derives its time from the counter. */
void ring_clock_open(RingClock *clock, bool trusted);

/* CLOCK_REALTIME in nanoseconds since 1970. One thread at a time. */
uint64_t ring_clock_ask(RingClock *clock);

#if defined(__x86_64__)
#include <x86intrin.h>

#define RING_CLOCK_TICKS UINT64_C(2000000) /* between two questions: about a millisecond */

static inline uint64_t ring_clock_now(RingClock *clock) {
    /* A counter that went back, or was moved to another machine, is a large difference, too. */
    uint64_t since = __rdtsc() - clock->ticks;
    if (since < RING_CLOCK_TICKS && clock->rate)
        return clock->ns + (since * clock->rate >> 32);
    return ring_clock_ask(clock);
}
#else
static inline uint64_t ring_clock_now(RingClock *clock) {
    return ring_clock_ask(clock);
}
#endif

#endif

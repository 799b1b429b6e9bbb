#define _GNU_SOURCE
#include "clock.h"

#include <time.h>

void ring_clock_open(RingClock *clock, bool trusted) {
    *clock = (RingClock){.trusted = trusted};
}

static uint64_t realtime_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
#define NEAR_TICKS 2000               /* an answer that took longer says too little about when */
#define FAR_TICKS (UINT64_C(1) << 33) /* seconds: the clock may have been set meanwhile */
#define RATE_LEAST (UINT64_C(1) << 32 >> 4) /* 16 GHz */
#define RATE_MOST (UINT64_C(1) << 32 << 2)  /* 250 MHz */

/* Nanoseconds a tick between two answers, or 0 when that makes no sense. */
static uint64_t rate_between(const RingClock *clock, uint64_t ticks, uint64_t ns) {
    uint64_t elapsed = ticks - clock->ticks;
    if (!clock->ticks || elapsed < RING_CLOCK_TICKS || elapsed >= FAR_TICKS || ns < clock->ns)
        return 0;
    uint64_t passed = ns - clock->ns;
    if (passed >> 32)
        return 0;
    uint64_t rate = (passed << 32) / elapsed;
    return rate >= RATE_LEAST && rate <= RATE_MOST ? rate : 0;
}

uint64_t ring_clock_ask(RingClock *clock) {
    if (!clock->trusted)
        return realtime_ns();
    uint64_t before = __rdtsc();
    uint64_t ns = realtime_ns();
    uint64_t after = __rdtsc();
    if (after - before > NEAR_TICKS)
        return ns; /* interrupted in between: no answer to go on from */
    /* Before the rate is known, keep the first answer and ask until it is old enough to tell. */
    if (!clock->ticks || after - clock->ticks >= RING_CLOCK_TICKS) {
        clock->rate = rate_between(clock, after, ns);
        clock->ticks = after;
        clock->ns = ns;
    }
    return ns;
}
#else
uint64_t ring_clock_ask(RingClock *clock) {
    (void)clock;
    return realtime_ns();
}
#endif

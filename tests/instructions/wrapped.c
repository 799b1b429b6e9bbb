#include "wrapped.h"

uint64_t wrapped_clock_now(RingClock *clock) {
    return ring_clock_now(clock);
}

/* What the core's headers inline, as functions of its library: else it would not be counted. */
#ifndef PODRING_INSTRUCTIONS_WRAPPED_H
#define PODRING_INSTRUCTIONS_WRAPPED_H

#include "clock.h"

uint64_t wrapped_clock_now(RingClock *clock);

#endif

/* R1 overwrite: intent before the bytes it gives up; a reader copies before it looks at intent.
 *
 * The weak variant cannot fail on x86, which keeps the two stores and the two loads in order. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"old bytes, intent not moved: whole, and delivered", true},
    {"old bytes, intent moved: dropped in vain", true},
    {"new bytes, intent moved: torn, and dropped", true},
    {"new bytes, intent not moved: torn, and delivered", false},
};
const int outcome_count = 4;

static void prepare(Round *round) {
    (void)round;
}

/* ring_reserve, and the copy into the ring. */
static void first(Round *round) {
    store_relaxed(&round->a, 1);
#ifndef WEAK
    atomic_thread_fence(memory_order_release);
#endif
    store_relaxed(&round->b, 1);
}

/* fill_run and ring_is_whole. */
static void second(Round *round) {
    round->seen[0] = load_relaxed(&round->b);
#ifndef WEAK
    atomic_thread_fence(memory_order_acquire);
#endif
    round->seen[1] = load_relaxed(&round->a);
}

static int outcome_of(const Round *round) {
    return round->seen[0] ? round->seen[1] ? 2 : 3 : round->seen[1] ? 1 : 0;
}

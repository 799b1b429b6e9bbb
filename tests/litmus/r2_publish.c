/* R2 publish: the bytes before tail.
 *
 * The weak variant cannot fail on x86, which keeps the two stores and the two loads in order. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"tail has not moved", true},
    {"tail has moved, the bytes are there", true},
    {"tail has moved, the bytes are not there", false},
};
const int outcome_count = 3;

static void prepare(Round *round) {
    (void)round;
}

/* ring_append and ring_flush. */
static void first(Round *round) {
    store_relaxed(&round->a, 1);
#ifndef WEAK
    store_release(&round->b, 1);
#else
    store_relaxed(&round->b, 1);
#endif
}

/* find_news and fill_run. */
static void second(Round *round) {
#ifndef WEAK
    round->seen[0] = load_acquire(&round->b);
#else
    round->seen[0] = load_relaxed(&round->b);
#endif
    round->seen[1] = load_relaxed(&round->a);
}

static int outcome_of(const Round *round) {
    return round->seen[0] ? round->seen[1] ? 1 : 2 : 0;
}

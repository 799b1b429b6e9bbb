/* R6 room: a subscriber holds what a view needs before it moves its cursor beyond; a publisher looks
 * at the cursor, and then at what is held. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"the cursor is before the view", true},
    {"the cursor is beyond, and the view is held", true},
    {"the cursor is beyond, and the view is overwritten", false},
};
const int outcome_count = 3;

static void prepare(Round *round) {
    (void)round;
}

/* place_of. */
static void first(Round *round) {
#ifndef WEAK
    round->seen[0] = load_acquire(&round->a);
    round->seen[1] = load_acquire(&round->b);
#else
    round->seen[1] = load_acquire(&round->b);
    round->seen[0] = load_acquire(&round->a);
#endif
}

/* message_at: ring_hold, and then ring_report. */
static void second(Round *round) {
    store_release(&round->b, 1);
    store_release(&round->a, 1);
}

static int outcome_of(const Round *round) {
    return !round->seen[0] ? 0 : round->seen[1] ? 1 : 2;
}

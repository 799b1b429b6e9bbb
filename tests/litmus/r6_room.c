/* R6 room: a subscriber copies before it moves its cursor; a publisher looks at the cursor before it
 * overwrites.
 *
 * The weak variant cannot fail on x86, where no store overtakes an earlier load. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"no room yet, the message is copied", true},
    {"the message is copied, and then overwritten", true},
    {"the message is overwritten, and then copied", false},
};
const int outcome_count = 3;

static void prepare(Round *round) {
    (void)round;
}

/* place_of, and the next lap's bytes. */
static void first(Round *round) {
#ifndef WEAK
    round->seen[0] = load_acquire(&round->b);
#else
    round->seen[0] = load_relaxed(&round->b);
#endif
    if (round->seen[0])
        store_relaxed(&round->a, 1);
}

/* fill_run and ring_report. */
static void second(Round *round) {
    round->seen[1] = load_relaxed(&round->a);
#ifndef WEAK
    store_release(&round->b, 1);
#else
    store_relaxed(&round->b, 1);
#endif
}

static int outcome_of(const Round *round) {
    return round->seen[1] ? 2 : round->seen[0] ? 1 : 0;
}

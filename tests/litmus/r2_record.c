/* R2 publish: the commit record before tail, so that an heir, or whoever joins, finds the sequence.
 *
 * A writer that is killed leaves what it stored, in order, and nothing after it: its core's
 * stores reach memory all the same. So an heir is a reader that comes at any moment, as here.
 *
 * The weak variant moves tail first. That shows on x86, too. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"tail has not moved, the old record is in force", true},
    {"tail has moved, the new record is complete", true},
    {"tail has moved, the new record is not complete", false},
};
const int outcome_count = 3;

static void prepare(Round *round) {
    (void)round;
}

/* ring_flush. */
static void first(Round *round) {
#ifdef WEAK
    store_release(&round->c, 1);
    linger();
#endif
    store_release(&round->a, 7); /* the sequence */
    store_release(&round->b, 1); /* the end that it belongs to */
#ifndef WEAK
    store_release(&round->c, 1); /* tail */
#endif
}

/* ring_tail, or begin_locked and read_commit after a takeover. */
static void second(Round *round) {
    round->seen[0] = load_acquire(&round->c);
    round->seen[1] = load_acquire(&round->b);
    round->seen[2] = load_acquire(&round->a);
}

static int outcome_of(const Round *round) {
    if (!round->seen[0])
        return 0;
    return round->seen[1] == 1 && round->seen[2] == 7 ? 1 : 2;
}

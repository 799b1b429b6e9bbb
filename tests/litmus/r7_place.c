/* R7 place: a subscriber's place before "what is claimed?"; claim before "did any take a place?"
 *
 * The weak variant lacks the publisher's barrier, and fails on x86 as it does everywhere. The
 * subscriber's is an addition, which is a barrier there. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"both see each other: both look again", true},
    {"the subscriber sees the claim, and seeks again", true},
    {"the publisher sees the place, and keeps to it", true},
    {"neither sees the other: overwritten, and not told", false},
};
const int outcome_count = 4;

static void prepare(Round *round) {
    (void)round;
}

/* claim_room. */
static void first(Round *round) {
    store_relaxed(&round->a, 1);
#ifndef WEAK
    full_barrier();
#endif
    round->seen[0] = load_acquire(&round->b);
}

/* ring_take_place. */
static void second(Round *round) {
    store_release(&round->c, 1);
    atomic_fetch_add_explicit(&round->b, 1, memory_order_seq_cst);
    full_barrier();
    round->seen[1] = load_relaxed(&round->a);
}

static int outcome_of(const Round *round) {
    return round->seen[0] ? round->seen[1] ? 0 : 2 : round->seen[1] ? 1 : 3;
}

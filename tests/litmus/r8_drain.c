/* R8 drain: a cursor before "does a publisher sleep?"; "I sleep" before the cursors.
 *
 * The weak variant lacks the subscriber's barrier, and fails on x86 as it does everywhere. The
 * publisher says that it sleeps by an exchange, which is a barrier there. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"both see each other: awake, and woken in vain", true},
    {"the publisher sees room", true},
    {"the subscriber sees a sleeper, and wakes it", true},
    {"neither sees the other: asleep beside room", false},
};
const int outcome_count = 4;

static void prepare(Round *round) {
    (void)round;
}

/* ring_report and tell_publishers. */
static void first(Round *round) {
    store_release(&round->a, 1);
#ifndef WEAK
    full_barrier();
#endif
    round->seen[0] = load_relaxed(&round->b);
}

/* ring_sleep_room and ring_has_room. */
static void second(Round *round) {
    uint64_t nobody = 0;
    atomic_compare_exchange_strong_explicit(&round->b, &nobody, 1, memory_order_seq_cst,
                                            memory_order_relaxed);
    full_barrier();
    round->seen[1] = load_acquire(&round->a);
}

static int outcome_of(const Round *round) {
    return round->seen[0] ? round->seen[1] ? 0 : 2 : round->seen[1] ? 1 : 3;
}

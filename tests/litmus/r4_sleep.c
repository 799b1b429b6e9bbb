/* R4 sleep: tail before "does anyone sleep?"; "I sleep" before tail.
 *
 * The weak variant has no barriers, and fails on x86 as it does everywhere: each core's store waits
 * in its buffer while the load behind it looks at memory. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"both see each other: awake, and woken in vain", true},
    {"the subscriber sees the message", true},
    {"the publisher sees the sleeper, and wakes it", true},
    {"neither sees the other: asleep over a message", false},
};
const int outcome_count = 4;

static void prepare(Round *round) {
    (void)round;
}

/* ring_flush and ring_end. */
static void first(Round *round) {
    store_release(&round->a, 1);
#ifndef WEAK
    full_barrier();
#endif
    round->seen[0] = load_relaxed(&round->b);
}

/* ring_arm and ring_has_news. */
static void second(Round *round) {
    store_relaxed(&round->b, 1);
#ifndef WEAK
    atomic_thread_fence(memory_order_seq_cst);
#endif
    round->seen[1] = load_acquire(&round->a);
}

static int outcome_of(const Round *round) {
    return round->seen[0] ? round->seen[1] ? 0 : 2 : round->seen[1] ? 1 : 3;
}

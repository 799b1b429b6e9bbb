/* R5 lock: everything a holder wrote before the next holder reads it.
 *
 * The weak variant's lock has no order of its own. It cannot fail on x86, where exchanging and
 * comparing are full barriers whatever they are asked to be. */
#include "litmus.h"

const Outcome outcomes[] = {
    {"the lock is held", true},
    {"the next holder finds what the last one left", true},
    {"the next holder finds less", false},
};
const int outcome_count = 3;

#ifdef WEAK
#define GIVING memory_order_relaxed
#define TAKING memory_order_relaxed
#else
#define GIVING memory_order_seq_cst
#define TAKING memory_order_acquire
#endif

static void prepare(Round *round) {
    store_relaxed(&round->b, 1);
}

/* A commit, and unlock. */
static void first(Round *round) {
    store_relaxed(&round->a, 1);
    store_relaxed(&round->c, 1);
    atomic_exchange_explicit(&round->b, 0, GIVING);
}

/* ring_begin, and read_commit. */
static void second(Round *round) {
    uint64_t free = 0;
    if (!atomic_compare_exchange_strong_explicit(&round->b, &free, 2, TAKING, memory_order_relaxed))
        return;
    round->seen[0] = 1;
    round->seen[1] = load_relaxed(&round->c);
    round->seen[2] = load_relaxed(&round->a);
}

static int outcome_of(const Round *round) {
    return !round->seen[0] ? 0 : round->seen[1] && round->seen[2] ? 1 : 2;
}

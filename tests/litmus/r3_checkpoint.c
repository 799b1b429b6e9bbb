/* R3 checkpoint: withdrawn, rewritten, position last.
 *
 * The weak variant rewrites it without withdrawing it, which shows on x86, too. What remains, the
 * order of the three stores and of the three loads, cannot fail there. */
#include "litmus.h"

#define OLD 1
#define NEW 2

const Outcome outcomes[] = {
    {"the old checkpoint", true},
    {"the new checkpoint", true},
    {"none: withdrawn, or changed meanwhile", true},
    {"one's position with the other's sequence", false},
};
const int outcome_count = 4;

static void prepare(Round *round) {
    store_relaxed(&round->a, OLD);
    store_relaxed(&round->b, OLD);
}

/* put_frame. */
static void first(Round *round) {
#ifndef WEAK
    store_relaxed(&round->a, RING_NOWHERE);
    atomic_thread_fence(memory_order_release);
#endif
    store_release(&round->b, NEW);
    linger();
    store_release(&round->a, NEW);
}

/* read_checkpoint. */
static void second(Round *round) {
    round->seen[0] = load_acquire(&round->a);
    round->seen[1] = load_acquire(&round->b);
    round->seen[2] = load_relaxed(&round->a);
}

static int outcome_of(const Round *round) {
    uint64_t position = round->seen[0];
    if (position != round->seen[2] || position == RING_NOWHERE)
        return 2;
    return position != round->seen[1] ? 3 : position == OLD ? 0 : 1;
}

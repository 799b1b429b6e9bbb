/* The timestamp's clock: as good as the kernel's, stepped or not, trusted or not. */
#define _GNU_SOURCE
#include <time.h>

#include "clock.h"
#include "harness.h"

static uint64_t kernel_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Between two answers of the kernel, give or take what interpolation may err by. */
static bool agrees(RingClock *clock, uint64_t tolerance_ns) {
    uint64_t before = kernel_ns(), now = ring_clock_now(clock), after = kernel_ns();
    return now + tolerance_ns >= before && now <= after + tolerance_ns;
}

static void the_clock_agrees_with_the_kernel(bool trusted) {
    RingClock clock;
    ring_clock_open(&clock, trusted);
    uint64_t asked = 0, wrong = 0, end = kernel_ns() + 300000000;
    while (kernel_ns() < end) {
        asked++;
        wrong += !agrees(&clock, 2000);
    }
    /* One that was interrupted at the wrong instant may miss by more, and only for a millisecond. */
    CHECK(wrong * 100 <= asked, "%" PRIu64 " of %" PRIu64 " are off", wrong, asked);
    CHECK(asked > 1000, "only %" PRIu64 " were asked", asked);
}

static void a_stepped_clock_is_noticed_within_a_millisecond(void) {
    RingClock clock;
    ring_clock_open(&clock, true);
    for (uint64_t end = kernel_ns() + 5000000; kernel_ns() < end;)
        ring_clock_now(&clock);
    clock.ns -= 3600000000000; /* as if the kernel's clock had been set an hour ahead since */
    uint64_t end = kernel_ns() + 5000000;
    while (kernel_ns() < end)
        ring_clock_now(&clock);
    CHECK(agrees(&clock, 1000000), "still an hour behind after 5 ms");
}

static void a_counter_that_jumps_back_is_not_believed(void) {
    RingClock clock;
    ring_clock_open(&clock, true);
    for (uint64_t end = kernel_ns() + 5000000; kernel_ns() < end;)
        ring_clock_now(&clock);
    clock.ticks += UINT64_C(1) << 40; /* as after a move to another machine */
    CHECK(agrees(&clock, 1000000), "the counter was believed");
}

int main(void) {
    the_clock_agrees_with_the_kernel(false);
    the_clock_agrees_with_the_kernel(true);
    a_stepped_clock_is_noticed_within_a_millisecond();
    a_counter_that_jumps_back_is_not_believed();
    return 0;
}

/* Every way into and out of the ring, N times and 2N times, for callgrind to count.
 *
 * The core is linked as a library of its own, so that what this program does between the calls is
 * not counted. -DPLANTED asks the ring for one thing more a publish: the guard must see it.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "marks.h"
#include "wrapped.h"

enum { N = 1000, WARM = 100, BATCH = 100, SIZE = 4 << 20, LONGEST = 1024 };

typedef struct {
    Topic topic;
    RingWriter writer;
    RingReader *reader;
    RingClock clock;
    uint64_t length;
    uint8_t payload[LONGEST];
} Bench;

typedef void Way(Bench *bench, int count);

static void begin(Bench *bench) {
    CHECK_EQ(ring_begin(&bench->writer), RING_OK);
#ifdef PLANTED
    RingPlace place;
    CHECK_EQ(ring_tail(&bench->topic.ring, &place), RING_OK);
#endif
}

static void append(Bench *bench) {
    CHECK_EQ(ring_append(&bench->writer, bench->payload, bench->length, 1000), RING_OK);
}

static void publish_one(Bench *bench) {
    begin(bench);
    append(bench);
    ring_flush(&bench->writer);
    ring_end(&bench->writer);
}

static void publish_singly(Bench *bench, int count) {
    for (int i = 0; i < count; i++)
        publish_one(bench);
}

static void publish_batches(Bench *bench, int count) {
    for (int i = 0; i < count; i += BATCH) {
        begin(bench);
        for (int j = 0; j < BATCH; j++)
            append(bench);
        ring_flush(&bench->writer);
        ring_end(&bench->writer);
    }
}

static void lend(Bench *bench, int count) {
    uint8_t *place;
    for (int i = 0; i < count; i++) {
        begin(bench);
        CHECK_EQ(ring_reserve(&bench->writer, bench->length, &place), RING_OK);
        ring_commit(&bench->writer, bench->length, 1000);
        ring_end(&bench->writer);
    }
}

static void receive_one(Bench *bench) {
    const uint8_t *payload;
    CHECK_EQ(ring_next(bench->reader, &payload), RING_OK);
    CHECK_EQ(bench->reader->frame.length, bench->length);
}

static void receive_singly(Bench *bench, int count) {
    for (int i = 0; i < count; i++)
        receive_one(bench);
}

static void peek(Bench *bench, int count) {
    const uint8_t *payload;
    for (int i = 0; i < count; i++)
        CHECK_EQ(ring_peek(bench->reader, &payload), RING_OK);
}

static void take_turns(Bench *bench, int count) {
    for (int i = 0; i < count; i++) {
        publish_one(bench);
        receive_one(bench);
    }
}

/* What a timestamp costs while the processor's counter tells it. */
static void ask_the_clock(Bench *bench, int count) {
    for (int i = 0; i < count; i++) {
#if defined(__x86_64__)                 /* elsewhere the kernel is asked each time */
        bench->clock.ticks = __rdtsc(); /* for valgrind takes longer than a clock stays true */
#endif
        CHECK(wrapped_clock_now(&bench->clock) > 0, "no time");
    }
}

static void count(Bench *bench, Way *way, const char *name) {
    char mark[100];
    way(bench, WARM);
    for (int times = 1; times <= 2; times++) {
        snprintf(mark, sizeof mark, "%d %s", times * N, name);
        begin_counting();
        way(bench, times * N);
        end_counting(mark);
    }
}

static Bench *make_bench(uint32_t overflow, bool exclusive, uint64_t length) {
    Bench *bench = pages((sizeof(Bench) + RING_PAGE - 1) / RING_PAGE * RING_PAGE);
    bench->topic = make_topic_that(overflow, SIZE, LONGEST);
    ring_writer_open(&bench->writer, &bench->topic.ring, 0, 1, exclusive);
    ring_join(&bench->topic.ring, 1, ROSTER_SUBSCRIBER, 1, 1, 1, (char[ROSTER_NAME_BYTES]){"r"}, 0);
    bench->reader = make_reader(&bench->topic, 1);
    CHECK_EQ(ring_take_place(bench->reader), RING_OK);
    bench->clock = (RingClock){.trusted = true, .ns = 1, .rate = UINT64_C(1) << 31};
    bench->length = length;
    return bench;
}

static void free_bench(Bench *bench) {
    free(bench->reader);
    free_topic(&bench->topic);
    free(bench);
}

typedef struct {
    const char *name;
    Way *way;
    bool publishes;
    bool receives;
} Act;

static const Act acts[] = {
    {"publish", publish_singly, true, false},
    {"publish_many", publish_batches, true, false},
    {"loan", lend, true, false},
    {"receive", receive_singly, false, true},
    {"view", peek, false, true},
    {"turns", take_turns, true, true},
};

static void count_act(const Act *act, uint32_t overflow, bool exclusive, uint64_t length) {
    char name[80];
    Bench *bench = make_bench(overflow, exclusive, length);
    if (!act->publishes)
        publish_singly(bench, WARM + 3 * N);
    snprintf(name, sizeof name, "%s %" PRIu64 " B, %s%s", act->name, length,
             overflow == RING_BLOCK ? "block" : "overwrite", exclusive ? ", exclusive" : "");
    count(bench, act->way, name);
    free_bench(bench);
}

int main(void) {
    count_from_here();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        for (uint32_t overflow = RING_OVERWRITE; overflow <= RING_BLOCK; overflow++)
            for (uint64_t length = 64; length <= LONGEST; length *= 16)
                for (int exclusive = 0; exclusive <= acts[i].publishes; exclusive++)
                    count_act(&acts[i], overflow, exclusive, length);
    Bench *bench = make_bench(RING_OVERWRITE, false, 64);
    count(bench, ask_the_clock, "clock");
    free_bench(bench);
    return 0;
}

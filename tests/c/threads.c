/* Writers and readers at once over one mapping: order, sums and losses.
 *
 * Each message says who wrote it and which of his it is, and repeats that to its end, so a torn one
 * is seen. Each reader adds up what it received and what it lost.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "harness.h"

enum { WRITERS = 3, READERS = 3, RUN_MS = 1500 };

typedef struct {
    Topic *topic;
    uint32_t slot;
    uint64_t count; /* messages that a writer published, or that a reader accounts for */
    uint64_t lost;
    atomic_bool *stop;
    bool patient; /* waits for the slowest reader, so that nothing is lost */
    struct Crew *crew;
} Seat;

typedef struct Crew {
    Seat seats[WRITERS + READERS];
    _Atomic uint64_t read[READERS]; /* how far each reader has come */
} Crew;

typedef struct {
    uint32_t writer;
    uint32_t words;
    uint64_t number;
} Head;

static uint64_t mix(uint64_t writer, uint64_t number) {
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ writer * UINT64_C(0xd6e8feb86659fd93);
}

static void wait_for_room(Seat *seat) {
    const Ring *ring = &seat->topic->ring;
    for (;;) {
        uint64_t slowest = UINT64_MAX;
        for (int i = 0; i < READERS; i++) {
            uint64_t at = atomic_load(&seat->crew->read[i]);
            slowest = at < slowest ? at : slowest;
        }
        if (atomic_load(&ring->header->tail) - slowest < ring->capacity / 2)
            return;
        sched_yield();
    }
}

/* A reader may copy that byte meanwhile, and find out later that it is nothing: see copy_shared. */
static void scribble(uint8_t *byte) {
    atomic_store_explicit((_Atomic uint8_t *)byte, 0x55, memory_order_relaxed);
}

static void *write_on(void *argument) {
    Seat *seat = argument;
    RingWriter writer = make_writer(seat->topic, seat->slot);
    uint64_t seed = seat->slot, words_most = (seat->topic->ring.max_message - sizeof(Head)) / 8;
    uint64_t *payload = malloc(seat->topic->ring.max_message + 8);
    while (!atomic_load(seat->stop)) {
        if (seat->patient)
            wait_for_room(seat);
        RingResult result = ring_begin(&writer);
        while (result == RING_BUSY || result == RING_TIMEOUT)
            result = ring_begin_waiting(&writer, 10000000);
        CHECK_EQ(result, RING_OK);
        for (uint64_t n = 1 + random_below(&seed, 4); n; n--) {
            uint64_t words = random_below(&seed, random_below(&seed, 8) ? 8 : words_most + 1);
            Head head = {seat->slot, (uint32_t)words, seat->count};
            memcpy(payload, &head, sizeof head);
            for (uint64_t i = 0; i < words; i++)
                payload[2 + i] = mix(seat->slot, seat->count) + i;
            CHECK_EQ(ring_append(&writer, payload, sizeof head + words * 8, 1), RING_OK);
            seat->count++;
        }
        ring_flush(&writer);
        ring_end(&writer);
        if (random_below(&seed, 50) == 0) { /* a loan that is given up half filled */
            uint8_t *place;
            while (ring_begin(&writer) != RING_OK)
                sched_yield();
            CHECK_EQ(ring_reserve(&writer, seat->topic->ring.max_message, &place), RING_OK);
            for (uint64_t i = 0; i < seat->topic->ring.max_message / 2; i++)
                scribble(place + i);
            ring_end(&writer);
        }
    }
    free(payload);
    return NULL;
}

static void check_message(const uint8_t *payload, uint64_t length, uint64_t next[WRITERS],
                          bool gap) {
    Head head;
    CHECK(length >= sizeof head, "%" PRIu64 " bytes", length);
    memcpy(&head, payload, sizeof head);
    CHECK(head.writer < WRITERS, "writer %u", head.writer);
    CHECK_EQ(length, sizeof head + head.words * UINT64_C(8));
    for (uint64_t i = 0; i < head.words; i++) {
        uint64_t word;
        memcpy(&word, payload + sizeof head + i * 8, 8);
        CHECK(word == mix(head.writer, head.number) + i, "torn at word %" PRIu64, i);
    }
    CHECK(gap ? head.number >= next[head.writer] : head.number == next[head.writer],
          "writer %u: message %" PRIu64 " after %" PRIu64, head.writer, head.number,
          next[head.writer]);
    next[head.writer] = head.number + 1;
}

static void *read_on(void *argument) {
    Seat *seat = argument;
    RingReader *reader = make_reader(seat->topic, seat->slot);
    uint64_t next[WRITERS] = {0}, sequence = 1;
    bool gap[WRITERS] = {false}; /* since the last message of that writer */
    CHECK_EQ(ring_seek_sequence(reader, 1), RING_OK);
    uint8_t *large = malloc(seat->topic->ring.max_message + 1);
    for (;;) {
        const uint8_t *payload = large;
        /* Asked before looking, so that empty after it means the end. */
        bool last = atomic_load(seat->stop);
        RingResult result = ring_next(reader, &payload);
        if (result == RING_LARGE) {
            result = ring_take(reader, large);
            payload = large;
        }
        if (reader->gap_end) {
            CHECK_EQ(reader->gap_first, sequence);
            sequence = reader->gap_end;
            seat->lost += reader->gap_end - reader->gap_first;
            reader->gap_first = reader->gap_end = 0;
            memset(gap, true, sizeof gap);
        }
        if (result == RING_OK) {
            CHECK_EQ(reader->frame.sequence, sequence++);
            uint32_t who;
            memcpy(&who, payload, sizeof who);
            CHECK(who < WRITERS, "writer %u", who);
            check_message(payload, reader->frame.length, next, gap[who]);
            gap[who] = false;
            seat->count++;
        } else if (result == RING_EMPTY) {
            if (last)
                break;
            ring_sleep(reader, 1000000);
        } else {
            CHECK_EQ(result, RING_LAPPED);
        }
        atomic_store(&seat->crew->read[seat->slot - WRITERS], reader->cursor);
    }
    CHECK_EQ(seat->lost, reader->lost);
    free(large);
    free(reader);
    return NULL;
}

static void everything_adds_up(uint64_t size, uint64_t max_message, bool patient) {
    Topic topic = make_topic(size, max_message);
    atomic_bool stop_writing = false, stop_reading = false;
    Crew crew = {0};
    pthread_t threads[WRITERS + READERS];
    for (uint32_t i = 0; i < WRITERS + READERS; i++) {
        bool writes = i < WRITERS;
        crew.seats[i] = (Seat){.topic = &topic,
                               .slot = i,
                               .stop = writes ? &stop_writing : &stop_reading,
                               .patient = patient,
                               .crew = &crew};
    }
    /* Readers start at message 1, so they come first. */
    for (int i = WRITERS + READERS - 1; i >= 0; i--)
        CHECK_EQ(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_on : read_on, &crew.seats[i]), 0);
    nanosleep(&(struct timespec){.tv_sec = RUN_MS / 1000, .tv_nsec = RUN_MS % 1000 * 1000000L},
              NULL);
    atomic_store(&stop_writing, true);
    uint64_t published = 0;
    for (int i = 0; i < WRITERS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        published += crew.seats[i].count;
    }
    atomic_store(&stop_reading, true);
    uint64_t lost = 0;
    for (int i = WRITERS; i < WRITERS + READERS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(crew.seats[i].count + crew.seats[i].lost, published);
        CHECK(crew.seats[i].count > 0, "reader %d received nothing", i);
        lost += crew.seats[i].lost;
    }
    RingPlace tail;
    CHECK_EQ(ring_tail(&topic.ring, &tail), RING_OK);
    CHECK_EQ(tail.sequence, published + 1);
    if (patient)
        CHECK_EQ(lost, 0);
    printf("ring of %" PRIu64 " bytes: %" PRIu64 " messages, %" PRIu64 " lost by %d readers\n",
           topic.ring.capacity, published, lost, READERS);
    free_topic(&topic);
}

int main(void) {
    everything_adds_up(4064, 4064, false); /* lapped all the time */
    everything_adds_up(65536, 1000, false);
    everything_adds_up(300000, 20000, false);
    everything_adds_up(16384, 500, true); /* half of it takes what three writers append at once */
    everything_adds_up(1000000, 20000, true);
}

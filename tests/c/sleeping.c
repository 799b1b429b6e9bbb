/* Who sleeps is woken, who does not costs nothing, and no death in between silences a topic. */
#include <pthread.h>
#include <time.h>

#include "harness.h"

enum { WRITER = 0, HEIR = 1, READER = 2 };

static uint32_t wakes(const Topic *topic) {
    return atomic_load(&topic->ring.header->wake);
}

static void a_publisher_wakes_only_when_someone_sleeps(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, WRITER);
    RingReader *reader = make_reader(&topic, READER);
    uint32_t before = wakes(&topic);
    publish(&writer, 10);
    CHECK_EQ(wakes(&topic), before);
    CHECK_EQ(receive(reader), RING_OK);
    CHECK_EQ(ring_sleep(reader, 0), RING_TIMEOUT);
    publish(&writer, 10);
    CHECK_EQ(wakes(&topic), before + 1);
    /* That reader never came back: killed in its sleep, it has cost one vain wake-up. */
    for (int i = 0; i < 100; i++)
        publish(&writer, 10);
    CHECK_EQ(wakes(&topic), before + 1);
    free(reader);
    free_topic(&topic);
}

static void a_reader_does_not_sleep_over_news(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, WRITER);
    RingReader *reader = make_reader(&topic, READER);
    publish(&writer, 1);
    CHECK_EQ(ring_sleep(reader, -1), RING_OK);
    CHECK_EQ(receive(reader), RING_OK);
    RingBell bell = ring_arm(reader);
    publish(&writer, 1); /* between arming and sleeping */
    CHECK_EQ(ring_sleep_any(&bell, 1, -1), RING_OK);
    CHECK_EQ(receive(reader), RING_OK);
    ring_mark_deleted(&topic.ring);
    CHECK_EQ(ring_sleep(reader, -1), RING_OK);
    free(reader);
    free_topic(&topic);
}

/* Killed after its message counts and before it woke anyone: the next one wakes them. */
static void the_heir_wakes_whom_the_dead_did_not(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter dead = make_writer(&topic, WRITER), heir = make_writer(&topic, HEIR);
    RingReader *reader = make_reader(&topic, READER);
    RingBell bell = ring_arm(reader);
    CHECK_EQ(ring_begin(&dead), RING_OK);
    CHECK_EQ(ring_append(&dead, "x", 1, 1), RING_OK);
    ring_flush(&dead);
    CHECK_EQ(ring_take_over(&heir, ring_lock_word(&topic.ring)), RING_OK);
    ring_end(&heir);
    CHECK(wakes(&topic) != bell.value, "the reader sleeps on");
    free(reader);
    free_topic(&topic);
}

/* One who said that it sleeps before the last wake-up must not hide one who said it after. */
static void a_late_word_does_not_hide_a_newer_one(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, WRITER);
    RingReader *slow = make_reader(&topic, READER), *quick = make_reader(&topic, READER + 1);
    _Atomic uint32_t *sleepers = &topic.ring.roster->sleepers;
    uint32_t stale = ring_arm(slow).value;
    publish(&writer, 1);
    RingBell bell = ring_arm(quick);
    CHECK_EQ(atomic_load(sleepers), bell.value);
    CHECK(bell.value != stale, "nobody was woken");
    /* The slow one arms again as it did the first time. */
    atomic_store(&topic.ring.header->wake, stale);
    ring_arm(slow);
    atomic_store(&topic.ring.header->wake, bell.value);
    CHECK_EQ(atomic_load(sleepers), bell.value);
    publish(&writer, 1);
    CHECK(wakes(&topic) != bell.value, "the quick one sleeps on");
    free(slow);
    free(quick);
    free_topic(&topic);
}

static void the_wake_word_may_wrap_around(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, WRITER);
    RingReader *reader = make_reader(&topic, READER);
    atomic_store(&topic.ring.header->wake, UINT32_MAX - 3);
    atomic_store(&topic.ring.roster->sleepers, UINT32_MAX - 4);
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQ(wakes(&topic), (uint32_t)(UINT32_MAX - 3 + i));
        ring_arm(reader);
        publish(&writer, 1);
        publish(&writer, 1);
    }
    free(reader);
    free_topic(&topic);
}

/* Sleepers and publishers at once: whoever sleeps five seconds over news was forgotten. */
enum { SLEEPERS = 3, PUBLISHERS = 2, MESSAGES = 4000 };

typedef struct {
    Topic *topic;
    uint32_t slot;
} Seat;

static void *sleep_for_each(void *argument) {
    Seat *seat = argument;
    RingReader *reader = make_reader(seat->topic, seat->slot);
    CHECK_EQ(ring_seek_oldest(reader), RING_OK);
    while (reader->sequence <= PUBLISHERS * MESSAGES) {
        RingResult result = receive(reader);
        if (result == RING_EMPTY && ring_sleep(reader, INT64_C(5000000000)) == RING_TIMEOUT)
            CHECK(!ring_has_news(reader), "slept over message %" PRIu64, reader->sequence);
    }
    CHECK_EQ(reader->lost, 0);
    free(reader);
    return NULL;
}

static void *publish_each(void *argument) {
    Seat *seat = argument;
    RingWriter writer = make_writer(seat->topic, seat->slot);
    for (int i = 0; i < MESSAGES; i++) {
        RingResult result = ring_begin(&writer);
        while (result == RING_BUSY || result == RING_TIMEOUT)
            result = ring_begin_waiting(&writer, 10000000);
        CHECK_EQ(result, RING_OK);
        uint8_t payload[8];
        fill_payload(payload, writer.sequence, sizeof payload);
        CHECK_EQ(ring_append(&writer, payload, sizeof payload, 1), RING_OK);
        ring_flush(&writer);
        ring_end(&writer);
        if (i % 8 == 0) /* let them fall asleep now and then */
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    return NULL;
}

static void nobody_is_forgotten(void) {
    Topic topic = make_topic(PUBLISHERS * MESSAGES * 64, 64);
    pthread_t threads[SLEEPERS + PUBLISHERS];
    Seat seats[SLEEPERS + PUBLISHERS];
    for (uint32_t i = 0; i < SLEEPERS + PUBLISHERS; i++) {
        seats[i] = (Seat){&topic, i};
        CHECK_EQ(pthread_create(&threads[i], NULL, i < SLEEPERS ? sleep_for_each : publish_each,
                                &seats[i]),
                 0);
    }
    for (int i = 0; i < SLEEPERS + PUBLISHERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    free_topic(&topic);
}

int main(void) {
    a_publisher_wakes_only_when_someone_sleeps();
    a_reader_does_not_sleep_over_news();
    the_heir_wakes_whom_the_dead_did_not();
    a_late_word_does_not_hide_a_newer_one();
    the_wake_word_may_wrap_around();
    nobody_is_forgotten();
}

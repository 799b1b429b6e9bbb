/* Writers that wait for room, readers that come, go on and leave: nobody loses a message.
 *
 * Nothing here is overwritten while anybody may read it, so not even the payload's copies race.
 * tests/races builds this with plain copies, and ThreadSanitizer judges by the tail, the cursors and
 * the lock alone whether that is so.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "harness.h"

enum { WRITERS = 2, READERS = 3, SEATS = WRITERS + READERS, MESSAGES = 6000 };

typedef struct {
    Topic *topic;
    uint32_t slot;
    uint64_t leave_after;
} Seat;

static void wait_for_room(RingWriter *writer, uint64_t turn) {
    ring_end(writer);
    if (turn % 2) /* in turn, because sleeping orders more than spinning does */
        ring_spin_room(writer, 200000);
    else
        ring_sleep_room(writer, 20000000);
}

static void *write_on(void *argument) {
    Seat *seat = argument;
    RingWriter writer = make_writer(seat->topic, seat->slot);
    uint64_t seed = seat->slot, turn = 0;
    uint8_t payload[900];
    for (int i = 0; i < MESSAGES; i++) {
        uint64_t length = random_below(&seed, random_below(&seed, 8) ? 60 : sizeof payload);
        RingResult result = RING_FULL;
        while (result == RING_FULL) {
            result = ring_begin(&writer);
            while (result == RING_BUSY || result == RING_TIMEOUT)
                result = ring_begin_waiting(&writer, 10000000);
            CHECK_EQ(result, RING_OK);
            fill_payload(payload, writer.sequence, length);
            result = ring_append(&writer, payload, length, 1);
            if (result == RING_FULL)
                wait_for_room(&writer, turn++);
        }
        CHECK_EQ(result, RING_OK);
        ring_flush(&writer);
        ring_end(&writer);
    }
    return NULL;
}

/* Join while writers go on, and read to the end, or leave early. */
static void *read_on(void *argument) {
    Seat *seat = argument;
    Ring ring = seat->topic->ring;
    ring_join(&ring, seat->slot, ROSTER_SUBSCRIBER, 1, 1, 1, (char[ROSTER_NAME_BYTES]){"r"}, 0);
    RingReader *reader = make_reader(seat->topic, seat->slot);
    do
        CHECK_EQ(ring_seek_oldest(reader), RING_OK);
    while (ring_take_place(reader) == RING_LAPPED);
    while (reader->sequence <= WRITERS * MESSAGES && reader->messages < seat->leave_after) {
        RingResult result = receive(reader);
        if (result == RING_EMPTY)
            ring_sleep(reader, 1000000);
        else
            CHECK_EQ(result, RING_OK);
    }
    CHECK_EQ(reader->lost, 0);
    ring_leave(&ring, seat->slot);
    free(reader);
    return NULL;
}

static void nobody_loses_anything(uint64_t size) {
    Topic topic = make_topic_that(RING_BLOCK, size, 900);
    pthread_t threads[SEATS];
    Seat seats[SEATS];
    for (uint32_t i = 0; i < SEATS; i++) {
        seats[i] = (Seat){&topic, i, i == WRITERS ? MESSAGES / 3 : UINT64_MAX};
        CHECK_EQ(pthread_create(&threads[i], NULL, i < WRITERS ? write_on : read_on, &seats[i]), 0);
    }
    for (int i = 0; i < SEATS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    RingPlace tail;
    CHECK_EQ(ring_tail(&topic.ring, &tail), RING_OK);
    CHECK_EQ(tail.sequence, WRITERS * MESSAGES + 1);
    free_topic(&topic);
}

int main(void) {
    nobody_loses_anything(4096);
    nobody_loses_anything(20000);
}

/* Writers that die with the lock, again and again, while others write and read.
 *
 * Death is played by walking away from a RingWriter between two calls and saying so, as the kernel
 * does by dropping a lock; the same thread then goes on as another publisher. takeover.c dies at
 * each step in turn, with nobody else there.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "harness.h"

enum { WRITERS = 3, READERS = 2, RUN_MS = 1500, LONGEST = 700 };

typedef struct {
    Topic *topic;
    _Atomic uint32_t *dead; /* by slot: the word of the last one who died there */
    atomic_bool *stop;
    uint32_t slot;
    uint64_t count; /* messages published, or received and lost */
    uint64_t deaths;
} Seat;

static RingWriter begin_life(Seat *seat) {
    RingWriter writer;
    ring_writer_open(&writer, &seat->topic->ring, seat->slot, (uint32_t)++seat->deaths, false);
    return writer;
}

static void take_lock(Seat *seat, RingWriter *writer) {
    RingResult result = ring_begin(writer);
    while (result != RING_OK) {
        uint32_t seen = ring_lock_word(&writer->ring), word = seen & ~RING_LOCK_CONTENDED;
        int32_t slot = ring_lock_slot(seen);
        if (slot >= 0 && atomic_load_explicit(&seat->dead[slot], memory_order_relaxed) == word)
            result = ring_take_over(writer, seen);
        else
            result = ring_begin_waiting(writer, 1000000);
    }
}

static void *write_on(void *argument) {
    Seat *seat = argument;
    uint64_t seed = seat->slot;
    RingWriter writer = begin_life(seat);
    uint8_t payload[LONGEST], *place;
    while (!atomic_load(seat->stop)) {
        take_lock(seat, &writer);
        uint64_t length = random_below(&seed, LONGEST + 1);
        uint64_t step = random_below(&seed, 40);
        if (step == 1)
            CHECK_EQ(ring_reserve(&writer, length, &place), RING_OK);
        if (step == 2)
            CHECK_EQ(ring_append(&writer, "nobody reads this", 17, 1), RING_OK);
        if (step > 2) {
            fill_payload(payload, writer.sequence, length);
            CHECK_EQ(ring_append(&writer, payload, length, 1), RING_OK);
            ring_flush(&writer);
            seat->count++;
        }
        if (step <= 3) { /* dies here */
            atomic_store_explicit(&seat->dead[seat->slot], writer.word, memory_order_relaxed);
            writer = begin_life(seat);
        } else {
            ring_end(&writer);
        }
    }
    return NULL;
}

static void *read_on(void *argument) {
    Seat *seat = argument;
    RingReader *reader = make_reader(seat->topic, seat->slot);
    CHECK_EQ(ring_seek_sequence(reader, 1), RING_OK);
    for (;;) {
        bool last = atomic_load(seat->stop);
        uint64_t expected = reader->sequence;
        RingResult result = receive(reader);
        if (result == RING_OK)
            CHECK_EQ(reader->frame.sequence, expected);
        else if (result == RING_EMPTY && last)
            break;
        else if (result == RING_EMPTY)
            ring_sleep(reader, 1000000);
        else
            CHECK_EQ(result, RING_LAPPED);
    }
    seat->count = reader->messages + reader->lost;
    CHECK(reader->messages > 0, "nothing was received");
    free(reader);
    return NULL;
}

int main(void) {
    Topic topic = make_topic(16384, LONGEST);
    _Atomic uint32_t dead[WRITERS] = {0};
    atomic_bool stop_writing = false, stop_reading = false;
    Seat seats[WRITERS + READERS];
    pthread_t threads[WRITERS + READERS];
    for (int i = 0; i < WRITERS + READERS; i++) {
        bool writes = i < WRITERS;
        seats[i] = (Seat){&topic, dead, writes ? &stop_writing : &stop_reading, (uint32_t)i, 0, 0};
        CHECK_EQ(pthread_create(&threads[i], NULL, writes ? write_on : read_on, &seats[i]), 0);
    }
    nanosleep(&(struct timespec){RUN_MS / 1000, RUN_MS % 1000 * 1000000L}, NULL);
    atomic_store(&stop_writing, true);
    uint64_t published = 0, deaths = 0;
    for (int i = 0; i < WRITERS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        published += seats[i].count;
        deaths += seats[i].deaths;
    }
    atomic_store(&stop_reading, true);
    for (int i = WRITERS; i < WRITERS + READERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    RingPlace tail;
    CHECK_EQ(ring_tail(&topic.ring, &tail), RING_OK);
    CHECK_EQ(tail.sequence, published + 1);
    for (int i = WRITERS; i < WRITERS + READERS; i++)
        CHECK_EQ(seats[i].count, published);
    printf("%" PRIu64 " messages, %" PRIu64 " deaths\n", published, deaths);
    free_topic(&topic);
}

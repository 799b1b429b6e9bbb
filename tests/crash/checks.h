/* What must hold after a victim is gone, wherever it died. */
#ifndef PODRING_CRASH_CHECKS_H
#define PODRING_CRASH_CHECKS_H

#include "world.h"

#define TAKEOVER_NS INT64_C(2000000000) /* far above the slice, for busy machines */

static inline int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* One message, and the right one: by length, bytes and author. */
static inline RingResult hear(const World *world, RingReader *reader) {
    static uint8_t copy[65536];
    const uint8_t *payload;
    RingResult result = ring_next(reader, &payload);
    if (result == RING_LARGE) {
        result = ring_take(reader, copy);
        payload = copy;
    }
    if (result != RING_OK)
        return result;
    uint64_t sequence = reader->frame.sequence;
    CHECK_EQ(reader->frame.length, world->now->length[sequence % LENGTHS]);
    CHECK_EQ(reader->frame.publisher, world->now->author[sequence % LENGTHS]);
    CHECK_EQ(reader->frame.timestamp, 1000 + sequence);
    check_payload(payload, sequence, reader->frame.length);
    return RING_OK;
}

/* Every message from the reader's own next one to `last`, in order, and no other. */
static inline void hear_all(const World *world, RingReader *reader, uint64_t last) {
    for (uint64_t sequence = reader->sequence; sequence <= last; sequence++) {
        RingResult result = hear(world, reader);
        if (result == RING_LAPPED) /* sent on to the next lap, which loses nothing */
            result = hear(world, reader);
        CHECK_EQ(result, RING_OK);
        CHECK_EQ(reader->frame.sequence, sequence);
    }
    CHECK_EQ(hear(world, reader), RING_EMPTY);
    CHECK_EQ(reader->sequence, last + 1);
    CHECK_EQ(reader->lost, 0);
}

/* One who fell behind: each message is either received, in order, or counted as lost. */
static inline void hear_what_is_left(const World *world, RingReader *reader, uint64_t last) {
    uint64_t expected = reader->sequence, received = 0, before = reader->lost;
    RingResult result;
    while ((result = hear(world, reader)) != RING_EMPTY) {
        CHECK(result == RING_OK || result == RING_LAPPED, "result %d", result);
        received += result == RING_OK;
    }
    CHECK_EQ(reader->sequence, last + 1);
    CHECK_EQ(received + reader->lost - before, last + 1 - expected);
}

/* Subscribers that come now, from every place that can be asked for. */
static inline void come_late(const World *world, uint64_t last) {
    static RingReader reader;
    RingPlace oldest;
    CHECK_EQ(ring_reader_open(&reader, &world->ring, NEWCOMER), RING_OK);
    CHECK_EQ(ring_oldest(&world->ring, &oldest), RING_OK);
    for (uint64_t from = oldest.sequence; from <= last + 1; from++) {
        reader.lost = 0;
        CHECK_EQ(ring_seek_sequence(&reader, from), RING_OK);
        hear_all(world, &reader, last);
        CHECK_EQ(ring_seek_since(&reader, 1000 + from), RING_OK);
        CHECK_EQ(reader.sequence, from);
        CHECK_EQ(ring_seek_last(&reader, last + 1 - from), RING_OK);
        CHECK_EQ(reader.sequence, from);
    }
}

/* A publisher goes on: soon, and where the dead one's last commit was. */
static inline void go_on(World *world) {
    static const uint64_t lengths[] = {333, 0, 1201};
    uint64_t count = committed(world);
    int64_t started = now_ns();
    CHECK_EQ(say(world, &world->now->heir, lengths[0]), count + 1);
    int64_t took = now_ns() - started;
    CHECK(took < TAKEOVER_NS, "the next publisher waited %" PRId64 " ns", took);
    if (took > atomic_load(world->slowest_ns))
        atomic_store(world->slowest_ns, took);
    for (int i = 1; i < 3; i++)
        CHECK_EQ(say(world, &world->now->heir, lengths[i]), count + 1 + (uint64_t)i);
    CHECK_EQ(ring_lock_word(&world->ring), 0);
}

/* Sleepers that are no more cost one vain wake-up, and never another. */
static inline void wake_nobody(World *world) {
    say(world, &world->now->heir, 40); /* the vain one */
    uint32_t before = atomic_load(&world->ring.header->wake);
    for (int i = 0; i < 20; i++)
        say(world, &world->now->heir, 40);
    CHECK_EQ(atomic_load(&world->ring.header->wake), before);
}

/* The dead one's entry can be had again, and whoever gets it can publish. */
static inline void take_the_entry(World *world) {
    CHECK(!is_alive(world->roster_fd, VICTIM), "the dead one's lock lives");
    CHECK(set_lock(world->roster_fd, VICTIM, F_WRLCK), "the entry is taken");
    become(world, VICTIM, ROSTER_PUBLISHER);
    RingWriter writer;
    ring_writer_open(&writer, &world->ring, VICTIM, 79, false);
    uint64_t count = committed(world);
    CHECK_EQ(say(world, &writer, 100), count + 1);
    ring_writer_close(&writer);
    CHECK(set_lock(world->roster_fd, VICTIM, F_UNLCK), "its lock stays");
}

#endif

/* The state from which a scenario starts, again and again. */
#ifndef PODRING_CRASH_PREPARE_H
#define PODRING_CRASH_PREPARE_H

#include "company.h"

static inline RingWriter *next_author(World *world, const Scenario *scenario) {
    return scenario->cold ? &world->now->heir : &world->now->victim;
}

/* Some history, of two publishers, that ends where the scenario wants to begin. */
static inline void fill_history(World *world, const Scenario *scenario) {
    Players *now = world->now;
    for (int n = 0; n < 10000; n++) {
        if (n >= 40 && (scenario->ready ? scenario->ready : somewhere_plain)(world))
            return;
        say(world, &now->heir, random_below(&now->random, n % 5 ? 300 : 1500));
        say(world, next_author(world, scenario), random_below(&now->random, 60));
        hear_all(world, &now->witness, committed(world));
        if (scenario->blocks)
            hear_all(world, &now->laggard, committed(world));
        else if (n == 30)
            CHECK_EQ(ring_seek_latest(&now->laggard), RING_OK);
    }
    CHECK(false, "no such place in the ring: %s", scenario->name);
}

/* What the victim will send, if it gets that far. */
static inline void write_payloads(World *world, const Scenario *scenario, uint32_t slot) {
    uint64_t first = committed(world) + 1;
    for (uint32_t n = 0; n < scenario->messages; n++) {
        fill_payload(payloads[n], first + n, scenario->lengths[n]);
        expect_message(world, first + n, scenario->lengths[n], slot);
    }
}

/* Until one of the subscribers, who reads no more, leaves no room. */
static inline void fill_the_ring(World *world, RingReader *slow) {
    Players *now = world->now;
    do {
        hear_all(world, &now->witness, committed(world));
        if (slow != &now->laggard)
            hear_all(world, &now->laggard, committed(world));
    } while (try_to_say(world, &now->heir, 1400));
}

static inline void prepare_reader(World *world, const Scenario *scenario) {
    Players *now = world->now;
    become(world, VICTIM, ROSTER_SUBSCRIBER);
    CHECK_EQ(ring_reader_open(&now->reader, &world->ring, VICTIM), RING_OK);
    if (scenario->joins) {
        Ring ring = world->ring;
        ring_leave(&ring, VICTIM);
        return;
    }
    CHECK_EQ(ring_take_place(&now->reader), RING_OK);
    if (scenario->full) {
        /* Somebody has to live in that entry meanwhile. */
        int alive = shm_open(world->roster_name, O_RDWR, 0);
        CHECK(set_lock(alive, VICTIM, F_WRLCK), "the entry is taken");
        fill_the_ring(world, &now->reader);
        close(alive);
        return;
    }
    if (scenario->woken || scenario->asleep)
        return; /* there is nothing new */
    if (scenario->cold) {
        CHECK_EQ(ring_seek_oldest(&now->reader), RING_OK);
        for (int n = 0; n < 20; n++)
            say(world, &now->heir, 1400); /* over what it wanted to read */
        now->laggard.lost = 0;
    }
    say(world, &now->heir, 100);
    say(world, &now->heir, 4500); /* one that is copied straight to where it is wanted */
    say(world, &now->heir, 200);
    hear_what_is_left(world, &now->witness, committed(world));
    now->witness.lost = 0; /* from here on it keeps up */
}

static inline void prepare(World *world, const Scenario *scenario) {
    Players *now = world->now;
    now->witness.lost = now->laggard.lost = 0;
    become(world, VICTIM, ROSTER_PUBLISHER);
    ring_writer_open(&now->victim, &world->ring, VICTIM, 78, false);
    CHECK_EQ(ring_seek_latest(&now->witness), RING_OK);
    if (scenario->blocks)
        CHECK_EQ(ring_seek_latest(&now->laggard), RING_OK);
    ring_report(&now->witness);
    ring_report(&now->laggard);
    fill_history(world, scenario);
    if (scenario->exclusive && !scenario->joins) {
        ring_writer_open(&now->victim, &world->ring, VICTIM, 79, true);
        CHECK_EQ(ring_begin(&now->victim), RING_OK);
        ring_end(&now->victim);
    }
    if (scenario->joins) {
        Ring ring = world->ring;
        ring_leave(&ring, VICTIM);
    }
    if (scenario->reads)
        prepare_reader(world, scenario);
    else if (scenario->full)
        fill_the_ring(world, &now->laggard);
    write_payloads(world, scenario, VICTIM);
}

#endif

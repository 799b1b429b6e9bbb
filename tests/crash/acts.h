/* What the victims do while they are watched, each as the binding has the core do it. */
#ifndef PODRING_CRASH_ACTS_H
#define PODRING_CRASH_ACTS_H

#include "world.h"

/* A victim's own: nothing of it is shared with the driver but what lies in the topic. */
typedef struct {
    World *world;
    RingWriter *writer;
    RingReader *reader;
    int roster_fd;
    const struct Scenario *scenario;
} Victim;

enum { PAYLOADS = 5, PAYLOAD_BYTES = 8192 };
static uint8_t payloads[PAYLOADS][PAYLOAD_BYTES]; /* filled before the victim begins */

typedef void Act(Victim *victim);

typedef struct Scenario {
    const char *name;
    Act *act;
    bool (*ready)(const World *world); /* where in the ring it happens; NULL: anywhere plain */
    uint32_t lengths[PAYLOADS];        /* of what a publisher sends */
    uint32_t messages;
    bool cold;      /* another one published last */
    bool exclusive; /* holds the lock all the time */
    bool joins;     /* takes its entry itself, while watched */
    bool heirs;     /* finds the lock with somebody dead */
    bool sleeper;   /* a subscriber sleeps meanwhile */
    bool waiter;    /* a publisher waits for the lock meanwhile */
    bool reads;     /* is a subscriber */
    bool woken;     /* falls asleep, and is woken by a message */
    bool asleep;    /* falls asleep, and is killed there */
    bool blocks;    /* in a `block` topic */
    bool full;      /* whose ring is full */
} Scenario;

/* ---- publishers ---- */

static void append(Victim *victim, uint32_t n) {
    RingWriter *writer = victim->writer;
    ring_append(writer, payloads[n], victim->scenario->lengths[n], 1000 + writer->sequence);
}

static void act_publish(Victim *victim) {
    if (hold_lock(victim->writer, victim->roster_fd) != RING_OK)
        return;
    append(victim, 0);
    ring_flush(victim->writer);
    ring_end(victim->writer);
}

/* As Writer.wait_for_room: until subscribers have read on. */
static void act_wait_for_room(Victim *victim) {
    RingWriter *writer = victim->writer;
    if (hold_lock(writer, victim->roster_fd) != RING_OK)
        return;
    while (ring_append(writer, payloads[0], victim->scenario->lengths[0],
                       1000 + writer->sequence) == RING_FULL) {
        ring_end(writer);
        ring_report_wait(writer, 5);
        if (!ring_has_room(writer))
            ring_sleep_room(writer, -1);
        ring_report_wait(writer, 0);
        if (hold_lock(writer, victim->roster_fd) != RING_OK)
            return;
    }
    ring_flush(writer);
    ring_end(writer);
}

/* As append_all in _ring.pyx: in portions. */
static void act_publish_many(Victim *victim) {
    RingWriter *writer = victim->writer;
    if (hold_lock(writer, victim->roster_fd) != RING_OK)
        return;
    for (uint32_t n = 0; n < victim->scenario->messages; n++) {
        append(victim, n);
        if (writer->head - writer->tail >= writer->ring.capacity / 8)
            ring_flush(writer);
    }
    ring_flush(writer);
    ring_end(writer);
}

static void lend(Victim *victim, uint64_t lent, bool commit) {
    RingWriter *writer = victim->writer;
    uint8_t *place;
    uint64_t length = victim->scenario->lengths[0];
    if (hold_lock(writer, victim->roster_fd) != RING_OK ||
        ring_reserve(writer, lent, &place) != RING_OK)
        return;
    memcpy(place, payloads[0], length);
    if (commit)
        ring_commit(writer, length, 1000 + writer->sequence);
    ring_end(writer);
}

static void act_loan(Victim *victim) {
    lend(victim, victim->scenario->lengths[0], true);
}
static void act_truncated_loan(Victim *victim) {
    lend(victim, 6000, true);
}
static void act_dropped_loan(Victim *victim) {
    lend(victim, 6000, false);
}

/* As roster.join and Writer.__init__: attach, lock, fill in the entry, and go on with the lock if
 * whoever had the entry before died with it. */
static void act_join(Victim *victim) {
    const World *world = victim->world;
    RingPlan plan = world->plan;
    Ring ring;
    int fd = shm_open(world->ring_name, O_RDWR, 0);
    victim->roster_fd = shm_open(world->roster_name, O_RDWR, 0);
    void *bytes = mmap(NULL, plan.ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *roster =
        mmap(NULL, plan.roster_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, victim->roster_fd, 0);
    close(fd);
    if (ring_map(&ring, bytes, plan.ring_bytes, roster, plan.roster_bytes) != RING_OK ||
        !set_lock(victim->roster_fd, VICTIM, F_WRLCK))
        return;
    ring_join(&ring, VICTIM, ROSTER_PUBLISHER, 1, 0, 1, "0123456789abcdef0123456789abcde", 0);
    ring_writer_open(victim->writer, &ring, VICTIM, 80, victim->scenario->exclusive);
    uint32_t seen = ring_lock_word(&ring);
    if (ring_lock_slot(seen) == VICTIM) {
        ring_take_over(victim->writer, seen);
        ring_end(victim->writer);
    }
    act_publish(victim);
}

static void act_leave(Victim *victim) {
    ring_writer_close(victim->writer);
    set_lock(victim->roster_fd, VICTIM, F_UNLCK);
    close(victim->roster_fd);
}

/* ---- subscribers ---- */

static uint8_t received[PAYLOAD_BYTES];

static RingResult read_one(Victim *victim) {
    const uint8_t *payload;
    RingResult result = ring_next(victim->reader, &payload);
    if (result == RING_LARGE)
        result = ring_take(victim->reader, received);
    return result;
}

static void act_receive(Victim *victim) {
    while (read_one(victim) == RING_OK)
        ;
}

static void act_view(Victim *victim) {
    const uint8_t *payload;
    while (ring_peek(victim->reader, &payload) == RING_OK)
        memcpy(received, payload, 8);
}

static void act_receive_behind(Victim *victim) {
    while (read_one(victim) == RING_LAPPED)
        ;
}

static void act_sleep(Victim *victim) {
    while (read_one(victim) != RING_OK)
        ring_sleep(victim->reader, -1);
    ring_report(victim->reader);
}

static void act_subscribe(Victim *victim) {
    const World *world = victim->world;
    Ring ring = world->ring;
    if (!set_lock(victim->roster_fd, VICTIM, F_WRLCK))
        return;
    ring_join(&ring, VICTIM, ROSTER_SUBSCRIBER, 1, 0, 1, "0123456789abcdef0123456789abcde", 0);
    if (ring_reader_open(victim->reader, &ring, VICTIM) != RING_OK)
        return;
    ring_report(victim->reader);
    do
        ring_seek_last(victim->reader, 3);
    while (ring_take_place(victim->reader) != RING_OK);
    act_receive(victim);
}

static void act_hold_a_view(Victim *victim) {
    const uint8_t *payload;
    while (ring_peek(victim->reader, &payload) == RING_OK) {
        ring_hold(victim->reader, victim->reader->frame.position);
        memcpy(received, payload, 8);
        ring_hold(victim->reader, RING_NOWHERE);
    }
}

static void act_unsubscribe(Victim *victim) {
    Ring ring = victim->reader->ring;
    ring_report(victim->reader);
    ring_leave(&ring, VICTIM);
    set_lock(victim->roster_fd, VICTIM, F_UNLCK);
    close(victim->roster_fd);
}

#endif

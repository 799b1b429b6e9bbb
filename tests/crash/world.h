/* A topic as several containers share it: two objects in /dev/shm, an entry and an OFD lock each.
 *
 * `save` and `restore` put everything back to where it was, so that a victim can be killed at its
 * first instruction, at its second, and so on, from the same state each time.
 */
#ifndef PODRING_CRASH_WORLD_H
#define PODRING_CRASH_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "stepper.h"

/* The first subscriber's entry comes before the publishers': joining must pass it by. */
enum { WITNESS = 0, VICTIM = 1, HEIR = 2, LAGGARD = 3, NEWCOMER = 4, OTHER = 5, DEAD = 6 };

#define LENGTHS 4096
#define SLICE_NS 500000 /* the binding waits 10 ms at a time; here that would be hours */

typedef struct {
    RingWriter heir, victim, dead;
    RingReader witness;       /* keeps up */
    RingReader laggard;       /* does not */
    RingReader reader;        /* the victim's, when it is a subscriber */
    uint32_t length[LENGTHS]; /* of each message, by sequence */
    uint16_t author[LENGTHS];
    uint64_t random;
} Players;

typedef struct {
    char ring_name[64], roster_name[64];
    RingPlan plan;
    uint8_t *bytes, *roster;
    int roster_fd;
    Ring ring;
    Stage *stage;
    _Atomic int64_t *slowest_ns; /* so long the next publisher waited at most */
    Players *now, *saved;
    uint8_t *saved_bytes, *saved_roster;
    bool containers; /* each process is the first of a PID namespace of its own */
} World;

static inline void *map_object(const char *name, uint64_t length, int *fd) {
    *fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(*fd >= 0 && ftruncate(*fd, (off_t)length) == 0, "%s: %s", name, strerror(errno));
    void *place = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    CHECK(place != MAP_FAILED, "%s", name);
    return place;
}

static inline bool set_lock(int fd, uint32_t slot, short kind) {
    struct flock lock = {.l_type = kind,
                         .l_whence = SEEK_SET,
                         .l_start = RING_PAGE + slot * ROSTER_ENTRY_BYTES,
                         .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Whether somebody else holds the lock on an entry. */
static inline bool is_alive(int fd, uint32_t slot) {
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = RING_PAGE + slot * ROSTER_ENTRY_BYTES,
                         .l_len = 1};
    CHECK(fcntl(fd, F_OFD_GETLK, &lock) == 0, "%s", strerror(errno));
    return lock.l_type != F_UNLCK;
}

static inline void become(const World *world, uint32_t slot, uint32_t role) {
    Ring ring = world->ring;
    ring_join(&ring, slot, role, 1, 0, 1, "0123456789abcdef0123456789abcde", 0);
}

static inline void open_players(World *world) {
    Players *now = world->now;
    become(world, WITNESS, ROSTER_SUBSCRIBER);
    become(world, VICTIM, ROSTER_PUBLISHER);
    become(world, HEIR, ROSTER_PUBLISHER);
    become(world, LAGGARD, ROSTER_SUBSCRIBER);
    ring_writer_open(&now->heir, &world->ring, HEIR, 77, false);
    ring_writer_open(&now->victim, &world->ring, VICTIM, 78, false);
    CHECK_EQ(ring_reader_open(&now->witness, &world->ring, WITNESS), RING_OK);
    CHECK_EQ(ring_reader_open(&now->laggard, &world->ring, LAGGARD), RING_OK);
    CHECK_EQ(ring_reader_open(&now->reader, &world->ring, VICTIM), RING_OK);
    CHECK_EQ(ring_take_place(&now->witness), RING_OK);
    CHECK_EQ(ring_take_place(&now->laggard), RING_OK);
}

static inline void make_world(World *world, uint64_t size, uint64_t max_message,
                              uint32_t overflow) {
    snprintf(world->ring_name, sizeof world->ring_name, "/podring-crash-%d.ring", (int)getpid());
    snprintf(world->roster_name, sizeof world->roster_name, "/podring-crash-%d.roster",
             (int)getpid());
    world->plan = ring_plan(size, max_message, overflow);
    int ring_fd;
    world->bytes = map_object(world->ring_name, world->plan.ring_bytes, &ring_fd);
    world->roster = map_object(world->roster_name, world->plan.roster_bytes, &world->roster_fd);
    close(ring_fd);
    ring_format(world->bytes, world->roster,
                &(RingOptions){.name = "crash",
                               .size = size,
                               .max_message = max_message,
                               .generation = 7,
                               .created = 8,
                               .overflow = overflow});
    CHECK_EQ(ring_map(&world->ring, world->bytes, world->plan.ring_bytes, world->roster,
                      world->plan.roster_bytes),
             RING_OK);
    for (uint32_t slot = WITNESS; slot <= LAGGARD; slot++)
        CHECK(slot == VICTIM || set_lock(world->roster_fd, slot, F_WRLCK), "slot %u", slot);
    world->stage = mmap(NULL, RING_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    world->slowest_ns = (_Atomic int64_t *)(world->stage + 16);
    world->now = aligned_alloc(64, (sizeof(Players) + 63) / 64 * 64);
    world->saved = aligned_alloc(64, (sizeof(Players) + 63) / 64 * 64);
    memset(world->now, 0, sizeof *world->now);
    world->now->random = 5;
    world->saved_bytes = malloc(world->plan.ring_bytes);
    world->saved_roster = malloc(world->plan.roster_bytes);
    open_players(world);
}

static inline void remove_world(World *world) {
    shm_unlink(world->ring_name);
    shm_unlink(world->roster_name);
    munmap(world->bytes, world->plan.ring_bytes);
    munmap(world->roster, world->plan.roster_bytes);
    munmap(world->stage, RING_PAGE);
    close(world->roster_fd);
    free(world->now);
    free(world->saved);
    free(world->saved_bytes);
    free(world->saved_roster);
}

static inline void save(World *world) {
    memcpy(world->saved_bytes, world->bytes, world->plan.ring_bytes);
    memcpy(world->saved_roster, world->roster, world->plan.roster_bytes);
    memcpy(world->saved, world->now, sizeof *world->now);
}

static inline void restore(World *world) {
    memcpy(world->bytes, world->saved_bytes, world->plan.ring_bytes);
    memcpy(world->roster, world->saved_roster, world->plan.roster_bytes);
    memcpy(world->now, world->saved, sizeof *world->now);
    memset(world->stage, 0, sizeof *world->stage);
}

/* ---- what the binding does beside the core ---- */

/* As Writer.begin_slowly in _ring.pyx: wait a little, and take over from the dead. */
static inline RingResult hold_lock(RingWriter *writer, int roster_fd) {
    RingResult result = ring_begin(writer);
    while (result == RING_BUSY || result == RING_HELD || result == RING_TIMEOUT) {
        if (result == RING_BUSY)
            result = ring_begin_waiting(writer, SLICE_NS);
        if (result == RING_OK || result == RING_CLOSED || result == RING_CORRUPT)
            break;
        uint32_t seen = ring_lock_word(&writer->ring);
        int32_t holder = ring_lock_slot(seen);
        if (holder >= 0 && !is_alive(roster_fd, (uint32_t)holder))
            result = ring_take_over(writer, seen);
        else
            result = ring_begin(writer);
    }
    return result;
}

/* Remember what a message will be, so that readers can be checked against it. */
static inline void expect_message(World *world, uint64_t sequence, uint64_t length, uint32_t slot) {
    world->now->length[sequence % LENGTHS] = (uint32_t)length;
    world->now->author[sequence % LENGTHS] = (uint16_t)slot;
}

/* As Writer.judge_the_slow: whoever holds this publisher up and is dead does so no longer. */
static inline uint32_t drop_the_dead(RingWriter *writer, int roster_fd) {
    uint32_t dropped = 0;
    for (uint32_t slot = 0; slot < DEAD; slot++) {
        if (!ring_is_slow(writer, slot) || slot != VICTIM || is_alive(roster_fd, slot))
            continue; /* only the victim may be dead: the others' locks are the driver's own */
        ring_leave(&writer->ring, slot);
        dropped++;
    }
    return dropped;
}

/* Publish, or give the lock back and return false when living subscribers leave no room. */
static inline bool try_to_say(World *world, RingWriter *writer, uint64_t length) {
    static uint8_t payload[65536];
    CHECK_EQ(hold_lock(writer, world->roster_fd), RING_OK);
    uint64_t sequence = writer->sequence;
    fill_payload(payload, sequence, length);
    while (ring_append(writer, payload, length, 1000 + sequence) == RING_FULL) {
        ring_end(writer);
        if (!drop_the_dead(writer, world->roster_fd))
            return false;
        CHECK_EQ(hold_lock(writer, world->roster_fd), RING_OK);
    }
    ring_flush(writer);
    ring_end(writer);
    expect_message(world, sequence, length, writer->slot);
    return true;
}

static inline uint64_t say(World *world, RingWriter *writer, uint64_t length) {
    CHECK(try_to_say(world, writer, length), "subscribers leave no room for %" PRIu64, length);
    return writer->sequence - 1;
}

static inline uint64_t committed(const World *world) {
    RingPlace tail;
    CHECK_EQ(ring_tail(&world->ring, &tail), RING_OK);
    return tail.sequence - 1;
}

#endif

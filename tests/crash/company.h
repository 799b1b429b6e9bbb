/* The processes of a scenario: the victim, and who waits or sleeps meanwhile. */
#ifndef PODRING_CRASH_COMPANY_H
#define PODRING_CRASH_COMPANY_H

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "checks.h"
#include "scenarios.h"

/* What the last message of `go_on` is known by. */
#define LAST_LENGTH 1201
#define WAITERS_LENGTH 77

/* A child: in containers, process 1 of its own namespace. Nobody outlives the driver. */
static inline pid_t start_child(const World *world) {
    pid_t child = world->containers
                      ? (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL)
                      : fork();
    CHECK(child >= 0, "no child: %s", strerror(errno));
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        CHECK(!world->containers || getpid() == 1, "process %d", (int)getpid());
    }
    return child;
}

static inline void must_end_well(pid_t child, const char *who) {
    int status;
    int64_t deadline = now_ns() + 10 * TAKEOVER_NS;
    while (waitpid(child, &status, WNOHANG) == 0) {
        CHECK(now_ns() < deadline, "%s waits for ever", who);
        sched_yield();
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with %x", who, (unsigned)status);
}

/* Not inline: each victim has to take the way that the first one was followed on. */
__attribute__((noinline)) static pid_t start_victim(World *world, const Scenario *scenario,
                                                    uint32_t slot) {
    pid_t child = start_child(world);
    if (child)
        return child;
    Victim victim = {
        .world = world,
        .writer = slot == DEAD ? &world->now->dead : &world->now->victim,
        .reader = &world->now->reader,
        .scenario = scenario,
        .roster_fd = shm_open(world->roster_name, O_RDWR, 0),
    };
    close(world->roster_fd); /* the others' lives are not ours */
    if (!scenario->joins && !set_lock(victim.roster_fd, slot, F_WRLCK))
        _exit(9);
    offer_oneself();
    atomic_store(&world->stage->begun, 1);
    scenario->act(&victim);
    atomic_store(&world->stage->ended, 1);
    _exit(0);
}

/* A subscriber that sleeps between messages, until the last one of `go_on`. */
static inline pid_t start_sleeper(World *world) {
    pid_t child = start_child(world);
    if (child) {
        while (!sleeps_in_kernel(child) ||
               atomic_load(&world->ring.roster->sleepers) != atomic_load(&world->ring.header->wake))
            sched_yield();
        return child;
    }
    RingReader *reader = &world->now->witness;
    for (;;) {
        RingResult result = receive(reader); /* and checks the bytes */
        CHECK(result == RING_OK || result == RING_EMPTY, "result %d", result);
        atomic_store(&world->stage->heard, reader->sequence - 1);
        if (result == RING_OK && reader->frame.length == LAST_LENGTH)
            _exit(0);
        if (result == RING_EMPTY)
            ring_sleep(reader, -1);
    }
}

/* Who published all it had to, and said so by ending, has woken everybody. */
static inline void must_be_woken(const World *world, uint64_t last) {
    int64_t deadline = now_ns() + TAKEOVER_NS;
    while (atomic_load(&world->stage->heard) < last) {
        CHECK(now_ns() < deadline, "a subscriber sleeps over message %" PRIu64, last);
        sched_yield();
    }
}

/* A publisher that comes while somebody else has the lock. */
static inline pid_t start_waiter(World *world) {
    pid_t child = start_child(world);
    if (child) {
        while (!(ring_lock_word(&world->ring) & RING_LOCK_CONTENDED))
            sched_yield();
        return child;
    }
    RingWriter writer;
    world->roster_fd = shm_open(world->roster_name, O_RDWR, 0);
    CHECK(set_lock(world->roster_fd, OTHER, F_WRLCK), "no entry for the one that waits");
    ring_writer_open(&writer, &world->ring, OTHER, 81, false);
    say(world, &writer, WAITERS_LENGTH);
    _exit(0);
}

#endif

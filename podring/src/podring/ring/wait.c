/* Waiting: spin for a bounded time, then sleep in the kernel; and waking those who sleep. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core.h"

static long futex(const _Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout) {
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static struct timespec to_timespec(int64_t ns) {
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Wait while *word is `value`. Never FUTEX_PRIVATE_FLAG: the others are other processes. */
RingResult futex_wait(const _Atomic uint32_t *word, uint32_t value, int64_t timeout_ns) {
    struct timespec timeout = to_timespec(timeout_ns);
    if (futex(word, FUTEX_WAIT, value, timeout_ns < 0 ? NULL : &timeout) == 0)
        return RING_OK;
    return errno == EINTR ? RING_INTERRUPTED : errno == ETIMEDOUT ? RING_TIMEOUT : RING_OK;
}

void futex_wake(const _Atomic uint32_t *word, int count) {
    futex(word, FUTEX_WAKE, (uint32_t)count, NULL);
}

/* Wake everybody who sleeps for news. A subscriber reads `wake`, says that it sleeps on that value,
 * looks at tail and then sleeps, so one who comes in between goes on at once.
 *
 * Moving `wake` and waking is one system call: a publisher that was killed between the two would
 * leave sleepers behind whom nobody believes to sleep. */
void wake_sleepers(const Ring *ring) {
    _Atomic uint32_t *wake = &ring->header->wake;
    uint32_t add_one = FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0);
    if (syscall(SYS_futex, wake, FUTEX_WAKE_OP, INT32_MAX, NULL, wake, add_one) >= 0)
        return;
    /* A sandbox that emulates futex without this operation. */
    atomic_fetch_add_explicit(wake, 1, memory_order_seq_cst);
    futex_wake(wake, INT32_MAX);
}

bool anyone_sleeps(const Ring *ring) {
    uint32_t sleepers = load_relaxed(&ring->roster->sleepers);
    return (int32_t)(sleepers - load_relaxed(&ring->header->wake)) >= 0;
}

void ring_wake_all(Ring *ring) {
    wake_sleepers(ring);
}

void ring_wake_waiters(const Ring *ring) {
    futex_wake(&ring->header->wake, INT32_MAX);
    futex_wake(&ring->header->lock, INT32_MAX);
}

void ring_mark_deleted(Ring *ring) {
    atomic_store_explicit(&ring->header->state, RING_DELETED, memory_order_seq_cst);
    wake_sleepers(ring);
    futex_wake(&ring->header->lock, INT32_MAX);
    wake_publishers(ring);
}

bool ring_has_news(const RingReader *reader) {
    return reader->run_at != reader->run_end ||
           load_acquire(&reader->ring.header->tail) != reader->cursor;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* The next frame is on its way while the caller finds out what to do with it: a tenth of a round
 * trip. Not before there is one: that would take the lines from the publisher that fills them. */
static inline void prefetch_next(const RingReader *reader) {
    const uint8_t *next = reader->ring.data + reader->cursor % reader->ring.capacity;
    __builtin_prefetch(next);
    __builtin_prefetch(next + 64);
}

bool ring_poll(const RingReader *reader, uint32_t times) {
    for (uint32_t i = 0; i < times; i++) {
        if (ring_has_news(reader)) {
            prefetch_next(reader);
            return true;
        }
        if (i % 4 == 3) /* a pause takes as long as several looks */
            pause_briefly();
    }
    return false;
}

#define GATHER_NS 2000    /* the longest that a message may wait for others */
#define GATHER_GAP 500    /* ns between two messages of a stream that is worth it */
#define GATHER_BYTES 4096 /* of news: with more than that it is not at the publisher's heels */
#define GATHER_RING 65536 /* a smaller ring may be written over meanwhile */

void ring_gather(RingReader *reader) {
    uint64_t count = reader->messages - reader->gathered;
    uint64_t time = reader->frame.timestamp - reader->gathered_at;
    reader->gathered = reader->messages;
    reader->gathered_at = reader->frame.timestamp;
    if (!count || time >= count * GATHER_GAP || reader->ring.capacity < GATHER_RING)
        return;
    uint64_t news = load_relaxed(&reader->ring.header->tail) - reader->cursor;
    if (!news || news > GATHER_BYTES)
        return;
    for (int64_t start = now_ns(); now_ns() - start < GATHER_NS;)
        pause_briefly();
}

#define SPIN_ROUNDS 128 /* looks between two at the clock, about a microsecond */
#define SPIN_ALONE 4000 /* ns after which the other side may well wait for this very core */

RingResult ring_spin(const RingReader *reader, int64_t ns, const _Atomic uint32_t *stop) {
    int64_t start = now_ns();
    for (;;) {
        if (ring_poll(reader, SPIN_ROUNDS))
            return RING_OK;
        int64_t spent = now_ns() - start;
        if (spent >= ns || load_relaxed(stop))
            return RING_TIMEOUT;
        if (spent >= SPIN_ALONE)
            sched_yield();
    }
}

RingBell ring_arm(RingReader *reader) {
    const Ring *ring = &reader->ring;
    RingBell bell = {.word = &ring->header->wake, .value = load_acquire(&ring->header->wake)};
    /* R4 sleep: said before tail is looked at; see wake_sleepers. Never moved back: somebody may
     * sleep on a later value already. */
    uint32_t said = load_relaxed(&ring->roster->sleepers);
    while ((int32_t)(bell.value - said) > 0 &&
           !atomic_compare_exchange_weak_explicit(&ring->roster->sleepers, &said, bell.value,
                                                  memory_order_seq_cst, memory_order_relaxed)) {
    }
    atomic_thread_fence(memory_order_seq_cst);
    return bell;
}

RingResult ring_sleep(RingReader *reader, int64_t timeout_ns) {
    RingBell bell = ring_arm(reader);
    if (ring_has_news(reader) || ring_state(&reader->ring) != RING_OPEN)
        return RING_OK;
    RingResult result = futex_wait(bell.word, bell.value, timeout_ns);
    if (result == RING_OK) { /* while the caller takes the GIL again */
        __builtin_prefetch(&reader->ring.header->tail);
        prefetch_next(reader);
    }
    return result;
}

/* FUTEX2 as of Linux 5.16; older headers do not have it. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
typedef struct {
    uint64_t value;
    uint64_t address;
    uint32_t flags; /* 2: a 32-bit word, shared between processes */
    uint32_t reserved;
} WaitEntry;

#define POLL_NS 5000000

RingResult ring_sleep_any(const RingBell *bells, uint32_t count, int64_t timeout_ns) {
    WaitEntry entries[RING_BELLS_MAX];
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (WaitEntry){bells[i].value, (uintptr_t)bells[i].word, 2, 0};
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &now);
    until = to_timespec(now.tv_sec * 1000000000 + now.tv_nsec + timeout_ns);
    long woken = syscall(SYS_futex_waitv, entries, count, 0, timeout_ns < 0 ? NULL : &until,
                         CLOCK_MONOTONIC);
    if (woken >= 0 || errno == EAGAIN)
        return RING_OK;
    if (errno == EINTR || errno == ETIMEDOUT)
        return errno == EINTR ? RING_INTERRUPTED : RING_TIMEOUT;
    /* An older kernel, or a sandbox that forbids the call: look again every few milliseconds. */
    bool brief = timeout_ns < 0 || timeout_ns > POLL_NS;
    return futex_wait(bells[0].word, bells[0].value, brief ? POLL_NS : timeout_ns);
}

void ring_ring_bell(_Atomic uint32_t *word) {
    atomic_fetch_add_explicit(word, 1, memory_order_seq_cst);
    futex_wake(word, INT32_MAX);
}

RingResult ring_spin_room(RingWriter *writer, int64_t ns) {
    /* For an eighth of the ring, as a sleeper does: at a subscriber's heels every message would cost
     * both of them the lines that they write. */
    for (int64_t start = now_ns(); now_ns() - start < ns;) {
        if (has_room_for(writer, writer->ring.capacity / 8))
            return RING_OK;
        for (int i = 0; i < 32; i++) /* the subscriber needs the line that is looked at */
            pause_briefly();
    }
    return ring_has_room(writer) ? RING_OK : RING_TIMEOUT;
}

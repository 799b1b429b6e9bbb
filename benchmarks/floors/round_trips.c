/* Round trips: of one word, and of a message in a ring of its own for each direction. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "floors.h"

#define STOP UINT32_MAX
#define ROUNDS_TIMED 50 /* cache-line rounds between two looks at the clock */
#define TIMES_MAX (1 << 16)

static double times[TIMES_MAX];

static uint32_t spin_until(Word *word, uint32_t wanted) {
    uint32_t seen;
    while ((seen = atomic_load_explicit(&word->value, memory_order_acquire)) != wanted &&
           seen != STOP)
        relax();
    return seen;
}

static void answer_spinning(Work *work) {
    Word *word = &work->shared->there;
    for (uint32_t n = 1; spin_until(word, n) != STOP; n += 2)
        atomic_store_explicit(&word->value, n + 1, memory_order_release);
}

double cacheline(Work *work) {
    Word *word = &work->shared->there;
    start(answer_spinning, work);
    uint64_t until = now_ns() + work->length_ns;
    uint32_t n = 1;
    int count = 0;
    for (uint64_t began = now_ns(), ended; count < TIMES_MAX && began < until; began = ended) {
        for (int i = 0; i < ROUNDS_TIMED; i++, n += 2) {
            atomic_store_explicit(&word->value, n, memory_order_release);
            spin_until(word, n + 1);
        }
        ended = now_ns();
        times[count++] = (double)(ended - began) / ROUNDS_TIMED;
    }
    atomic_store(&word->value, STOP);
    return median(times, count);
}

enum { HEADER = 32, MESSAGE = 64, FRAME = HEADER + MESSAGE, PLACES = 512 };

/* What any ring must do: the message and a header into a frame, and then one word that shows it. */
static void send(Work *work, Word *tail, int ring, uint32_t n, const uint8_t *message) {
    uint8_t *frame = work->data + (ring * PLACES + n % PLACES) * FRAME;
    const uint64_t header[HEADER / 8] = {n, n, n, MESSAGE};
    memcpy(frame, header, HEADER);
    memcpy(frame + HEADER, message, MESSAGE);
    atomic_store_explicit(&tail->value, n, memory_order_release);
}

static uint32_t take(Work *work, Word *tail, int ring, uint32_t n, uint8_t *message) {
    uint32_t seen = spin_until(tail, n);
    memcpy(message, work->data + (ring * PLACES + n % PLACES) * FRAME + HEADER, MESSAGE);
    return seen;
}

static void answer_messages(Work *work) {
    uint8_t message[MESSAGE];
    for (uint32_t n = 1; take(work, &work->shared->there, 0, n, message) != STOP; n++)
        send(work, &work->shared->back, 1, n, message);
}

double message(Work *work) {
    uint8_t bytes[MESSAGE] = {0};
    work->data = shared_memory(2 * PLACES * FRAME);
    start(answer_messages, work);
    uint64_t until = now_ns() + work->length_ns;
    uint32_t n = 0;
    int count = 0;
    for (uint64_t began = now_ns(), ended; count < TIMES_MAX && began < until; began = ended) {
        for (int i = 0; i < ROUNDS_TIMED; i++) {
            memcpy(bytes, &n, sizeof n);
            send(work, &work->shared->there, 0, ++n, bytes);
            take(work, &work->shared->back, 1, n, bytes);
        }
        ended = now_ns();
        times[count++] = (double)(ended - began) / ROUNDS_TIMED;
    }
    atomic_store(&work->shared->there.value, STOP);
    return median(times, count);
}

static uint32_t sleep_until(Word *word, uint32_t wanted) {
    uint32_t seen;
    while ((seen = atomic_load(&word->value)) != wanted && seen != STOP)
        syscall(SYS_futex, &word->value, FUTEX_WAIT, seen, NULL, NULL, 0);
    return seen;
}

static void wake(Word *word, uint32_t value) {
    atomic_store(&word->value, value);
    syscall(SYS_futex, &word->value, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void answer_sleeping(Work *work) {
    for (uint32_t n = 1; sleep_until(&work->shared->there, n) != STOP; n++)
        wake(&work->shared->back, n);
}

double futex(Work *work) {
    start(answer_sleeping, work);
    uint64_t until = now_ns() + work->length_ns;
    int count = 0;
    for (uint64_t began = now_ns(), ended; count < TIMES_MAX && began < until; began = ended) {
        wake(&work->shared->there, (uint32_t)count + 1);
        sleep_until(&work->shared->back, (uint32_t)count + 1);
        ended = now_ns();
        times[count++] = (double)(ended - began);
    }
    wake(&work->shared->there, STOP);
    return median(times, count);
}

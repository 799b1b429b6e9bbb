/* What the floors share: two processes, each pinned to a processor of its own, and their memory. */
#ifndef PODRING_FLOORS_H
#define PODRING_FLOORS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Two lines apart, because processors fetch lines in pairs. */
typedef struct {
    _Alignas(128) _Atomic uint64_t value;
} Counter;

typedef struct {
    _Alignas(128) _Atomic uint32_t value;
} Word;

typedef struct {
    Word there, back;
    Counter tail, head; /* messages written, and messages copied out */
    Counter last;       /* how many there will be, once that is known */
} Shared;

typedef struct {
    Shared *shared;
    uint64_t length_ns; /* how long to measure */
    /* Streams only. */
    uint8_t *data;
    uint64_t size;
    uint64_t frame;
    uint64_t places; /* in the ring */
    bool framed;
} Work;

/* Between two looks at a word that another processor will write. */
static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* processes.c */
_Noreturn void fail(const char *what);
uint64_t now_ns(void);
void *shared_memory(uint64_t length);
double median(double *values, int count);

/* Start `half` in a process of its own, which ends with this one. */
void start(void (*half)(Work *), Work *work);

/* round_trips.c: ns, median. */
double cacheline(Work *work);
double message(Work *work);
double futex(Work *work);

/* streams.c: messages a second. */
double stream(Work *work);

#endif

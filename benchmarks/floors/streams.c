/* Streams through a ring: one process copies in, the other copies out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floors.h"

/* The median of so many stretches counts: in some of them another process wanted a processor. */
#define SLICES 20

static double rates[SLICES];

typedef struct {
    Work *work;
    uint64_t done;
    uint64_t seen;  /* of the other side's counter, when it was looked at last */
    uint64_t place; /* in bytes */
} End;

/* A look at the other's counter takes its line away for a moment, so look seldom. */
static void look_away(void) {
    for (int i = 0; i < 16; i++)
        relax();
}

static void step(End *end) {
    end->done++;
    end->place += end->work->frame;
    if (end->place == end->work->places * end->work->frame)
        end->place = 0;
}

__attribute__((noinline)) static void put(End *end, const uint8_t *payload) {
    Work *work = end->work;
    while (end->done - end->seen == work->places) {
        end->seen = atomic_load_explicit(&work->shared->head.value, memory_order_acquire);
        look_away();
    }
    uint8_t *to = work->data + end->place;
    if (work->framed) {
        uint64_t header[2] = {end->done, work->size};
        memcpy(to, header, sizeof header);
        to += sizeof header;
    }
    memcpy(to, payload, work->size);
    step(end);
    atomic_store_explicit(&work->shared->tail.value, end->done, memory_order_release);
}

/* False when there is none, and none will come. */
__attribute__((noinline)) static bool take(End *end, uint8_t *payload) {
    Work *work = end->work;
    while (end->done == end->seen) {
        end->seen = atomic_load_explicit(&work->shared->tail.value, memory_order_acquire);
        if (end->done == atomic_load_explicit(&work->shared->last.value, memory_order_relaxed))
            return false;
        look_away();
    }
    const uint8_t *from = work->data + end->place;
    if (work->framed) {
        uint64_t header[2];
        memcpy(header, from, sizeof header);
        if (header[0] != end->done || header[1] != work->size) {
            fprintf(stderr, "floors: message %" PRIu64 " came instead of %" PRIu64 "\n", header[0],
                    end->done);
            exit(1);
        }
        from += sizeof header;
    }
    memcpy(payload, from, work->size);
    __asm__ volatile("" : : "r"(payload) : "memory"); /* somebody looks at the copy */
    step(end);
    atomic_store_explicit(&work->shared->head.value, end->done, memory_order_release);
    return true;
}

static uint8_t *buffer(uint64_t size) {
    uint8_t *bytes = aligned_alloc(64, (size + 63) / 64 * 64);
    if (bytes == NULL)
        fail("a buffer");
    memset(bytes, 'x', size);
    return bytes;
}

/* Page by page, so that no fault of this process falls into what is measured. */
static void touch(const Work *work) {
    for (uint64_t at = 0; at < work->places * work->frame; at += 4096)
        *(volatile uint8_t *)(work->data + at) = 0;
}

/* How many messages between two looks at the clock. */
static uint64_t between(const Work *work) {
    return work->size < 65536 ? 65536 / work->size : 1;
}

static void write_stream(Work *work) {
    End end = {.work = work};
    uint8_t *payload = buffer(work->size);
    touch(work);
    uint64_t until = now_ns() + work->length_ns;
    while (end.done < 4 * between(work) || end.done % between(work) || now_ns() < until)
        put(&end, payload);
    atomic_store(&work->shared->last.value, end.done);
}

double stream(Work *work) {
    End end = {.work = work};
    uint8_t *payload = buffer(work->size);
    touch(work);
    atomic_store(&work->shared->last.value, UINT64_MAX);
    start(write_stream, work);
    take(&end, payload); /* the other process is there */
    uint64_t first = now_ns(), began = first, done = end.done, now;
    int count = 0;
    while (take(&end, payload)) {
        if (end.done % between(work) || count == SLICES ||
            (now = now_ns()) - began < work->length_ns / SLICES)
            continue;
        rates[count++] = (double)(end.done - done) * 1e9 / (double)(now - began);
        began = now;
        done = end.done;
    }
    if (count == 0) /* all of it was shorter than a stretch */
        return (double)(end.done - done) * 1e9 / (double)(now_ns() - first);
    return median(rates, count);
}

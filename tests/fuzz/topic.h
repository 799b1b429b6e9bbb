/* A topic whose every neighbour is forbidden, and whose readers cannot write to its ring.
 *
 * The ring is mapped twice, as publishers and as subscribers have it, and between pages that may
 * not be touched: its length is a multiple of a page, so one byte outside ends the run.
 */
#ifndef PODRING_FUZZ_TOPIC_H
#define PODRING_FUZZ_TOPIC_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

typedef struct {
    uint64_t size, max_message;
    uint32_t overflow, unsubscribed;
} Shape;

typedef struct {
    RingPlan plan;
    uint8_t *bytes; /* as a publisher has it */
    uint8_t *seen;  /* as a subscriber has it */
    uint8_t *roster;
    uint8_t *sound, *sound_roster; /* what each input starts from */
    uint64_t frames[256];          /* where some of its frames start */
    uint32_t count;
} Topic;

static inline uint8_t *guarded(int fd, uint64_t length, int protection) {
    uint8_t *place =
        mmap(NULL, length + 2 * RING_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(place != MAP_FAILED && length % RING_PAGE == 0);
    place = mmap(place + RING_PAGE, length, protection, MAP_SHARED | MAP_FIXED, fd, 0);
    MUST(place != MAP_FAILED);
    return place;
}

static inline int shared_memory(uint64_t length) {
    int fd = memfd_create("podring-fuzz", 0);
    MUST(fd >= 0 && ftruncate(fd, (off_t)length) == 0);
    return fd;
}

/* Three times around, in messages of all lengths, and some of them small. */
static inline void fill(Topic *topic, const Shape *shape) {
    Ring ring;
    RingWriter writer;
    MUST(ring_map(&ring, topic->bytes, topic->plan.ring_bytes, topic->roster,
                  topic->plan.roster_bytes) == RING_OK);
    ring_writer_open(&writer, &ring, 0, 1, false);
    uint8_t *payload = calloc(1, shape->max_message + 1);
    for (uint64_t n = 1; n < 20000; n++) {
        MUST(ring_begin(&writer) == RING_OK);
        uint64_t length = n % 3 ? n * 7 % 50 : n * 977;
        length %= shape->max_message + 1;
        bool done = ring_append(&writer, payload, length, 1000 + n) == RING_OK;
        if (done)
            topic->frames[topic->count++ % 256] = writer.start;
        ring_flush(&writer);
        ring_end(&writer);
        if (!done || writer.tail > 3 * ring.capacity)
            break; /* one that keeps what nobody has read fills up */
    }
    free(payload);
    if (topic->count > 256)
        topic->count = 256;
}

static inline void make(Topic *topic, const Shape *shape) {
    topic->plan = ring_plan(shape->size, shape->max_message, shape->overflow);
    uint64_t length = topic->plan.ring_bytes, roster_length = topic->plan.roster_bytes;
    int fd = shared_memory(length), roster_fd = shared_memory(roster_length);
    topic->bytes = guarded(fd, length, PROT_READ | PROT_WRITE);
    topic->seen = guarded(fd, length, PROT_READ);
    topic->roster = guarded(roster_fd, roster_length, PROT_READ | PROT_WRITE);
    close(fd);
    close(roster_fd);
    ring_format(topic->bytes, topic->roster,
                &(RingOptions){.name = "fuzz",
                               .size = shape->size,
                               .max_message = shape->max_message,
                               .generation = 7,
                               .created = 8,
                               .overflow = shape->overflow,
                               .unsubscribed = shape->unsubscribed});
    fill(topic, shape);
    topic->sound = malloc(length);
    topic->sound_roster = malloc(roster_length);
    memcpy(topic->sound, topic->bytes, length);
    memcpy(topic->sound_roster, topic->roster, roster_length);
}

static inline void restore(Topic *topic) {
    memcpy(topic->bytes, topic->sound, topic->plan.ring_bytes);
    memcpy(topic->roster, topic->sound_roster, topic->plan.roster_bytes);
}

#endif

/* What the ring's C tests share: a topic in plain memory, checks that say where, random numbers.
 *
 * The two objects are allocated at exactly their planned sizes, so AddressSanitizer sees every
 * byte that is touched beyond them.
 */
#ifndef PODRING_TEST_HARNESS_H
#define PODRING_TEST_HARNESS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(actual, expected)                                                                 \
    do {                                                                                           \
        uint64_t actual_ = (uint64_t)(actual), expected_ = (uint64_t)(expected);                   \
        CHECK(actual_ == expected_, "%s is %" PRIu64 ", not %" PRIu64, #actual, actual_,           \
              expected_);                                                                          \
    } while (0)

typedef struct {
    RingPlan plan;
    void *bytes;
    void *roster;
    Ring ring;
} Topic;

/* Memory that is zero and begins on a page, as mmap gives it. */
static inline void *pages(uint64_t length) {
    void *memory = aligned_alloc(RING_PAGE, length);
    CHECK(memory != NULL, "%" PRIu64 " bytes", length);
    memset(memory, 0, length);
    return memory;
}

static inline Topic make_topic_that(uint32_t overflow, uint64_t size, uint64_t max_message) {
    Topic topic = {.plan = ring_plan(size, max_message, overflow)};
    topic.bytes = pages(topic.plan.ring_bytes);
    topic.roster = pages(topic.plan.roster_bytes);
    ring_format(topic.bytes, topic.roster,
                &(RingOptions){.name = "test",
                               .size = size,
                               .max_message = max_message,
                               .generation = 7,
                               .created = 8,
                               .overflow = overflow});
    CHECK_EQ(ring_map(&topic.ring, topic.bytes, topic.plan.ring_bytes, topic.roster,
                      topic.plan.roster_bytes),
             RING_OK);
    return topic;
}

static inline Topic make_topic(uint64_t size, uint64_t max_message) {
    return make_topic_that(RING_OVERWRITE, size, max_message);
}

static inline void free_topic(Topic *topic) {
    free(topic->bytes);
    free(topic->roster);
}

/* A reader is too large for the stack of a thread under AddressSanitizer. */
static inline RingReader *make_reader(const Topic *topic, uint32_t slot) {
    RingReader *reader = aligned_alloc(64, (sizeof(RingReader) + 63) / 64 * 64);
    CHECK(reader != NULL, "a reader");
    CHECK_EQ(ring_reader_open(reader, &topic->ring, slot), RING_OK);
    return reader;
}

static inline RingWriter make_writer(const Topic *topic, uint32_t slot) {
    RingWriter writer;
    ring_writer_open(&writer, &topic->ring, slot, slot * 31 + 1, false);
    return writer;
}

/* Splitmix64: the same numbers on every machine. */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t random_below(uint64_t *state, uint64_t end) {
    return next_random(state) % end;
}

/* Payloads whose every byte tells the sequence, the place and the length. */
static inline uint8_t payload_byte(uint64_t sequence, uint64_t at, uint64_t length) {
    return (uint8_t)(sequence * 131 + at * 7 + length * 13 + (at >> 8));
}

static inline void fill_payload(uint8_t *bytes, uint64_t sequence, uint64_t length) {
    for (uint64_t i = 0; i < length; i++)
        bytes[i] = payload_byte(sequence, i, length);
}

static inline void check_payload(const uint8_t *bytes, uint64_t sequence, uint64_t length) {
    for (uint64_t i = 0; i < length; i++)
        CHECK(bytes[i] == payload_byte(sequence, i, length),
              "message %" PRIu64 " of %" PRIu64 " bytes is wrong at %" PRIu64, sequence, length, i);
}

/* Publish the message that the writer's next sequence calls for. */
static inline uint64_t publish(RingWriter *writer, uint64_t length) {
    uint8_t *payload = malloc(length + 1);
    CHECK_EQ(ring_begin(writer), RING_OK);
    uint64_t sequence = writer->sequence;
    fill_payload(payload, sequence, length);
    CHECK_EQ(ring_append(writer, payload, length, 1000 + sequence), RING_OK);
    ring_flush(writer);
    ring_end(writer);
    free(payload);
    return sequence;
}

/* The next message of a reader, checked byte by byte; RING_EMPTY or RING_LAPPED when there is none. */
static inline RingResult receive(RingReader *reader) {
    const uint8_t *payload;
    RingResult result = ring_next(reader, &payload);
    uint8_t *copy = NULL;
    if (result == RING_LARGE) {
        copy = malloc(reader->news.length + 1);
        result = ring_take(reader, copy);
        payload = copy;
    }
    if (result == RING_OK)
        check_payload(payload, reader->frame.sequence, reader->frame.length);
    free(copy);
    return result;
}

#endif

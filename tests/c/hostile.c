/* Whatever bytes lie in a ring, a reader and a writer give a result: they stay inside the mapping
 * (AddressSanitizer sees to that) and come to an end (an alarm does).
 *
 * Every RingResult is allowed. What is delivered may be nonsense, but never more than max_message.
 */
#include <unistd.h>

#include "harness.h"

enum { WRITER = 0, OTHER = 1, READER = 2 };

/* The words that decide most, and values at the edges of what they may hold. */
static uint64_t edge(uint64_t *seed, const Topic *topic) {
    uint64_t tail = atomic_load(&topic->ring.header->tail), capacity = topic->ring.capacity;
    uint64_t edges[] = {0,
                        1,
                        31,
                        32,
                        33,
                        tail,
                        tail + 32,
                        tail - 32,
                        tail + capacity,
                        tail - capacity,
                        tail + capacity + 32,
                        capacity,
                        capacity - 32,
                        UINT32_MAX,
                        UINT64_C(1) << 32,
                        UINT64_C(1) << 63,
                        UINT64_MAX,
                        UINT64_MAX - 31,
                        UINT64_MAX - capacity + 1};
    uint64_t kind = random_below(seed, 4);
    if (kind == 0)
        return next_random(seed);
    if (kind == 1)
        return tail - capacity + random_below(seed, 2 * capacity) / 32 * 32;
    return edges[random_below(seed, sizeof edges / sizeof *edges)];
}

static void corrupt_header(Topic *topic, uint64_t *seed) {
    static const size_t words[] = {
        offsetof(RingHeader, intent),      offsetof(RingHeader, tail),
        offsetof(RingHeader, commit),      offsetof(RingHeader, commit) + 8,
        offsetof(RingHeader, commit) + 16, offsetof(RingHeader, commit) + 24,
    };
    uint8_t *bytes = topic->bytes;
    uint64_t value = edge(seed, topic);
    memcpy(bytes + words[random_below(seed, sizeof words / sizeof *words)], &value, 8);
    if (random_below(seed, 3) == 0) { /* a commit record that agrees, so that it goes on */
        RingHeader *header = topic->ring.header;
        atomic_store(&header->tail, value);
        atomic_store(&header->commit[random_below(seed, 2)].end, value);
    }
}

static void corrupt_frame(Topic *topic, uint64_t *seed) {
    uint64_t place = random_below(seed, topic->ring.capacity / 32) * 32;
    if (random_below(seed,
                     2)) /* where a frame is likely to start: at the tail's side of the ring */
        place = atomic_load(&topic->ring.header->tail) % topic->ring.capacity / 32 * 32;
    RingFrame frame;
    memcpy(&frame, topic->ring.data + place, sizeof frame);
    uint64_t value = edge(seed, topic);
    switch (random_below(seed, 6)) {
    case 0:
        frame.position = value;
        break;
    case 1:
        frame.sequence = value;
        break;
    case 2:
        frame.length = (uint32_t)value;
        break;
    case 3:
        frame.flags ^= RING_FRAME_PADDING;
        break;
    case 4: /* as if it belonged here, with a wild length */
        frame.position =
            atomic_load(&topic->ring.header->tail) / topic->ring.capacity * topic->ring.capacity +
            place;
        frame.length = (uint32_t)value;
        break;
    default:
        for (size_t i = 0; i < sizeof frame; i++)
            ((uint8_t *)&frame)[i] = (uint8_t)next_random(seed);
    }
    memcpy(topic->ring.data + place, &frame, sizeof frame);
}

static void corrupt_checkpoint(Topic *topic, uint64_t *seed) {
    RingCheckpoint *entry = &topic->ring.checkpoints[random_below(seed, topic->ring.blocks)];
    uint64_t value = edge(seed, topic);
    _Atomic uint64_t *words[] = {&entry->position, &entry->sequence, &entry->timestamp};
    atomic_store(words[random_below(seed, 3)], value);
}

static void corrupt_anything(Topic *topic, uint64_t *seed) {
    uint8_t *bytes = topic->bytes;
    uint64_t length = topic->plan.ring_bytes;
    /* Everything behind what ring_map has read, the lock and the state included. */
    uint64_t at = 512 + random_below(seed, length - 512 - 8);
    uint64_t value = next_random(seed);
    memcpy(bytes + at, &value, 1 + random_below(seed, 8));
    if (random_below(seed, 4) == 0) {
        uint8_t *roster = topic->roster;
        memcpy(roster + 128 + random_below(seed, topic->plan.roster_bytes - 136), &value, 8);
    }
}

static void corrupt(Topic *topic, uint64_t *seed) {
    for (uint64_t n = 1 + random_below(seed, 4); n; n--) {
        switch (random_below(seed, 4)) {
        case 0:
            corrupt_header(topic, seed);
            break;
        case 1:
            corrupt_frame(topic, seed);
            break;
        case 2:
            corrupt_checkpoint(topic, seed);
            break;
        default:
            corrupt_anything(topic, seed);
        }
    }
}

static void read_a_little(RingReader *reader, uint64_t *seed) {
    switch (random_below(seed, 7)) {
    case 0:
        ring_seek_oldest(reader);
        break;
    case 1:
        ring_seek_last(reader, random_below(seed, 2) ? random_below(seed, 50) : next_random(seed));
        break;
    case 2:
        ring_seek_sequence(reader, 1 + random_below(seed, 100));
        break;
    case 3:
        ring_seek_since(reader, random_below(seed, 2) ? 1000 + random_below(seed, 100) : 0);
        break;
    default:
        break;
    }
    for (int i = 0; i < 20; i++) {
        const uint8_t *payload = NULL;
        RingResult result =
            random_below(seed, 4) ? ring_next(reader, &payload) : ring_peek(reader, &payload);
        uint8_t *copy = NULL;
        if (result == RING_LARGE) {
            CHECK(reader->news.length <= reader->ring.max_message, "%u", reader->news.length);
            copy = malloc(reader->news.length + 1);
            result = ring_take(reader, copy);
            payload = copy;
        }
        if (result == RING_OK) {
            CHECK(reader->frame.length <= reader->ring.max_message, "%u", reader->frame.length);
            volatile uint8_t sum = 0;
            for (uint32_t at = 0; at < reader->frame.length; at++)
                sum += payload[at];
        }
        free(copy);
        reader->gap_first = reader->gap_end = 0;
        if (result != RING_OK && result != RING_LAPPED)
            break;
    }
    /* Else a header could reach beyond the ring's end. */
    CHECK_EQ(reader->cursor % RING_FRAME_ALIGN, 0);
    ring_has_news(reader);
    ring_sleep(reader, 0);
}

static void write_a_little(RingWriter *writer, uint64_t *seed) {
    static const uint8_t payload[4096];
    RingResult result = ring_begin(writer);
    if (result == RING_BUSY)
        result = ring_begin_waiting(writer, 0);
    if (result == RING_BUSY || result == RING_HELD || result == RING_TIMEOUT)
        result = ring_take_over(writer, ring_lock_word(&writer->ring));
    if (result != RING_OK)
        return;
    for (uint64_t n = random_below(seed, 5); n; n--) {
        uint64_t length = random_below(seed, writer->ring.max_message + 10);
        uint8_t *place;
        if (random_below(seed, 3)) {
            ring_append(writer, payload, length < sizeof payload ? length : 0, 1);
        } else if (ring_reserve(writer, length, &place) == RING_OK) {
            memset(place, 0xaa, length);
            if (random_below(seed, 2))
                ring_commit(writer, length / 2, 1);
        }
        if (random_below(seed, 2))
            ring_flush(writer);
    }
    ring_end(writer);
}

static void nothing_leads_outside(uint64_t size, uint64_t max_message, uint64_t seed, int rounds) {
    Topic sound = make_topic(size, max_message), topic = make_topic(size, max_message);
    RingWriter writer = make_writer(&sound, WRITER);
    while (writer.tail < 3 * sound.ring.capacity || writer.tail == RING_NOWHERE)
        publish(&writer, random_below(&seed, max_message + 1));
    for (int round = 0; round < rounds; round++) {
        memcpy(topic.bytes, sound.bytes, sound.plan.ring_bytes);
        memcpy(topic.roster, sound.roster, sound.plan.roster_bytes);
        RingReader *reader = make_reader(&topic, READER);
        RingWriter writers[2] = {make_writer(&topic, WRITER), make_writer(&topic, OTHER)};
        ring_seek_last(reader, random_below(&seed, 20));
        for (int step = 0; step < 4; step++) {
            corrupt(&topic, &seed);
            read_a_little(reader, &seed);
            write_a_little(&writers[random_below(&seed, 2)], &seed);
            RingPlace place;
            ring_oldest(&topic.ring, &place);
            ring_tail(&topic.ring, &place);
        }
        /* A reader that comes after it all. */
        if (ring_reader_open(reader, &topic.ring, READER) == RING_OK)
            read_a_little(reader, &seed);
        free(reader);
    }
    free_topic(&sound);
    free_topic(&topic);
}

int main(void) {
    alarm(250); /* an endless loop ends the test here */
    nothing_leads_outside(1, 1, 1, 3000);
    nothing_leads_outside(4064, 4064, 2, 3000);
    nothing_leads_outside(30000, 200, 3, 3000);
    nothing_leads_outside(30000, 6000, 4, 3000);
    nothing_leads_outside(20000, 20000, 5, 3000);
}

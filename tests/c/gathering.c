/* A subscriber at the heels of a stream lets some of it come first; everybody else is served at once. */
#include <time.h>

#include "harness.h"

enum { WRITER = 0, READER = 1, PATIENCE_NS = 2000 };

/* Messages of 64 bytes, a number of nanoseconds apart: all of them received but for the last ones,
 * which are new. */
static void stream(RingWriter *writer, RingReader *reader, int count, uint64_t gap, int new) {
    static uint64_t now = 1000000;
    for (int i = 0; i < count + new; i++) {
        uint8_t message[64];
        now += gap;
        CHECK_EQ(ring_begin(writer), RING_OK);
        fill_payload(message, writer->sequence, sizeof message);
        CHECK_EQ(ring_append(writer, message, sizeof message, now), RING_OK);
        ring_flush(writer);
        ring_end(writer);
        while (i < count && receive(reader) == RING_OK)
            ;
    }
}

static bool waits(RingReader *reader) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    ring_gather(reader);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
    return ns >= PATIENCE_NS;
}

/* Of many tries, because a machine that is busy may take the processor away at any time. */
static bool goes_on_at_once(RingWriter *writer, RingReader *reader, int count, uint64_t gap,
                            int new) {
    for (int i = 0; i < 100; i++) {
        stream(writer, reader, count, gap, new);
        if (!waits(reader))
            return true;
        while (receive(reader) == RING_OK)
            ;
    }
    return false;
}

int main(void) {
    Topic topic = make_topic(1 << 20, 100), small = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, WRITER), other = make_writer(&small, WRITER);
    RingReader *reader = make_reader(&topic, READER), *hurried = make_reader(&small, READER);
    stream(&writer, reader, 1, 100, 0);
    ring_gather(reader); /* from here on it knows when the last one came */

    for (int i = 0; i < 10; i++) {
        stream(&writer, reader, 10, 100, 1);
        CHECK(waits(reader), "a stream, and only one of it is there");
    }
    CHECK(goes_on_at_once(&writer, reader, 10, 100, 0), "nothing new: a round trip, or the end");
    CHECK(goes_on_at_once(&writer, reader, 10, 100, 50), "enough is there");
    CHECK(goes_on_at_once(&writer, reader, 0, 0, 1), "got nothing since the last time");
    CHECK(goes_on_at_once(&writer, reader, 10, 600, 1), "600 ns apart is no stream");

    stream(&other, hurried, 1, 100, 0);
    ring_gather(hurried);
    CHECK(goes_on_at_once(&other, hurried, 10, 100, 1), "a small ring may be written over");

    free(reader);
    free(hurried);
    free_topic(&topic);
    free_topic(&small);
    puts("gathering: ok");
}

/* What is published is received whole, in order, once; and what is lost is counted exactly. */
#include "harness.h"

static void receive_exactly(RingReader *reader, uint64_t sequence) {
    CHECK_EQ(receive(reader), RING_OK);
    CHECK_EQ(reader->frame.sequence, sequence);
    CHECK_EQ(reader->frame.timestamp, 1000 + sequence);
}

/* A reader that keeps up gets every message, whatever the lengths and wherever the ring ends. */
static void a_reader_that_keeps_up_loses_nothing(uint64_t size, uint64_t max_message,
                                                 uint64_t seed) {
    Topic topic = make_topic(size, max_message);
    RingWriter writer = make_writer(&topic, 0);
    RingReader *reader = make_reader(&topic, 1);
    for (uint64_t sequence = 1; sequence <= 1000; sequence++) {
        uint64_t length = random_below(&seed, max_message + 1);
        CHECK_EQ(publish(&writer, length), sequence);
        RingResult result = receive(reader);
        /* Overtaken without a loss: a message reached around to the padding before it. */
        if (result == RING_LAPPED)
            result = receive(reader);
        CHECK(result == RING_OK, "%d for message %" PRIu64 " of %" PRIu64, result, sequence,
              length);
        CHECK_EQ(reader->frame.sequence, sequence);
        CHECK_EQ(reader->frame.length, length);
        CHECK_EQ(receive(reader), RING_EMPTY);
    }
    CHECK_EQ(reader->lost, 0);
    CHECK_EQ(reader->gap_end, 0);
    CHECK_EQ(reader->messages, 1000);
    free(reader);
    free_topic(&topic);
}

static void lengths_of_every_kind(void) {
    for (uint64_t seed = 1; seed <= 2; seed++) {
        a_reader_that_keeps_up_loses_nothing(1, 1, seed);
        a_reader_that_keeps_up_loses_nothing(4096, 100, seed);
        a_reader_that_keeps_up_loses_nothing(4096, 2000, seed);
        a_reader_that_keeps_up_loses_nothing(4096, 4096, seed); /* two blocks */
        a_reader_that_keeps_up_loses_nothing(4064, 4064, seed); /* one message fills the ring */
        a_reader_that_keeps_up_loses_nothing(20000, 20000, seed);
        a_reader_that_keeps_up_loses_nothing(65536, 5000, seed);
        a_reader_that_keeps_up_loses_nothing(60000, 25000, seed);
    }
}

/* One message longer than half the ring, after every place that the one before it may end at. */
static void a_message_longer_than_half_the_ring_at_every_alignment(void) {
    for (uint64_t size = 4064; size <= 12256; size += 4096) {
        for (uint64_t first = 0; first + 32 <= size; first += 32) {
            Topic topic = make_topic(size, size);
            CHECK_EQ(topic.ring.capacity, size + RING_FRAME_HEADER);
            RingWriter writer = make_writer(&topic, 0);
            RingReader *late = make_reader(&topic, 1);
            publish(&writer, first);
            RingReader *reader = make_reader(&topic, 2);
            publish(&writer, size - 16);
            RingResult result = receive(reader);
            if (result == RING_LAPPED)
                result = receive(reader);
            CHECK_EQ(result, RING_OK);
            CHECK_EQ(reader->frame.length, size - 16);
            CHECK_EQ(reader->lost, 0);
            CHECK_EQ(receive(late), RING_LAPPED);
            CHECK_EQ(late->gap_first, 1);
            CHECK_EQ(late->gap_end, 2);
            receive_exactly(late, 2);
            free(late);
            free(reader);
            free_topic(&topic);
        }
    }
}

/* Frames of every size, so that the ring's end cuts at each multiple of 32. */
static void padding_of_every_length(void) {
    for (uint64_t length = 0; length <= 600; length++) {
        Topic topic = make_topic(4096, 600);
        RingWriter writer = make_writer(&topic, 0);
        RingReader *reader = make_reader(&topic, 1);
        for (uint64_t i = 1; i <= 200; i++) {
            publish(&writer, length);
            receive_exactly(reader, i);
        }
        CHECK_EQ(receive(reader), RING_EMPTY);
        CHECK_EQ(reader->lost, 0);
        free(reader);
        free_topic(&topic);
    }
}

/* Many messages before each look: runs that the private buffer's end and the ring's end cut. */
static void runs_are_cut_without_loss(void) {
    uint64_t seed = 99;
    Topic topic = make_topic(100000, 9000);
    RingWriter writer = make_writer(&topic, 0);
    RingReader *reader = make_reader(&topic, 1);
    uint64_t expected = 1;
    for (int round = 0; round < 500; round++) {
        uint64_t room = topic.ring.capacity - 9100;
        while (room > 9100) {
            uint64_t length = random_below(&seed, random_below(&seed, 10) ? 300 : 9001);
            publish(&writer, length);
            room -= length + 64 < room ? length + 64 : room;
        }
        while (receive(reader) == RING_OK)
            CHECK_EQ(reader->frame.sequence, expected++);
        CHECK_EQ(reader->sequence, writer.sequence);
    }
    CHECK_EQ(reader->lost, 0);
    free(reader);
    free_topic(&topic);
}

/* Received and lost messages add up, and each loss says from where to where. */
static void losses_add_up(uint64_t size, uint64_t max_message, uint64_t seed) {
    Topic topic = make_topic(size, max_message);
    RingWriter writer = make_writer(&topic, 0);
    RingReader *reader = make_reader(&topic, 1);
    uint64_t next = 1, lost = 0, received = 0;
    for (int round = 0; round < 1000; round++) {
        for (uint64_t n = random_below(&seed, 60); n; n--)
            publish(&writer, random_below(&seed, max_message + 1));
        for (uint64_t n = random_below(&seed, 40); n; n--) {
            RingResult result = receive(reader);
            if (result == RING_EMPTY)
                break;
            if (reader->gap_end) {
                CHECK_EQ(result, RING_LAPPED);
                CHECK_EQ(reader->gap_first, next);
                CHECK(reader->gap_end > next, "a loss of nothing");
                lost += reader->gap_end - next;
                next = reader->gap_end;
                reader->gap_first = reader->gap_end = 0;
            }
            if (result == RING_LAPPED)
                continue;
            CHECK_EQ(result, RING_OK);
            CHECK_EQ(reader->frame.sequence, next++);
            received++;
        }
        CHECK_EQ(reader->lost, lost);
        CHECK_EQ(reader->messages, received);
        CHECK_EQ(received + lost + 1, reader->sequence);
    }
    CHECK(lost > 0 && received > 0, "seed %" PRIu64 " tests nothing", seed);
    free(reader);
    free_topic(&topic);
}

/* A lapped reader goes on at the oldest checkpoint that is whole: with frames that fill blocks
 * exactly, the number it loses can be told in advance. */
static void a_loss_is_exact(void) {
    Topic topic = make_topic(8 * 4096, 4064);
    RingWriter writer = make_writer(&topic, 0);
    for (uint64_t laps = 1; laps < 100; laps++) {
        RingReader *reader = make_reader(&topic, 1);
        uint64_t next = reader->sequence;
        for (uint64_t i = 0; i < 8 + laps; i++)
            publish(&writer, 4064);
        CHECK_EQ(receive(reader), RING_LAPPED);
        CHECK_EQ(reader->lost, laps);
        CHECK_EQ(reader->gap_first, next);
        CHECK_EQ(reader->gap_end, next + laps);
        for (uint64_t i = 0; i < 8; i++)
            receive_exactly(reader, next + laps + i);
        CHECK_EQ(receive(reader), RING_EMPTY);
        free(reader);
    }
    free_topic(&topic);
}

static void a_view_is_whole_until_the_writer_announces_its_bytes(void) {
    Topic topic = make_topic(4096, 32);
    RingWriter writer = make_writer(&topic, 0);
    RingReader *reader = make_reader(&topic, 1);
    publish(&writer, 32);
    const uint8_t *payload;
    CHECK_EQ(ring_peek(reader, &payload), RING_OK);
    check_payload(payload, 1, 32);
    for (int i = 1; i < 64; i++) {
        publish(&writer, 32);
        CHECK(ring_is_whole(&topic.ring, reader->frame.position), "after %d", i);
    }
    uint8_t *place;
    CHECK_EQ(ring_begin(&writer), RING_OK);
    CHECK_EQ(ring_reserve(&writer, 0, &place), RING_OK);
    CHECK(!ring_is_whole(&topic.ring, reader->frame.position), "announced");
    check_payload(payload, 1, 32);
    ring_end(&writer);
    CHECK(!ring_is_whole(&topic.ring, reader->frame.position), "given up, but who knows");
    free(reader);
    free_topic(&topic);
}

static void too_long_is_refused_and_changes_nothing(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, 0);
    RingReader *reader = make_reader(&topic, 1);
    uint8_t *place;
    CHECK_EQ(ring_begin(&writer), RING_OK);
    CHECK_EQ(ring_reserve(&writer, 101, &place), RING_TOO_LONG);
    CHECK_EQ(ring_append(&writer, "", UINT64_MAX, 1), RING_TOO_LONG);
    ring_end(&writer);
    CHECK_EQ(atomic_load(&topic.ring.header->intent), 0);
    CHECK_EQ(receive(reader), RING_EMPTY);
    publish(&writer, 100);
    receive_exactly(reader, 1);
    free(reader);
    free_topic(&topic);
}

/* A loan that was cut short takes the room of what was published, and keeps what it announced. */
static void a_loan_is_committed_shorter(void) {
    Topic topic = make_topic(4096, 3000);
    RingWriter writer = make_writer(&topic, 0);
    RingReader *reader = make_reader(&topic, 1);
    for (uint64_t sequence = 1; sequence <= 500; sequence++) {
        uint8_t *place;
        uint64_t length = sequence * 37 % 200;
        CHECK_EQ(ring_begin(&writer), RING_OK);
        CHECK_EQ(ring_reserve(&writer, length + 1 + sequence * 91 % 2700, &place), RING_OK);
        memset(place, 0xee, length + 1);
        fill_payload(place, sequence, length);
        ring_commit(&writer, length, 1000 + sequence);
        ring_end(&writer);
        RingResult result = receive(reader);
        if (result == RING_LAPPED)
            result = receive(reader);
        CHECK_EQ(result, RING_OK);
        CHECK_EQ(reader->frame.sequence, sequence);
        CHECK_EQ(reader->frame.length, length);
    }
    CHECK_EQ(reader->lost, 0);
    free(reader);
    free_topic(&topic);
}

/* One order: what one writer leaves, the other goes on from. */
static void two_writers_take_turns(void) {
    uint64_t seed = 5;
    Topic topic = make_topic(9000, 1000);
    RingWriter writers[2] = {make_writer(&topic, 0), make_writer(&topic, 1)};
    RingReader *reader = make_reader(&topic, 2);
    for (uint64_t sequence = 1; sequence <= 5000; sequence++) {
        uint64_t who = random_below(&seed, 2);
        CHECK_EQ(publish(&writers[who], random_below(&seed, 1001)), sequence);
        receive_exactly(reader, sequence);
        CHECK_EQ(reader->frame.publisher, who);
    }
    free(reader);
    free_topic(&topic);
}

static void a_deleted_topic_takes_no_more_and_is_read_to_its_end(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter writer = make_writer(&topic, 0), exclusive;
    RingReader *reader = make_reader(&topic, 1);
    publish(&writer, 10);
    ring_writer_open(&exclusive, &topic.ring, 2, 1, true);
    CHECK_EQ(ring_begin(&exclusive), RING_OK);
    CHECK_EQ(ring_begin(&writer), RING_HELD);
    CHECK_EQ(ring_begin_waiting(&writer, 0), RING_HELD);
    ring_mark_deleted(&topic.ring);
    CHECK_EQ(ring_begin(&exclusive), RING_CLOSED);
    ring_writer_close(&exclusive);
    CHECK_EQ(ring_begin(&writer), RING_CLOSED);
    CHECK_EQ(ring_lock_word(&topic.ring), 0);
    receive_exactly(reader, 1);
    CHECK_EQ(receive(reader), RING_EMPTY);
    free(reader);
    free_topic(&topic);
}

int main(void) {
    lengths_of_every_kind();
    a_message_longer_than_half_the_ring_at_every_alignment();
    padding_of_every_length();
    runs_are_cut_without_loss();
    for (uint64_t seed = 1; seed <= 5; seed++) {
        losses_add_up(4096, 100, seed);
        losses_add_up(4096, 4000, seed);
        losses_add_up(20000, 1500, seed);
        losses_add_up(12256, 12256, seed);
    }
    a_loss_is_exact();
    a_view_is_whole_until_the_writer_announces_its_bytes();
    too_long_is_refused_and_changes_nothing();
    a_loan_is_committed_shorter();
    two_writers_take_turns();
    a_deleted_topic_takes_no_more_and_is_read_to_its_end();
}

/* How large a topic is, and which headers are refused before anything behind them is touched. */
#include "harness.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static uint64_t overhead_allowed(uint64_t size) {
    return size / 100 + 65536;
}

static void plan_costs_at_most_one_percent_and_64_kib(void) {
    static const uint64_t sizes[] = {1,
                                     31,
                                     4096,
                                     4097,
                                     65536,
                                     1000000,
                                     MIB,
                                     16 * MIB - 1,
                                     16 * MIB,
                                     16 * MIB + 1,
                                     33 * MIB + 5,
                                     100 * MIB,
                                     GIB - 1,
                                     GIB,
                                     3 * GIB + 12345,
                                     256 * GIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t size = sizes[i];
        uint64_t longest[] = {1, size / 2 + 1, size};
        for (int j = 0; j < 3; j++) {
            RingPlan plan = ring_plan(size, longest[j], RING_OVERWRITE);
            uint64_t taken = plan.ring_bytes + plan.roster_bytes;
            CHECK(taken <= size + overhead_allowed(size),
                  "size %" PRIu64 ", max_message %" PRIu64 ": %" PRIu64 " bytes", size, longest[j],
                  taken);
            CHECK(plan.capacity >= size, "size %" PRIu64, size);
            CHECK(plan.capacity >= longest[j] + RING_FRAME_HEADER, "size %" PRIu64, size);
            CHECK_EQ(plan.capacity % plan.block_size, 0);
            CHECK_EQ(plan.block_size & (plan.block_size - 1), 0);
            CHECK(plan.block_size >= RING_BLOCK_MIN, "size %" PRIu64, size);
            CHECK(plan.capacity / plan.block_size <= RING_BLOCKS_MAX, "size %" PRIu64, size);
            CHECK_EQ((plan.ring_bytes - plan.capacity) % RING_PAGE, 0);
        }
    }
}

static void a_formatted_ring_maps_to_what_was_planned(void) {
    static const uint64_t sizes[] = {1, 4096, 4097, 100000, MIB, 17 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Topic topic = make_topic(sizes[i], sizes[i]);
        CHECK_EQ(topic.ring.capacity, topic.plan.capacity);
        CHECK_EQ(topic.ring.blocks, topic.plan.capacity / topic.plan.block_size);
        CHECK_EQ(UINT64_C(1) << topic.ring.block_shift, topic.plan.block_size);
        CHECK_EQ(topic.ring.max_message, sizes[i]);
        CHECK_EQ(topic.ring.slots, ROSTER_SLOTS);
        CHECK_EQ(topic.ring.data + topic.ring.capacity - (uint8_t *)topic.bytes,
                 topic.plan.ring_bytes);
        RingPlace oldest, tail;
        CHECK_EQ(ring_oldest(&topic.ring, &oldest), RING_OK);
        CHECK_EQ(ring_tail(&topic.ring, &tail), RING_OK);
        CHECK_EQ(oldest.sequence, 1);
        CHECK_EQ(tail.sequence, 1);
        CHECK_EQ(tail.position, 0);
        free_topic(&topic);
    }
}

static RingResult map_again(Topic *topic, uint64_t length, uint64_t roster_length) {
    Ring ring;
    return ring_map(&ring, topic->bytes, length, topic->roster, roster_length);
}

static void a_ring_that_is_not_ready_says_so(void) {
    Topic topic = make_topic(10000, 100);
    uint64_t length = topic.plan.ring_bytes, roster_length = topic.plan.roster_bytes;
    RingHeader *header = topic.bytes;
    RosterHeader *roster = topic.roster;
    CHECK_EQ(map_again(&topic, length, roster_length), RING_OK);
    CHECK_EQ(map_again(&topic, 0, roster_length), RING_NOT_READY);
    CHECK_EQ(map_again(&topic, RING_PAGE - 1, roster_length), RING_NOT_READY);
    CHECK_EQ(map_again(&topic, length, RING_PAGE - 1), RING_NOT_READY);
    atomic_store(&header->magic, 0);
    CHECK_EQ(map_again(&topic, length, roster_length), RING_NOT_READY);
    atomic_store(&header->magic, RING_MAGIC);
    atomic_store(&roster->magic, 0);
    CHECK_EQ(map_again(&topic, length, roster_length), RING_NOT_READY);
    atomic_store(&roster->magic, RING_MAGIC);
    CHECK_EQ(map_again(&topic, length, roster_length), RING_CORRUPT);
    free_topic(&topic);
}

static void another_major_version_is_refused_and_a_minor_one_is_not(void) {
    Topic topic = make_topic(10000, 100);
    RingHeader *header = topic.bytes;
    RosterHeader *roster = topic.roster;
    header->version = RING_LAYOUT_VERSION + 1;
    CHECK_EQ(map_again(&topic, topic.plan.ring_bytes, topic.plan.roster_bytes), RING_OK);
    header->version = (RING_LAYOUT_MAJOR + 1) << 16;
    CHECK_EQ(map_again(&topic, topic.plan.ring_bytes, topic.plan.roster_bytes), RING_MISMATCH);
    header->version = RING_LAYOUT_VERSION;
    roster->version = 0;
    CHECK_EQ(map_again(&topic, topic.plan.ring_bytes, topic.plan.roster_bytes), RING_MISMATCH);
    free_topic(&topic);
}

static void every_field_that_lies_is_refused(void) {
    Topic topic = make_topic(10000, 100);
    uint64_t length = topic.plan.ring_bytes, roster_length = topic.plan.roster_bytes;
    RingHeader *header = topic.bytes;
    RingHeader sound = *header;
    struct {
        const char *what;
        size_t offset;
        uint64_t value;
        size_t bytes;
    } lies[] = {
        {"capacity 0", offsetof(RingHeader, capacity), 0, 8},
        {"capacity one more", offsetof(RingHeader, capacity), sound.capacity + 1, 8},
        {"capacity a block more", offsetof(RingHeader, capacity), sound.capacity + 4096, 8},
        {"capacity huge", offsetof(RingHeader, capacity), UINT64_MAX, 8},
        {"capacity 2^63", offsetof(RingHeader, capacity), UINT64_C(1) << 63, 8},
        {"block_size 0", offsetof(RingHeader, block_size), 0, 8},
        {"block_size 1", offsetof(RingHeader, block_size), 1, 8},
        {"block_size 4095", offsetof(RingHeader, block_size), 4095, 8},
        {"block_size 12288", offsetof(RingHeader, block_size), 12288, 8},
        {"block_size 2^63", offsetof(RingHeader, block_size), UINT64_C(1) << 63, 8},
        {"data_offset 0", offsetof(RingHeader, data_offset), 0, 8},
        {"data_offset a page on", offsetof(RingHeader, data_offset), sound.data_offset + 4096, 8},
        {"data_offset huge", offsetof(RingHeader, data_offset), UINT64_MAX - 4095, 8},
        {"max_message above capacity", offsetof(RingHeader, max_message), sound.capacity, 8},
        {"max_message huge", offsetof(RingHeader, max_message), UINT64_MAX, 8},
        {"max_message 2^32", offsetof(RingHeader, max_message), UINT64_C(1) << 32, 8},
        {"overflow 2", offsetof(RingHeader, overflow), 2, 4},
        {"slots 0", offsetof(RingHeader, slots), 0, 4},
        {"slots one more", offsetof(RingHeader, slots), ROSTER_SLOTS + 1, 4},
        {"slots huge", offsetof(RingHeader, slots), UINT32_MAX, 4},
        {"a name without an end", offsetof(RingHeader, name) + RING_NAME_BYTES - 1, 'x', 1},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy((uint8_t *)header + lies[i].offset, &lies[i].value, lies[i].bytes);
        CHECK(map_again(&topic, length, roster_length) == RING_CORRUPT, "%s", lies[i].what);
        *header = sound;
    }
    CHECK_EQ(map_again(&topic, length, roster_length), RING_OK);
    CHECK_EQ(map_again(&topic, length - 1, roster_length), RING_CORRUPT);
    CHECK_EQ(map_again(&topic, length, roster_length - 1), RING_CORRUPT);
    free_topic(&topic);
}

/* One page of file cannot hold a header page, a page of checkpoints and a page of data. */
static void a_file_too_short_for_its_own_front_is_refused(void) {
    Topic topic = make_topic(1, 1);
    for (uint64_t length = RING_PAGE; length < topic.plan.ring_bytes; length += 32)
        CHECK_EQ(map_again(&topic, length, topic.plan.roster_bytes), RING_CORRUPT);
    free_topic(&topic);
}

static void random_headers_never_lead_beyond_the_mapping(void) {
    uint64_t seed = 1;
    Topic topic = make_topic(20000, 3000);
    RingHeader *header = topic.bytes;
    RingHeader sound = *header;
    for (int round = 0; round < 200000; round++) {
        *header = sound;
        for (uint64_t n = 1 + random_below(&seed, 3); n; n--) {
            uint64_t value = next_random(&seed) >> random_below(&seed, 64);
            if (random_below(&seed, 2))
                value = value / 4096 * 4096;
            memcpy((uint8_t *)header + random_below(&seed, 10) * 8, &value, 8);
        }
        Ring ring;
        uint64_t length = random_below(&seed, 2) ? topic.plan.ring_bytes
                                                 : random_below(&seed, topic.plan.ring_bytes + 1);
        if (ring_map(&ring, topic.bytes, length, topic.roster, topic.plan.roster_bytes) != RING_OK)
            continue;
        uint8_t *end = (uint8_t *)topic.bytes + length;
        CHECK((uint8_t *)(ring.checkpoints + ring.blocks) <= ring.data, "round %d", round);
        CHECK(ring.data <= end && ring.capacity <= (uint64_t)(end - ring.data), "round %d", round);
        CHECK((uint8_t *)(ring.entries + ring.slots) <=
                  (uint8_t *)topic.roster + topic.plan.roster_bytes,
              "round %d", round);
        CHECK(ring.max_message + RING_FRAME_HEADER <= ring.capacity, "round %d", round);
        CHECK_EQ(ring.blocks << ring.block_shift, ring.capacity);
    }
    free_topic(&topic);
}

int main(void) {
    plan_costs_at_most_one_percent_and_64_kib();
    a_formatted_ring_maps_to_what_was_planned();
    a_ring_that_is_not_ready_says_so();
    another_major_version_is_refused_and_a_minor_one_is_not();
    every_field_that_lies_is_refused();
    a_file_too_short_for_its_own_front_is_refused();
    random_headers_never_lead_beyond_the_mapping();
}

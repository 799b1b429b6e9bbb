/* A writer that dies at any step leaves a ring that the next one goes on with.
 *
 * Death is played by not calling the rest: the dead writer's struct is never used again, and what
 * it did last stays in the ring.
 */
#include "harness.h"

enum { DEAD = 3, HEIR = 4, READER = 5 };

static void take_over(RingWriter *heir) {
    uint32_t seen = ring_lock_word(&heir->ring);
    CHECK_EQ(ring_lock_slot(seen), DEAD);
    CHECK_EQ(ring_begin(heir), RING_BUSY);
    CHECK_EQ(ring_take_over(heir, seen), RING_OK);
    ring_end(heir);
    CHECK_EQ(ring_lock_word(&heir->ring), 0);
}

/* Everything that `first` to `last` committed is there, and nothing else. */
static void expect(const Topic *topic, uint64_t first, uint64_t last) {
    RingReader *reader = make_reader(topic, READER);
    CHECK_EQ(ring_seek_sequence(reader, first), RING_OK);
    CHECK_EQ(reader->lost, 0);
    for (uint64_t sequence = first; sequence <= last; sequence++) {
        CHECK_EQ(receive(reader), RING_OK);
        CHECK_EQ(reader->frame.sequence, sequence);
    }
    CHECK_EQ(receive(reader), RING_EMPTY);
    free(reader);
}

typedef enum {
    LOCKED,
    RESERVED,        /* intent moved */
    HALF_WRITTEN,    /* some of the payload */
    APPENDED,        /* frame and checkpoint written, tail not */
    APPENDED_MANY,   /* several, over more than one block */
    RECORD_NUMBER,   /* the commit record's sequence is new, its end old */
    RECORD_WRITTEN,  /* the commit record is complete, tail old */
    COMMITTED,       /* tail moved: this one counts, though nobody was woken */
    CHECKPOINT_OPEN, /* its position withdrawn and not yet written again */
    STEPS
} Step;

static void die_at(Step step, RingWriter *dead, uint64_t length) {
    static uint8_t garbage[8192];
    memset(garbage, 0xdd, sizeof garbage);
    uint8_t *place;
    CHECK_EQ(ring_begin(dead), RING_OK);
    RingHeader *header = dead->ring.header;
    if (step == LOCKED)
        return;
    if (step == RESERVED || step == HALF_WRITTEN) {
        CHECK_EQ(ring_reserve(dead, length, &place), RING_OK);
        memcpy(place, garbage, step == HALF_WRITTEN ? length / 2 : 0);
        return;
    }
    if (step == COMMITTED) {
        uint8_t payload[8192];
        fill_payload(payload, dead->sequence, length);
        CHECK_EQ(ring_append(dead, payload, length, 1), RING_OK);
        ring_flush(dead);
        return;
    }
    for (int n = step == APPENDED_MANY ? 9 : 1; n; n--)
        CHECK_EQ(ring_append(dead, garbage, length, 1), RING_OK);
    RingCommit *commit = &header->commit[dead->record ^ 1];
    if (step == RECORD_NUMBER || step == RECORD_WRITTEN)
        atomic_store(&commit->sequence, dead->sequence);
    if (step == RECORD_WRITTEN)
        atomic_store(&commit->end, dead->head);
    if (step == CHECKPOINT_OPEN) {
        RingCheckpoint *entry = dead->ring.checkpoints;
        for (uint64_t i = 0; i < dead->ring.blocks; i++)
            if (atomic_load(&entry[i].position) >= dead->tail)
                atomic_store(&entry[i].position, RING_NOWHERE);
    }
}

static void what_was_committed_stays_and_what_was_not_never_was(void) {
    uint64_t seed = 11;
    for (Step step = LOCKED; step < STEPS; step++) {
        for (int before = 0; before < 60; before++) {
            Topic topic = make_topic(32768, 1500);
            RingWriter dead = make_writer(&topic, DEAD), heir = make_writer(&topic, HEIR);
            RingReader *reader = make_reader(&topic, READER);
            for (int i = 0; i < before; i++)
                publish(i % 2 ? &dead : &heir, random_below(&seed, 1501));
            while (receive(reader) != RING_EMPTY)
                ;
            uint64_t lost = reader->lost;
            die_at(step, &dead, 1 + random_below(&seed, 1500));
            take_over(&heir);
            uint64_t count = (uint64_t)before + (step == COMMITTED);
            RingPlace tail;
            CHECK_EQ(ring_tail(&topic.ring, &tail), RING_OK);
            CHECK_EQ(tail.sequence, count + 1);
            if (step == COMMITTED)
                CHECK_EQ(receive(reader), RING_OK);
            for (int i = 0; i < 3; i++) {
                CHECK_EQ(publish(&heir, random_below(&seed, 1501)), ++count);
                CHECK_EQ(receive(reader), RING_OK);
                CHECK_EQ(reader->frame.sequence, count);
            }
            CHECK_EQ(receive(reader), RING_EMPTY);
            CHECK_EQ(reader->lost, lost);
            expect(&topic, count > 6 ? count - 5 : 1, count);
            free(reader);
            free_topic(&topic);
        }
    }
}

/* The dead writer's batch left a checkpoint in a later block. A long message then covers that
 * whole block, and the checkpoint must not lead anyone into the middle of it. */
static void a_checkpoint_that_was_never_committed_leads_nowhere(bool dropped) {
    Topic topic = make_topic(16 * 4096, 8192);
    RingWriter dead = make_writer(&topic, DEAD), heir = make_writer(&topic, HEIR);
    publish(&heir, 100);
    static uint8_t hostile[8192];
    CHECK_EQ(ring_begin(&dead), RING_OK);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(ring_append(&dead, hostile, 2000, 1), RING_OK);
    if (dropped)
        ring_end(&dead);
    else
        take_over(&heir);
    CHECK_EQ(publish(&heir, 8192), 2);
    CHECK_EQ(publish(&heir, 10), 3);
    for (uint64_t first = 1; first <= 4; first++) {
        expect(&topic, first, 3);
        RingReader *reader = make_reader(&topic, READER);
        CHECK_EQ(ring_seek_last(reader, 4 - first), RING_OK);
        CHECK_EQ(reader->sequence, first);
        CHECK_EQ(ring_seek_since(reader, 1000 + first), RING_OK);
        CHECK_EQ(reader->sequence, first);
        free(reader);
    }
    /* Lapped up to there, a reader looks for the first checkpoint that is whole. */
    RingReader *reader = make_reader(&topic, READER);
    CHECK_EQ(ring_seek_oldest(reader), RING_OK);
    RingPlace oldest;
    for (uint64_t sequence = 4; sequence < 60; sequence++) {
        publish(&heir, 4000);
        CHECK_EQ(ring_oldest(&topic.ring, &oldest), RING_OK);
        expect(&topic, oldest.sequence, sequence);
    }
    free(reader);
    free_topic(&topic);
}

/* What a loan announced stays announced after it was given up; see R1. */
static void intent_never_moves_back(void) {
    uint64_t seed = 3, before = 0;
    Topic topic = make_topic(8160, 8160); /* so that a loan may announce more than a lap */
    RingWriter writer = make_writer(&topic, HEIR);
    RingReader *reader = make_reader(&topic, READER);
    for (uint64_t sequence = 1; sequence < 2000; sequence++) {
        uint8_t *place;
        uint64_t length = random_below(&seed, 8161);
        CHECK_EQ(ring_begin(&writer), RING_OK);
        CHECK_EQ(ring_reserve(&writer, length, &place), RING_OK);
        memset(place, 0xcc, length);
        ring_end(&writer);
        uint64_t intent = atomic_load(&topic.ring.header->intent);
        CHECK(intent >= before, "after the loan before message %" PRIu64, sequence);
        CHECK_EQ(receive(reader), RING_EMPTY);
        CHECK_EQ(publish(&writer, random_below(&seed, 300)), sequence);
        before = atomic_load(&topic.ring.header->intent);
        CHECK(before >= intent, "after message %" PRIu64, sequence);
        /* Who keeps up loses nothing, though it may be sent on to the next lap. */
        RingResult result = receive(reader);
        if (result == RING_LAPPED)
            result = receive(reader);
        CHECK_EQ(result, RING_OK);
        CHECK_EQ(reader->frame.sequence, sequence);
        CHECK_EQ(reader->lost, 0);
        RingPlace oldest;
        CHECK_EQ(ring_oldest(&topic.ring, &oldest), RING_OK);
        expect(&topic, oldest.sequence, sequence);
    }
    free(reader);
    free_topic(&topic);
}

static void only_the_word_that_was_judged_is_taken_over(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter dead = make_writer(&topic, DEAD), heir = make_writer(&topic, HEIR), third;
    ring_writer_open(&third, &topic.ring, DEAD, 999, false); /* who has the dead one's slot now */
    CHECK_EQ(ring_begin(&dead), RING_OK);
    uint32_t seen = ring_lock_word(&topic.ring);
    CHECK_EQ(ring_begin_waiting(&heir, 0), RING_TIMEOUT); /* marks it as contended */
    CHECK(ring_lock_word(&topic.ring) != seen, "not marked");
    CHECK_EQ(ring_take_over(&third, seen), RING_OK);
    CHECK_EQ(ring_take_over(&heir, seen), RING_BUSY);
    ring_end(&third);
    CHECK_EQ(ring_take_over(&heir, seen), RING_BUSY);
    CHECK_EQ(ring_begin(&heir), RING_OK);
    ring_end(&heir);
    free_topic(&topic);
}

static void an_exclusive_writer_can_be_inherited_from(void) {
    Topic topic = make_topic(4096, 100);
    RingWriter dead, heir = make_writer(&topic, HEIR);
    ring_writer_open(&dead, &topic.ring, DEAD, 1, true);
    for (int i = 0; i < 5; i++)
        publish(&dead, 50);
    CHECK_EQ(ring_begin(&heir), RING_HELD);
    CHECK_EQ(ring_take_over(&heir, ring_lock_word(&topic.ring)), RING_OK);
    ring_end(&heir);
    CHECK_EQ(publish(&heir, 60), 6);
    expect(&topic, 1, 6);
    free_topic(&topic);
}

int main(void) {
    what_was_committed_stays_and_what_was_not_never_was();
    a_checkpoint_that_was_never_committed_leads_nowhere(false);
    a_checkpoint_that_was_never_committed_leads_nowhere(true);
    intent_never_moves_back();
    only_the_word_that_was_judged_is_taken_over();
    an_exclusive_writer_can_be_inherited_from();
}

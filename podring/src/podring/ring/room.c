/* Room in a `block` topic: publishers go no further than the slowest subscriber lets them.
 *
 * A subscriber's place is its cursor, or the oldest message that a view of it still needs. A
 * publisher may write up to one lap beyond the slowest place. It looks at all of them only when it
 * has used up what it found last time: places move forward, so what was found stays true.
 *
 * The one thing that may take room back is a subscriber that takes a place. It maps the ring for
 * reading only, so it cannot hold the publishers' lock meanwhile; instead both sides say what they
 * are about to do before they look at the other (R7): the publisher what it claims, the subscriber
 * its place. At least one of the two sees the other. A publisher that sees a new place keeps to it
 * and does not turn its claim into intent; a subscriber that sees a claim beyond its place seeks
 * again. From then on its place holds the publishers, so the second try succeeds.
 */
#include "core.h"

/* The position from which on a participant needs the ring: RING_NOWHERE if it holds nobody up. */
static uint64_t place_of(const RosterEntry *entry) {
    if (load_acquire(&entry->role) != ROSTER_SUBSCRIBER ||
        load_relaxed(&entry->flags) & ROSTER_LOSSY)
        return RING_NOWHERE;
    if (ring_evicted(entry))
        return RING_NOWHERE;
    /* R6 room: what the subscriber copied, it copied before; and what a view of it needs, it held
     * before its cursor went past. So the cursor comes first. */
    uint64_t cursor = load_acquire(&entry->cursor);
    return min_u64(cursor, load_acquire(&entry->hold));
}

static uint64_t slowest_place(const Ring *ring) {
    uint64_t slowest = RING_NOWHERE;
    uint32_t reach = load_relaxed(&ring->roster->reach);
    for (uint32_t slot = 0; slot < reach && slot < ring->slots; slot++)
        slowest = min_u64(slowest, place_of(&ring->entries[slot]));
    return slowest;
}

/* How far publishers may write. The roster is everybody's to write: nonsense in it costs waiting or
 * losses that are counted, and nothing else. */
static uint64_t look_for_room(const Ring *ring) {
    uint64_t slowest = slowest_place(ring);
    if (slowest == RING_NOWHERE && !ring->keeps)
        return RING_NOWHERE;
    if (slowest == RING_NOWHERE)
        slowest = load_relaxed(&ring->header->kept);
    return min_u64(slowest, load_relaxed(&ring->header->tail)) + ring->capacity;
}

/* Move intent to `end`, and up to `ahead` beyond it where there is room. With the lock. */
RingResult claim_room(RingWriter *writer, uint64_t end, uint64_t ahead) {
    const Ring *ring = &writer->ring;
    RingHeader *header = ring->header;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint32_t members = load_acquire(&ring->roster->members);
        if (writer->room < end || members != writer->members) {
            writer->members = members;
            writer->room = look_for_room(ring);
            if (ring->keeps && writer->room - ring->capacity > load_relaxed(&header->kept))
                store_relaxed(&header->kept, writer->room - ring->capacity);
        }
        if (writer->room < end)
            break;
        uint64_t goal = min_u64(end + ahead, writer->room);
        if (goal > load_relaxed(&header->claim))
            store_relaxed(&header->claim, goal);
        full_barrier(); /* R7 place */
        if (load_acquire(&ring->roster->members) == writer->members) {
            store_relaxed(&header->intent, goal);
            return RING_OK;
        }
    }
    writer->wanted = end;
    return RING_FULL;
}

RingResult ring_take_place(RingReader *reader) {
    const Ring *ring = &reader->ring;
    ring_report(reader);
    if (!ring->waits || load_relaxed(&ring->entries[reader->slot].flags) & ROSTER_LOSSY)
        return RING_OK;
    atomic_fetch_add_explicit(&ring->roster->members, 1, memory_order_seq_cst); /* R7 place */
    full_barrier();
    uint64_t claim = load_relaxed(&ring->header->claim);
    return claim <= reader->cursor || claim - reader->cursor <= ring->capacity ? RING_OK
                                                                               : RING_LAPPED;
}

RingResult ring_return(RingReader *reader, uint64_t now) {
    RosterEntry *entry = &reader->ring.entries[reader->slot];
    store_relaxed(&entry->joined, max_u64(now, load_relaxed(&entry->joined) + 1));
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (ring_take_place(reader) == RING_OK) {
            if (reader->undone != RING_NOWHERE)
                hold_undone(reader); /* what was before is overwritten */
            return RING_OK;
        }
        RingPlace place;
        if (find_place(&reader->ring, 0, &place) != RING_OK || place.position < reader->cursor)
            return RING_CORRUPT; /* going back would deliver messages twice */
        RingResult result = skip_to(reader, place);
        if (result != RING_OK)
            return result;
    }
    return RING_CORRUPT;
}

static void store_hold(const RingReader *reader) {
    uint64_t hold = min_u64(reader->viewed, reader->undone);
    store_release(&reader->ring.entries[reader->slot].hold, hold);
}

void ring_hold(RingReader *reader, uint64_t position) {
    reader->viewed = position;
    store_hold(reader);
    tell_publishers(&reader->ring, reader->slot);
}

/* Where nothing may be lost, what is not saved as done stays for whoever resumes. As in make_room,
 * the barrier is left to the end of the run, which reports because of this. */
void hold_undone(RingReader *reader) {
    reader->undone = reader->cursor;
    store_hold(reader);
    reader->reported = RING_NOWHERE;
    if (load_relaxed(&reader->ring.roster->drain))
        tell_publishers(&reader->ring, reader->slot);
}

/* A participant's place has moved, or is no more: is it what a publisher sleeps for? */
void tell_publishers(const Ring *ring, uint32_t slot) {
    if (load_relaxed(&ring->entries[slot].flags) & ROSTER_LOSSY)
        return;
    full_barrier(); /* R8 drain */
    uint64_t drain = load_relaxed(&ring->roster->drain);
    if (drain && place_of(&ring->entries[slot]) >= drain)
        wake_publishers(ring);
}

void wake_publishers(const Ring *ring) {
    store_relaxed(&ring->roster->drain, 0);
    atomic_fetch_add_explicit(&ring->roster->drained, 1, memory_order_seq_cst);
    futex_wake(&ring->roster->drained, INT32_MAX);
}

bool has_room_for(const RingWriter *writer, uint64_t more) {
    const Ring *ring = &writer->ring;
    uint64_t most = load_relaxed(&ring->header->tail) + ring->capacity; /* once all is received */
    uint64_t wanted = max_u64(min_u64(writer->wanted + more, most), writer->wanted);
    return look_for_room(ring) >= wanted || load_relaxed(&ring->header->state) != RING_OPEN;
}

bool ring_has_room(const RingWriter *writer) {
    return has_room_for(writer, 0);
}

RingResult ring_sleep_room(RingWriter *writer, int64_t timeout_ns) {
    const Ring *ring = &writer->ring;
    RosterHeader *roster = ring->roster;
    uint32_t value = load_acquire(&roster->drained);
    /* Not at the first free byte: a subscriber that reads one small message after the other would
     * have to wake somebody for each. */
    uint64_t needed = writer->wanted - min_u64(writer->wanted, ring->capacity);
    uint64_t tail = load_relaxed(&ring->header->tail);
    uint64_t drain = max_u64(min_u64(needed + ring->capacity / 8, max_u64(tail, needed)), 1);
    uint64_t seen = load_relaxed(&roster->drain);
    while ((!seen || drain < seen) &&
           !atomic_compare_exchange_weak_explicit(&roster->drain, &seen, drain,
                                                  memory_order_seq_cst, memory_order_relaxed)) {
    }
    full_barrier(); /* R8 drain */
    if (ring_has_room(writer))
        return RING_OK;
    return futex_wait(&roster->drained, value, timeout_ns);
}

bool ring_is_slow(const RingWriter *writer, uint32_t slot) {
    uint64_t place = place_of(&writer->ring.entries[slot]);
    return place != RING_NOWHERE && place + writer->ring.capacity < writer->wanted;
}

void ring_evict(RingWriter *writer, uint32_t slot, uint64_t joined) {
    store_relaxed(&writer->ring.entries[slot].evicted, joined);
}

void ring_report_wait(RingWriter *writer, uint64_t since) {
    RosterEntry *entry = &writer->ring.entries[writer->slot];
    store_relaxed(&entry->cursor, since ? writer->wanted : 0);
    store_relaxed(&entry->hold, since ? since : RING_NOWHERE);
}

/* Finding a place in the ring: by checkpoint to the right block, then frame by frame. */
#include "core.h"

/* Tail and the next sequence that belongs to it. */
RingResult ring_tail(const Ring *ring, RingPlace *place) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t tail = load_acquire(&ring->header->tail); /* R2 publish */
        for (int i = 0; i < 2; i++) {
            const RingCommit *commit = &ring->header->commit[i];
            if (load_acquire(&commit->end) != tail)
                continue;
            uint64_t sequence = load_acquire(&commit->sequence);
            /* The record named by tail is rewritten only after tail has moved on. */
            if (load_relaxed(&ring->header->tail) != tail)
                break;
            *place = (RingPlace){tail, sequence};
            return RING_OK;
        }
    }
    return RING_CORRUPT;
}

/* The first frame of a block, if it is known, committed and whole. */
bool read_checkpoint(const Ring *ring, uint64_t block, uint64_t oldest, uint64_t tail,
                     Checkpoint *found) {
    const RingCheckpoint *entry = &ring->checkpoints[block % ring->blocks];
    uint64_t position = load_acquire(&entry->position); /* R3 checkpoint */
    found->place.position = position;
    found->place.sequence = load_acquire(&entry->sequence);
    found->timestamp = load_acquire(&entry->timestamp);
    return position == load_relaxed(&entry->position) && position >> ring->block_shift == block &&
           position >= oldest && position < tail && position % RING_FRAME_ALIGN == 0;
}

/* The first checkpoint at or after `from` that is still whole; the tail when there is none. */
RingResult find_place(const Ring *ring, uint64_t from, RingPlace *place) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        RingPlace end;
        if (ring_tail(ring, &end) != RING_OK)
            return RING_CORRUPT;
        *place = end;
        uint64_t oldest = max_u64(from, first_whole(ring));
        uint64_t block = oldest >> ring->block_shift;
        for (uint64_t n = 0; n <= ring->blocks; n++, block++) {
            Checkpoint found;
            if (read_checkpoint(ring, block, oldest, end.position, &found)) {
                *place = found.place;
                break;
            }
        }
        if (ring_is_whole(ring, place->position))
            return RING_OK;
    }
    return ring_tail(ring, place);
}

RingResult ring_oldest(const Ring *ring, RingPlace *place) {
    return find_place(ring, 0, place);
}

RingResult ring_seek_latest(RingReader *reader) {
    RingPlace place;
    RingResult result = ring_tail(&reader->ring, &place);
    if (result == RING_OK)
        go_to(reader, place);
    return result;
}

RingResult ring_seek_oldest(RingReader *reader) {
    RingPlace place;
    RingResult result = ring_oldest(&reader->ring, &place);
    if (result == RING_OK)
        go_to(reader, place);
    return result;
}

typedef enum { BY_SEQUENCE, BY_TIME } Key;

/* The last checkpoint before the target, or the first there is. */
static void near_place(const Ring *ring, Key key, uint64_t target, RingPlace end,
                       RingPlace *place) {
    uint64_t oldest = first_whole(ring), block = oldest >> ring->block_shift;
    bool any = false;
    *place = end;
    for (uint64_t n = 0; n <= ring->blocks; n++, block++) {
        Checkpoint found;
        if (!read_checkpoint(ring, block, oldest, end.position, &found))
            continue;
        if (any && (key == BY_TIME ? found.timestamp >= target : found.place.sequence > target))
            return;
        *place = found.place;
        any = true;
    }
}

/* The first message whose key is at least `target`; the tail when there is none. */
static RingResult find_target(const Ring *ring, Key key, uint64_t target, RingPlace *place) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        RingPlace end;
        if (ring_tail(ring, &end) != RING_OK)
            return RING_CORRUPT;
        near_place(ring, key, target, end, place);
        RingResult result = RING_OK;
        RingFrame frame;
        while (place->position < end.position) {
            result = read_header(ring, place->position, end.position, &frame);
            if (result != RING_OK || (key == BY_TIME ? frame.timestamp : frame.sequence) >= target)
                break;
            place->position += frame_bytes(frame.length);
            place->sequence += !(frame.flags & RING_FRAME_PADDING);
        }
        if (result != RING_LAPPED)
            return result;
    }
    return find_place(ring, 0, place);
}

RingResult ring_seek_since(RingReader *reader, uint64_t timestamp) {
    RingPlace place;
    RingResult result = find_target(&reader->ring, BY_TIME, timestamp, &place);
    if (result == RING_OK)
        go_to(reader, place);
    return result;
}

RingResult ring_seek_sequence(RingReader *reader, uint64_t sequence) {
    RingPlace end, place;
    if (ring_tail(&reader->ring, &end) != RING_OK)
        return RING_CORRUPT;
    if (sequence > end.sequence)
        return RING_AHEAD;
    RingResult result = find_target(&reader->ring, BY_SEQUENCE, sequence, &place);
    if (result != RING_OK)
        return result;
    reader->sequence = sequence; /* what is asked for and gone counts as lost */
    return skip_to(reader, place);
}

RingResult ring_seek_last(RingReader *reader, uint64_t count) {
    RingPlace end, place;
    if (ring_tail(&reader->ring, &end) != RING_OK)
        return RING_CORRUPT;
    uint64_t target = end.sequence - min_u64(count, end.sequence - 1);
    RingResult result = find_target(&reader->ring, BY_SEQUENCE, target, &place);
    if (result == RING_OK)
        go_to(reader, place);
    return result;
}

/* Moving a reader: by checkpoint to the right block, then frame by frame. */
#include "core.h"

/* Where nobody subscribed and the topic keeps what it has, that begins at an exact place. */
static bool find_kept(const Ring *ring, RingPlace *place) {
    RingPlace end;
    RingFrame frame;
    uint64_t kept = load_relaxed(&ring->header->kept);
    if (!ring->keeps || kept < first_whole(ring) || ring_tail(ring, &end) != RING_OK ||
        kept >= end.position || kept % RING_FRAME_ALIGN ||
        read_header(ring, kept, end.position, &frame) != RING_OK)
        return false;
    *place = (RingPlace){.position = kept, .sequence = frame.sequence};
    return true;
}

RingResult ring_seek_oldest(RingReader *reader) {
    RingPlace place;
    RingResult result =
        find_kept(&reader->ring, &place) ? RING_OK : ring_oldest(&reader->ring, &place);
    if (result == RING_OK)
        go_to(reader, place);
    return result;
}

typedef enum { BY_SEQUENCE, BY_TIME } Key;

/* A walk covers a block or two; from the only checkpoint that is left it covers up to a lap. */
#define LAPS_WALKED 2

/* The last checkpoint before the target, or the first there is; or what is kept, which begins between
 * two of them. */
static void near_place(const Ring *ring, Key key, uint64_t target, RingPlace end,
                       RingPlace *place) {
    uint64_t oldest = first_whole(ring), block = oldest >> ring->block_shift;
    bool any = key == BY_SEQUENCE && find_kept(ring, place) && place->sequence <= target;
    if (!any)
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
    /* Whoever keeps changing the ring can make a walk end in vain, but not many of them. */
    uint64_t steps = 0, most = LAPS_WALKED * (ring->capacity / RING_FRAME_ALIGN);
    for (int attempt = 0; attempt < ATTEMPTS && steps < most; attempt++) {
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
            steps++;
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

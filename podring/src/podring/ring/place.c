/* Places in the ring: its end, its frames, and the first frame of a block by checkpoint. */
#include "core.h"

/* Tail and the next sequence that belongs to it. */
RingResult ring_tail(const Ring *ring, RingPlace *place) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t tail = load_acquire(&ring->header->tail); /* R2 publish */
        if (tail % RING_FRAME_ALIGN)
            return RING_CORRUPT; /* a frame there could reach beyond the ring's end */
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
        /* At the tail nothing can have been overwritten yet, whatever a loan that was given up has
         * announced; unless the tail has moved. */
        if (ring_is_whole(ring, place->position) ||
            (place->position == end.position && load_relaxed(&ring->header->tail) == end.position))
            return RING_OK;
    }
    return ring_tail(ring, place);
}

RingResult ring_oldest(const Ring *ring, RingPlace *place) {
    return find_place(ring, 0, place);
}

/* Read the header of the frame at `position`, which ends at or before `tail`. */
RingResult read_header(const Ring *ring, uint64_t position, uint64_t tail, RingFrame *frame) {
    uint64_t offset = position % ring->capacity;
    copy_shared(frame, ring->data + offset, sizeof *frame);
    if (!ring_is_whole(ring, position))
        return RING_LAPPED;
    uint64_t size = frame_bytes(frame->length);
    bool padding = frame->flags & RING_FRAME_PADDING;
    uint64_t room = ring->capacity - offset;
    bool fits = padding ? size == room : size <= room && frame->length <= ring->max_message;
    return frame->position == position && size <= tail - position && fits ? RING_OK : RING_CORRUPT;
}

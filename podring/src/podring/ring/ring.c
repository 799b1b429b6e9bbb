/* The ring as a place: how large it is, how it is laid out, and who is on its roster. */
#include "core.h"

/* Where publishers wait, the longest message must fit behind any padding, or wait for ever. */
static uint64_t least_capacity(uint32_t overflow, uint64_t max_message) {
    return (overflow == RING_BLOCK ? 2 : 1) * frame_bytes(max_message);
}

RingPlan ring_plan(uint64_t size, uint64_t max_message, uint32_t overflow) {
    uint64_t block_size = RING_BLOCK_MIN;
    uint64_t wanted = max_u64(size, least_capacity(overflow, max_message));
    while (block_size * RING_BLOCKS_MAX < wanted)
        block_size *= 2;
    uint64_t capacity = round_up(wanted, block_size);
    uint64_t checkpoints = capacity / block_size * RING_CHECKPOINT_BYTES;
    return (RingPlan){
        .ring_bytes = RING_PAGE + round_up(checkpoints, RING_PAGE) + capacity,
        .roster_bytes =
            RING_PAGE + ROSTER_SLOTS * ROSTER_ENTRY_BYTES + ROSTER_OFFSETS * ROSTER_OFFSET_BYTES,
        .capacity = capacity,
        .block_size = block_size,
    };
}

void ring_format(void *bytes, void *roster_bytes, const RingOptions *options) {
    RingPlan plan = ring_plan(options->size, options->max_message, options->overflow);
    RosterHeader *roster = roster_bytes;
    roster->version = RING_LAYOUT_VERSION;
    roster->slots = ROSTER_SLOTS;
    roster->offsets = ROSTER_OFFSETS;
    roster->generation = options->generation;
    store_release(&roster->magic, ROSTER_MAGIC);

    RingHeader *header = bytes;
    header->version = RING_LAYOUT_VERSION;
    header->overflow = options->overflow;
    header->capacity = plan.capacity;
    header->block_size = plan.block_size;
    header->data_offset = plan.ring_bytes - plan.capacity;
    header->max_message = options->max_message;
    header->generation = options->generation;
    header->created = options->created;
    header->size = options->size;
    header->slots = ROSTER_SLOTS;
    header->unsubscribed = options->unsubscribed;
    header->lease = options->lease;
    memcpy(header->name, options->name, strlen(options->name));
    if (options->origin)
        memcpy(header->origin, options->origin, strlen(options->origin));
    store_relaxed(&header->wake, 1); /* ahead of sleepers */
    store_relaxed(&header->commit[0].sequence, 1);
    store_relaxed(&header->commit[1].end, RING_NOWHERE);
    RingCheckpoint *checkpoints = (RingCheckpoint *)(header + 1);
    for (uint64_t i = 0; i < plan.capacity / plan.block_size; i++)
        store_relaxed(&checkpoints[i].position, RING_NOWHERE);
    store_release(&header->magic, RING_MAGIC);
}

static bool geometry_fits(const RingHeader *header, uint64_t length) {
    uint64_t block = header->block_size, capacity = header->capacity;
    if (block < RING_BLOCK_MIN || (block & (block - 1)) || block > length || capacity > length)
        return false;
    if (!capacity || capacity % block || capacity / block > RING_BLOCKS_MAX)
        return false;
    uint64_t front = RING_PAGE + round_up(capacity / block * RING_CHECKPOINT_BYTES, RING_PAGE);
    return header->data_offset == front && length >= front && length - front >= capacity &&
           header->max_message <= UINT32_MAX &&
           least_capacity(header->overflow, header->max_message) <= capacity &&
           header->overflow <= RING_BLOCK && header->name[RING_NAME_BYTES - 1] == 0;
}

RingResult ring_map(Ring *ring, void *bytes, uint64_t length, void *roster_bytes,
                    uint64_t roster_length) {
    if (length < RING_PAGE || roster_length < RING_PAGE)
        return RING_NOT_READY;
    RingHeader *header = bytes;
    RosterHeader *roster = roster_bytes;
    uint64_t magic = load_acquire(&header->magic), roster_magic = load_acquire(&roster->magic);
    if (!magic || !roster_magic)
        return RING_NOT_READY;
    if (magic != RING_MAGIC || roster_magic != ROSTER_MAGIC)
        return RING_CORRUPT;
    if (header->version >> 16 != RING_LAYOUT_MAJOR || roster->version >> 16 != RING_LAYOUT_MAJOR)
        return RING_MISMATCH;
    RingHeader copy; /* a hostile header must not change between the check and the use */
    copy_shared(&copy, header, sizeof copy);
    uint64_t slots = copy.slots;
    uint32_t offsets = *(volatile uint32_t *)&roster->offsets; /* once, for the same reason */
    if (!geometry_fits(&copy, length) || !slots || slots >= RING_LOCK_SLOT ||
        roster_length <
            RING_PAGE + slots * ROSTER_ENTRY_BYTES + (uint64_t)offsets * ROSTER_OFFSET_BYTES)
        return RING_CORRUPT;
    *ring = (Ring){
        .header = header,
        .checkpoints = (RingCheckpoint *)(header + 1),
        .data = (uint8_t *)bytes + copy.data_offset,
        .roster = roster,
        .entries = (RosterEntry *)(roster + 1),
        .saved = (RosterOffset *)((RosterEntry *)(roster + 1) + slots),
        .offsets = offsets,
        .capacity = copy.capacity,
        .max_message = copy.max_message,
        .ahead = min_u64(RING_AHEAD_BYTES, copy.capacity / 16),
        .blocks = copy.capacity / copy.block_size,
        .block_shift = (uint32_t)__builtin_ctzll(copy.block_size),
        .slots = copy.slots,
        .waits = copy.overflow == RING_BLOCK,
        .keeps = copy.unsubscribed == RING_KEEP,
    };
    return RING_OK;
}

uint32_t ring_state(const Ring *ring) {
    return load_acquire(&ring->header->state);
}

bool ring_is_whole(const Ring *ring, uint64_t position) {
    /* R1 overwrite: what was read before this fence was read before intent is. */
    atomic_thread_fence(memory_order_acquire);
    uint64_t intent = load_relaxed(&ring->header->intent);
    return intent <= position || intent - position <= ring->capacity;
}

void ring_join(Ring *ring, uint32_t slot, uint32_t role, uint32_t process, uint32_t user,
               uint64_t joined, const char name[ROSTER_NAME_BYTES], uint32_t flags) {
    RosterEntry *entry = &ring->entries[slot];
    uint64_t words[ROSTER_NAME_BYTES / 8];
    memcpy(words, name, sizeof words);
    store_release(&entry->role, ROSTER_FREE);
    store_relaxed(&entry->flags, flags);
    store_relaxed(&entry->evicted, 0);
    store_relaxed(&entry->joined, joined);
    store_relaxed(&entry->process, process);
    store_relaxed(&entry->user, user);
    for (size_t i = 0; i < ROSTER_NAME_BYTES / 8; i++)
        store_relaxed(&entry->name[i], words[i]);
    store_relaxed(&entry->cursor, role == ROSTER_SUBSCRIBER ? RING_NOWHERE : 0);
    store_relaxed(&entry->sequence, 0);
    store_relaxed(&entry->messages, 0);
    store_relaxed(&entry->bytes, 0);
    store_relaxed(&entry->lost, 0);
    store_relaxed(&entry->active, 0);
    store_relaxed(&entry->hold, RING_NOWHERE);
    uint32_t reach = load_relaxed(&ring->roster->reach);
    while (reach <= slot &&
           !atomic_compare_exchange_weak_explicit(&ring->roster->reach, &reach, slot + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    store_release(&entry->role, role);
}

void ring_leave(Ring *ring, uint32_t slot) {
    store_release(&ring->entries[slot].role, ROSTER_FREE);
    if (ring->waits)
        tell_publishers(ring, slot);
}

uint32_t ring_lock_word(const Ring *ring) {
    return load_relaxed(&ring->header->lock);
}

int32_t ring_lock_slot(uint32_t word) {
    return (int32_t)(word & RING_LOCK_SLOT) - 1;
}

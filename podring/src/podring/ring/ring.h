/* The ring: one total order of messages in shared memory, written by many, read by any number.
 *
 * This core works on plain bytes (layout.h says which) and knows no system call but futex: who
 * maps the bytes, who is alive and who may wait how long is its caller's business. It allocates
 * nothing and takes no lock but the one in the ring. A Ring is a private copy of the geometry,
 * checked once: nothing that decides where memory is touched is read from shared memory again.
 *
 * Writing:  ring_begin → (ring_append … ring_flush | ring_reserve → ring_commit) → ring_end
 * Reading:  ring_next → RING_OK: the payload lies in a private buffer, safe until the next call
 *                     → RING_LARGE: ring_take copies it to where the caller wants it
 *           ring_peek → the payload where it lies in the ring; ring_is_whole tells until when
 */
#ifndef PODRING_RING_H
#define PODRING_RING_H

#include <stdbool.h>

#include "layout.h"

typedef enum {
    RING_OK = 0,
    RING_EMPTY,       /* nothing new */
    RING_LARGE,       /* a message too large for the private buffer: call ring_take */
    RING_LAPPED,      /* overtaken, and gone on behind the gap: report it and call again */
    RING_CLOSED,      /* the topic was deleted */
    RING_BUSY,        /* another publisher holds the lock */
    RING_HELD,        /* an exclusive publisher holds the lock */
    RING_TOO_LONG,    /* longer than max_message */
    RING_AHEAD,       /* a sequence that the topic has not reached */
    RING_INTERRUPTED, /* a signal arrived while waiting */
    RING_TIMEOUT,
    RING_FULL,      /* `block` topics: subscribers still need what would be overwritten */
    RING_EVICTED,   /* `block` topics: held publishers up for too long, and is not waited for now */
    RING_NOT_READY, /* no magic number: still being made */
    RING_MISMATCH,  /* another layout's major version */
    RING_CORRUPT    /* bytes that no publisher writes */
} RingResult;

/* ---- geometry ---- */

typedef struct {
    RingHeader *header;
    RingCheckpoint *checkpoints;
    uint8_t *data;
    RosterHeader *roster;
    RosterEntry *entries;
    RosterOffset *saved;
    uint64_t capacity;
    uint64_t max_message;
    uint64_t ahead; /* how far intent runs ahead for small messages */
    uint64_t blocks;
    uint32_t block_shift;
    uint32_t slots;
    uint32_t offsets; /* places at `saved` */
    bool waits;       /* a `block` topic */
    bool keeps;       /* one that fills up and waits where nobody subscribes */
} Ring;

typedef struct {
    uint64_t ring_bytes;
    uint64_t roster_bytes;
    uint64_t capacity;
    uint64_t block_size;
} RingPlan;

typedef struct {
    const char *name;   /* at most RING_NAME_BYTES - 1 bytes */
    const char *origin; /* at most RING_ORIGIN_BYTES - 1 bytes; NULL for none */
    uint64_t size;
    uint64_t max_message;
    uint64_t generation;
    uint64_t created;
    uint32_t overflow;
    uint32_t unsubscribed;
    uint64_t lease;
} RingOptions;

/* How much memory a topic takes. `size` and `max_message` are below 2^48. */
RingPlan ring_plan(uint64_t size, uint64_t max_message, uint32_t overflow);

/* Lay out an empty ring in zeroed memory of the planned sizes; the magic numbers come last. */
void ring_format(void *ring, void *roster, const RingOptions *options);

/* Check a ring against the bytes that are really there, and fill in its geometry.
 * RING_NOT_READY, RING_MISMATCH and RING_CORRUPT leave *ring unusable. */
RingResult ring_map(Ring *ring, void *bytes, uint64_t length, void *roster, uint64_t roster_length);

/* ---- what anyone may ask ---- */

typedef struct {
    uint64_t position;
    uint64_t sequence;
} RingPlace;

RingResult ring_tail(const Ring *ring, RingPlace *place);
RingResult ring_oldest(const Ring *ring, RingPlace *place);
uint32_t ring_state(const Ring *ring);

/* For whoever keeps the topic: nobody publishes from now on; everybody who waits is woken. */
void ring_mark_deleted(Ring *ring);

/* Wake every sleeping subscriber of a writable mapping, whether there is something new or not. */
void ring_wake_all(Ring *ring);

/* Wake whoever waits through this mapping too, which may be read-only: for closing. */
void ring_wake_waiters(const Ring *ring);

/* ---- the roster ---- */

void ring_join(Ring *ring, uint32_t slot, uint32_t role, uint32_t process, uint32_t user,
               uint64_t joined, const char name[ROSTER_NAME_BYTES], uint32_t flags);
void ring_leave(Ring *ring, uint32_t slot);

/* Whether publishers gave up waiting for this subscriber. */
static inline bool ring_evicted(const RosterEntry *entry) {
    uint64_t evicted = atomic_load_explicit(&entry->evicted, memory_order_relaxed);
    return evicted && evicted == atomic_load_explicit(&entry->joined, memory_order_relaxed);
}

/* The lock word, and the slot of the publisher that holds it, or -1. */
uint32_t ring_lock_word(const Ring *ring);
int32_t ring_lock_slot(uint32_t word);

/* ---- publishing ---- */

typedef struct {
    Ring ring;
    uint32_t slot;
    uint32_t word;       /* what this publisher writes into the lock */
    bool keeps;          /* exclusive: holds the lock from ring_begin to ring_writer_close */
    bool locked;         /* holds it now */
    uint32_t record;     /* the commit record that names `tail` */
    uint64_t tail;       /* committed; the fields around it are true while the ring agrees */
    uint64_t head;       /* appended, not yet shown */
    uint64_t offset;     /* of head in the data area */
    uint64_t sequence;   /* of the next message */
    uint64_t intent;     /* about what the ring's said last: when to have its line ready */
    uint64_t checkpoint; /* the first frame at or after this position leaves one */
    uint64_t start;      /* of the reserved frame; head when there is no padding before it */
    uint64_t messages;
    uint64_t bytes;
    uint64_t active;
    uint64_t room;    /* `block` topics: how far subscribers let it go, when it looked last … */
    uint32_t members; /* … and what that word of the roster said then */
    uint64_t wanted;  /* after RING_FULL: how far it has to go */
} RingWriter;

/* `life` is any number that another publisher in the same slot is unlikely to have. */
void ring_writer_open(RingWriter *writer, const Ring *ring, uint32_t slot, uint32_t life,
                      bool exclusive);

/* Take the lock: RING_OK, or RING_BUSY, RING_HELD, RING_CLOSED, RING_CORRUPT at once. */
RingResult ring_begin(RingWriter *writer);

/* Sleep until the lock may be free, then try: also RING_INTERRUPTED and RING_TIMEOUT. */
RingResult ring_begin_waiting(RingWriter *writer, int64_t timeout_ns);

/* Take the lock from a publisher that is known to be dead; `seen` is the lock word that it was
 * judged by. RING_BUSY when somebody was faster. */
RingResult ring_take_over(RingWriter *writer, uint32_t seen);

/* Where a message of `length` bytes may be written; nothing is shown before ring_commit. */
RingResult ring_reserve(RingWriter *writer, uint64_t length, uint8_t **payload);

/* Finish the reserved frame with `length` bytes, no more than were reserved. */
void ring_commit(RingWriter *writer, uint64_t length, uint64_t timestamp);

/* Reserve, copy and commit in one. */
RingResult ring_append(RingWriter *writer, const void *payload, uint64_t length,
                       uint64_t timestamp);

/* Show everything that was appended. */
void ring_flush(RingWriter *writer);

/* Give the lock back (unless exclusive) and wake subscribers that sleep. What was not flushed
 * never existed. */
void ring_end(RingWriter *writer);

void ring_writer_close(RingWriter *writer);

/* ---- waiting for room in a `block` topic, without the lock ----
 *
 * After RING_FULL: ring_end, spin and sleep until ring_has_room, then begin anew. */

/* Whether what was RING_FULL would fit now, or the topic was deleted. */
bool ring_has_room(const RingWriter *writer);

/* Spin for up to `ns`, and sleep for up to `timeout_ns`: RING_OK (perhaps in vain), RING_TIMEOUT or
 * RING_INTERRUPTED. */
RingResult ring_spin_room(RingWriter *writer, int64_t ns);
RingResult ring_sleep_room(RingWriter *writer, int64_t timeout_ns);

/* Whether the subscriber in `slot` is one of those who keep the writer from going on. */
bool ring_is_slow(const RingWriter *writer, uint32_t slot);

/* Let the subscriber in `slot`, who joined then, hold nobody up any more. */
void ring_evict(RingWriter *writer, uint32_t slot, uint64_t joined);

/* Tell the roster for what and since when this writer waits; 0 when it does not any more. */
void ring_report_wait(RingWriter *writer, uint64_t since);

/* ---- subscribing ---- */

#define RING_RUN_BYTES 16384  /* a reader's private buffer */
#define RING_LARGE_FRAME 4096 /* frames above this are copied straight to their destination */

typedef struct {
    Ring ring;
    uint32_t slot;
    uint32_t laps;        /* times in a row that the reader was overtaken before it got anything */
    uint64_t cursor;      /* position of the next frame to deliver */
    uint64_t sequence;    /* of the next message to deliver */
    RosterOffset *saved;  /* where it says what it is done with, or NULL */
    uint64_t reported;    /* the cursor that the roster was told */
    uint64_t viewed;      /* position that a view still needs, or RING_NOWHERE */
    uint64_t undone;      /* … that it would get again after a death: only in a topic that keeps */
    uint64_t gathered;    /* ring_gather: messages until it was called last … */
    uint64_t gathered_at; /* … and the timestamp of the latest */
    uint64_t run_at;      /* the private buffer: bytes delivered and bytes filled */
    uint64_t run_end;
    uint64_t lost;      /* all in all */
    uint64_t gap_first; /* a loss that was not reported yet; gap_end is one beyond the last */
    uint64_t gap_end;
    uint64_t messages;
    uint64_t bytes;
    RingFrame frame; /* header of the message that was delivered last */
    RingFrame news;  /* header of the one that comes next, after RING_LARGE */
    _Alignas(64) uint8_t run[RING_RUN_BYTES];
} RingReader;

/* A reader at the ring's end. */
RingResult ring_reader_open(RingReader *reader, const Ring *ring, uint32_t slot);

RingResult ring_seek_oldest(RingReader *reader);
RingResult ring_seek_latest(RingReader *reader);
RingResult ring_seek_last(RingReader *reader, uint64_t count);
RingResult ring_seek_sequence(RingReader *reader, uint64_t sequence);
RingResult ring_seek_since(RingReader *reader, uint64_t timestamp);

/* `block` topics: take the place that was sought, so that publishers wait for this reader.
 * RING_LAPPED when it is too late for that place: seek once more. At once for anyone else. */
RingResult ring_take_place(RingReader *reader);

/* After RING_EVICTED: be waited for again, from here or from the oldest message that is left. */
RingResult ring_return(RingReader *reader, uint64_t now);

/* `block` topics: keep what lies from `position` on, RING_NOWHERE for nothing. */
void ring_hold(RingReader *reader, uint64_t position);

RingResult ring_next(RingReader *reader, const uint8_t **payload);
RingResult ring_take(RingReader *reader, uint8_t *destination);
RingResult ring_peek(RingReader *reader, const uint8_t **payload);

/* Whether a message that starts at `position` has certainly not been touched yet. */
bool ring_is_whole(const Ring *ring, uint64_t position);

/* Whether ring_next would find something. */
bool ring_has_news(const RingReader *reader);

/* Before ring_next, once the private buffer is used up: where messages come faster than they can be
 * fetched one by one, and a few are there, let some more come. Each fetch takes lines from the
 * publisher that it is about to write, so a subscriber that is always at its heels slows both to a
 * fifth. Up to 2 microseconds, in a stream of more than 2 million messages a second; at once else. */
void ring_gather(RingReader *reader);

/* Look so many times, with a short pause in between. */
bool ring_poll(const RingReader *reader, uint32_t times);

/* Burn up to `ns` until there is news or *stop is set: RING_OK or RING_TIMEOUT. */
RingResult ring_spin(const RingReader *reader, int64_t ns, const _Atomic uint32_t *stop);

/* Sleep until there is news: RING_OK (perhaps in vain), RING_TIMEOUT or RING_INTERRUPTED.
 * timeout_ns below zero waits for ever. */
RingResult ring_sleep(RingReader *reader, int64_t timeout_ns);

/* Say under this reader's name that it is done with all that it was given. */
void ring_save(RingReader *reader);

/* Tell the roster how far this reader has come. */
void ring_report(RingReader *reader);

/* Sleep on many readers and one bell of the process's own; the pieces of ring_sleep. */
typedef struct {
    const _Atomic uint32_t *word;
    uint32_t value;
} RingBell;

#define RING_BELLS_MAX 128 /* what futex_waitv takes at once */

/* Say that this reader is about to sleep; look for news after it, and sleep only if there is none. */
RingBell ring_arm(RingReader *reader);

/* Sleep until one of the bells may have rung. Where the kernel has no futex_waitv (before Linux
 * 5.16), only the first one wakes, and the others are to be looked at every 5 ms. */
RingResult ring_sleep_any(const RingBell *bells, uint32_t count, int64_t timeout_ns);
void ring_ring_bell(_Atomic uint32_t *word);

#endif

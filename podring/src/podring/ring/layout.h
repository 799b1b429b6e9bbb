/* The bytes of a topic: the only source of truth about what lies where.
 *
 * A topic is two shared-memory objects, with rights of their own:
 *
 *   ring      publishers read and write, subscribers only read
 *   roster    every participant reads and writes
 *
 * All integers are little-endian and naturally aligned. A *position* is a byte's place in the
 * endless log; its place in the data area is `position % capacity`. A *sequence* numbers messages
 * from 1 at the topic's creation, without gaps. Times are CLOCK_REALTIME nanoseconds.
 *
 * Words that different sides write stand at least two cache lines (128 bytes) apart, because
 * processors fetch lines in pairs. A change to anything here changes RING_LAYOUT_VERSION: the major
 * number where old code would misread, the minor number where it may ignore what is new.
 */
#ifndef PODRING_LAYOUT_H
#define PODRING_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC UINT64_C(0x31474e4952444f50)   /* "PODRING1" */
#define ROSTER_MAGIC UINT64_C(0x315254534f525250) /* "PRROSTR1" */
#define RING_LAYOUT_MAJOR 1u
#define RING_LAYOUT_MINOR 1u /* 1: origin */
#define RING_LAYOUT_VERSION (RING_LAYOUT_MAJOR << 16 | RING_LAYOUT_MINOR)

#define RING_NAME_BYTES 208   /* a topic name is at most 200 bytes; the rest is zero */
#define RING_ORIGIN_BYTES 256 /* an origin is at most 253 bytes; the rest is zero */
#define RING_PAGE 4096
#define RING_NOWHERE UINT64_MAX /* a position that no frame can have */
#define RING_AHEAD_BYTES 4096   /* see intent */
#define RING_AHEAD_FRAMES 8

/* Atomics cross processes: one that took a hidden lock would lock nothing. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "lock-free atomics");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "plain atomics");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout is little-endian");

#define RING_AT(type, field, offset)                                                               \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " at " #offset)

/* ------------------------------------------------------------------------------------ the ring
 *
 *        0  header        one page
 *     4096  checkpoints   32 bytes a block, rounded up to a page
 *        …  data          `capacity` bytes: blocks × block_size
 *
 * The header page
 *
 *   offset  bytes  field            written by   meaning
 *        0      8  magic            creator      RING_MAGIC, stored last: zero means "not ready yet"
 *        8      4  version          creator      RING_LAYOUT_VERSION
 *       12      4  overflow         creator      RING_OVERWRITE or RING_BLOCK
 *       16      8  capacity         creator      bytes of the data area, a multiple of block_size
 *       24      8  block_size       creator      bytes between checkpoints, a power of two
 *       32      8  data_offset      creator      where the data area starts in this object
 *       40      8  max_message      creator      longest payload in bytes
 *       48      8  generation       creator      tells this topic from its namesakes before and after
 *       56      8  created          creator      when
 *       64      8  size             creator      bytes that were asked for (capacity is what was given)
 *       72      4  slots            creator      entries in the roster
 *       76      4  unsubscribed     creator      `block` topics: RING_GO_ON or RING_KEEP
 *       80      8  lease            creator      `block` topics: how long one subscriber may hold all
 *                                                publishers up, in ns; 0 for ever
 *      128    208  name             creator      the topic's name
 *
 *      512      4  lock             publishers   who may write: 0, or the RING_LOCK_ parts
 *      516      4  state            creator      RING_OPEN or RING_DELETED
 *
 *      640      8  intent           lock holder  bytes before `intent - capacity` may be overwritten
 *      648      8  claim            lock holder  `block` topics: what intent may become next; see room.c
 *      656      8  kept             lock holder  `block` topics: where the slowest subscriber was, when
 *                                                there was one; it stays while there is none
 *
 *      768      8  tail             lock holder  bytes before `tail` are committed
 *      776     32  commit           lock holder  two records: the next sequence at a given tail
 *
 *      896      4  wake             lock holder  futex word on which subscribers sleep
 *
 *     1024    256  origin           creator      who declared the topic; empty when nobody said
 *
 * For small messages intent runs ahead of what the writer needs, by RING_AHEAD_BYTES or a sixteenth
 * of a small ring, so that it moves once for RING_AHEAD_FRAMES of them or more: subscribers keep
 * its line meanwhile.
 *
 * Intent stands apart from tail although the same hand writes both: subscribers look at tail all
 * the time, and would otherwise take the line away between a publisher's two stores.
 */
enum { RING_OVERWRITE = 0, RING_BLOCK = 1 };
enum { RING_OPEN = 0, RING_DELETED = 1 };
enum {
    RING_GO_ON = 0,
    RING_KEEP = 1
}; /* where nobody subscribes: overwrite, or fill up and wait */

#define RING_LOCK_SLOT UINT32_C(0x0000ffff)      /* slot + 1 of the holder */
#define RING_LOCK_LIFE UINT32_C(0x3fff0000)      /* tells it from others who had that slot */
#define RING_LOCK_EXCLUSIVE UINT32_C(0x40000000) /* held for as long as its publisher is open */
#define RING_LOCK_CONTENDED UINT32_C(0x80000000) /* somebody sleeps on the lock */

/* The next sequence belongs to a tail. It is written to the record that the present tail does not
 * name, and then tail moves: whoever finds a dead writer's ring sees which commit happened. */
typedef struct {
    _Atomic uint64_t end;
    _Atomic uint64_t sequence;
} RingCommit;

typedef struct {
    _Atomic uint64_t magic;
    uint32_t version;
    uint32_t overflow;
    uint64_t capacity;
    uint64_t block_size;
    uint64_t data_offset;
    uint64_t max_message;
    uint64_t generation;
    uint64_t created;
    uint64_t size;
    uint32_t slots;
    uint32_t unsubscribed;
    uint64_t lease;
    uint8_t reserved0[40];
    char name[RING_NAME_BYTES];
    uint8_t reserved1[176];

    _Atomic uint32_t lock;
    _Atomic uint32_t state;
    uint8_t reserved2[120];

    _Atomic uint64_t intent;
    _Atomic uint64_t claim;
    _Atomic uint64_t kept;
    uint8_t reserved3[104];

    _Atomic uint64_t tail;
    RingCommit commit[2];
    uint8_t reserved4[88];

    _Atomic uint32_t wake;
    uint8_t reserved5[124];

    char origin[RING_ORIGIN_BYTES];
    uint8_t reserved6[RING_PAGE - 1280];
} RingHeader;

RING_AT(RingHeader, magic, 0);
RING_AT(RingHeader, version, 8);
RING_AT(RingHeader, overflow, 12);
RING_AT(RingHeader, capacity, 16);
RING_AT(RingHeader, block_size, 24);
RING_AT(RingHeader, data_offset, 32);
RING_AT(RingHeader, max_message, 40);
RING_AT(RingHeader, generation, 48);
RING_AT(RingHeader, created, 56);
RING_AT(RingHeader, size, 64);
RING_AT(RingHeader, slots, 72);
RING_AT(RingHeader, unsubscribed, 76);
RING_AT(RingHeader, lease, 80);
RING_AT(RingHeader, name, 128);
RING_AT(RingHeader, lock, 512);
RING_AT(RingHeader, state, 516);
RING_AT(RingHeader, intent, 640);
RING_AT(RingHeader, claim, 648);
RING_AT(RingHeader, kept, 656);
RING_AT(RingHeader, tail, 768);
RING_AT(RingHeader, commit, 776);
RING_AT(RingHeader, wake, 896);
RING_AT(RingHeader, origin, 1024);
_Static_assert(sizeof(RingHeader) == RING_PAGE, "the header is one page");

/* A checkpoint: the first frame that starts in a block. Block number `position / block_size` uses
 * entry `block % blocks`. Valid when its position lies in that block, before tail, and has not
 * been overwritten; written before tail moves, `position` last.
 *
 *        0      8  position         RING_NOWHERE while none was written or one is being written
 *        8      8  sequence         of that frame (of the next message, when it is padding)
 *       16      8  timestamp        of that frame
 *       24      8  reserved
 */
#define RING_CHECKPOINT_BYTES 32
#define RING_BLOCK_MIN 4096  /* smallest block_size */
#define RING_BLOCKS_MAX 4096 /* a larger ring gets larger blocks instead of more */

typedef struct {
    _Atomic uint64_t position;
    _Atomic uint64_t sequence;
    _Atomic uint64_t timestamp;
    uint64_t reserved;
} RingCheckpoint;

RING_AT(RingCheckpoint, position, 0);
RING_AT(RingCheckpoint, sequence, 8);
RING_AT(RingCheckpoint, timestamp, 16);
_Static_assert(sizeof(RingCheckpoint) == RING_CHECKPOINT_BYTES, "a checkpoint is 32 bytes");

/* A frame: this header, the payload, and zero to 31 bytes that bring it to a multiple of 32. Frames
 * follow each other densely. One that would cross the end of the data area is preceded by a padding
 * frame that fills the rest, so every payload is contiguous.
 *
 *        0      8  position         this frame's own: a stray cursor finds out at once
 *        8      8  sequence         of this message (of the next one, when this is padding)
 *       16      8  timestamp        when it was published
 *       24      4  length           bytes of payload
 *       28      2  publisher        slot in the roster
 *       30      2  flags            RING_FRAME_ bits
 */
#define RING_FRAME_HEADER 32
#define RING_FRAME_ALIGN 32
#define RING_FRAME_PADDING UINT16_C(0x0001)
#define RING_FRAME_MIRRORED UINT16_C(0x0002) /* kept for messages that come from another node */

typedef struct {
    uint64_t position;
    uint64_t sequence;
    uint64_t timestamp;
    uint32_t length;
    uint16_t publisher;
    uint16_t flags;
} RingFrame;

RING_AT(RingFrame, position, 0);
RING_AT(RingFrame, sequence, 8);
RING_AT(RingFrame, timestamp, 16);
RING_AT(RingFrame, length, 24);
RING_AT(RingFrame, publisher, 28);
RING_AT(RingFrame, flags, 30);
_Static_assert(sizeof(RingFrame) == RING_FRAME_HEADER, "a frame header is 32 bytes");

/* ---------------------------------------------------------------------------------- the roster
 *
 *        0  header        one page
 *     4096  entries       128 bytes a participant, `slots` of them
 *        …  offsets       128 bytes a name under which subscribers resume
 *
 * A participant holds an exclusive OFD lock on the first byte of its entry for as long as it lives.
 * The kernel drops that lock at death, so an entry whose byte can be locked is free, whatever its
 * role says; a process number would mean nothing in another namespace.
 *
 * The header page
 *
 *   offset  bytes  field            written by   meaning
 *        0      8  magic            creator      ROSTER_MAGIC, stored last
 *        8      4  version          creator      RING_LAYOUT_VERSION
 *       12      4  slots            creator      entries
 *       16      8  generation       creator      the ring's
 *       24      4  offsets          creator      named offsets
 *
 *      128      4  sleepers         subscribers  the latest value of `wake` on which somebody may sleep:
 *                                                while it is behind `wake`, nobody does. Waking moves
 *                                                `wake`, so a subscriber that was killed in its sleep
 *                                                costs one vain wake-up. It never moves back.
 *      256      8  drain            everybody    `block` topics: a publisher sleeps until subscribers
 *                                                have left what is before this position; 0: none does
 *      264      4  drained          everybody    `block` topics: futex word on which it sleeps
 *      384      4  members          subscribers  `block` topics: how often one took a place, or went
 *                                                back to an earlier one
 *      388      4  reach            everybody    entries from this one on were never used
 */
#define ROSTER_SLOTS 256
#define ROSTER_NAME_BYTES 32
#define ROSTER_ENTRY_BYTES 128
#define ROSTER_OFFSETS 128
#define ROSTER_OFFSET_BYTES 128
#define ROSTER_OFFSET_NAME_BYTES 96

enum { ROSTER_FREE = 0, ROSTER_PUBLISHER = 1, ROSTER_SUBSCRIBER = 2 };

#define ROSTER_LOSSY UINT32_C(0x1) /* `block` topics: never waited for */

typedef struct {
    _Atomic uint64_t magic;
    uint32_t version;
    uint32_t slots;
    uint64_t generation;
    uint32_t offsets;
    uint8_t reserved0[100];

    _Atomic uint32_t sleepers;
    uint8_t reserved1[124];

    _Atomic uint64_t drain;
    _Atomic uint32_t drained;
    uint8_t reserved2[116];

    _Atomic uint32_t members;
    _Atomic uint32_t reach;
    uint8_t reserved3[RING_PAGE - 392];
} RosterHeader;

RING_AT(RosterHeader, magic, 0);
RING_AT(RosterHeader, version, 8);
RING_AT(RosterHeader, slots, 12);
RING_AT(RosterHeader, generation, 16);
RING_AT(RosterHeader, offsets, 24);
RING_AT(RosterHeader, sleepers, 128);
RING_AT(RosterHeader, drain, 256);
RING_AT(RosterHeader, drained, 264);
RING_AT(RosterHeader, members, 384);
RING_AT(RosterHeader, reach, 388);
_Static_assert(sizeof(RosterHeader) == RING_PAGE, "the roster's header is one page");

/* An entry. The first line is written when its participant joins, the second while it works.
 *
 *        0      4  role             ROSTER_PUBLISHER or ROSTER_SUBSCRIBER; stored last on joining
 *        4      4  flags            ROSTER_ bits
 *        8      8  joined           when
 *       16      4  process          number in its own namespace: to show, never to judge by
 *       20      4  user             number in its own namespace: to show
 *       24     32  name             what it calls itself, UTF-8, padded with zeros
 *       56      8  evicted          `block` topics: the `joined` of a subscriber that held publishers up
 *                                   for longer than the lease, and holds nobody up any more
 *
 *       64      8  cursor           position that a subscriber reads next, RING_NOWHERE while it has
 *                                   none; for which a publisher waits, 0 while it does not
 *       72      8  sequence         that a subscriber receives next, or a publisher wrote last
 *       80      8  messages         received or published
 *       88      8  bytes            of their payloads
 *       96      8  lost             messages that a subscriber lost
 *      104      8  active           timestamp of the last message that it published or received
 *      112      8  hold             `block` topics: position that a view still needs, or in one that
 *                                   keeps whoever resumes, or RING_NOWHERE; a publisher's: since
 *                                   when it waits
 */
typedef struct {
    _Atomic uint32_t role;
    _Atomic uint32_t flags;
    _Atomic uint64_t joined;
    _Atomic uint32_t process;
    _Atomic uint32_t user;
    _Atomic uint64_t name[ROSTER_NAME_BYTES / 8]; /* words, so that a reader never races */
    _Atomic uint64_t evicted;

    _Atomic uint64_t cursor;
    _Atomic uint64_t sequence;
    _Atomic uint64_t messages;
    _Atomic uint64_t bytes;
    _Atomic uint64_t lost;
    _Atomic uint64_t active;
    _Atomic uint64_t hold;
    uint64_t reserved1;
} RosterEntry;

RING_AT(RosterEntry, role, 0);
RING_AT(RosterEntry, flags, 4);
RING_AT(RosterEntry, joined, 8);
RING_AT(RosterEntry, process, 16);
RING_AT(RosterEntry, user, 20);
RING_AT(RosterEntry, name, 24);
RING_AT(RosterEntry, evicted, 56);
RING_AT(RosterEntry, cursor, 64);
RING_AT(RosterEntry, sequence, 72);
RING_AT(RosterEntry, messages, 80);
RING_AT(RosterEntry, bytes, 88);
RING_AT(RosterEntry, lost, 96);
RING_AT(RosterEntry, active, 104);
RING_AT(RosterEntry, hold, 112);
_Static_assert(sizeof(RosterEntry) == ROSTER_ENTRY_BYTES, "an entry is two cache lines");

/* A named offset: where the subscriber of that name goes on, when it comes back. It holds an OFD
 * lock on the first byte while it is there, so no two use a name at once.
 *
 *        0      8  sequence         of the first message that it has not done with
 *        8      8  saved            timestamp of the last one that it has, 0 for none
 *       32     96  name             UTF-8, padded with zeros; empty where the place is free
 */
typedef struct {
    _Atomic uint64_t sequence;
    _Atomic uint64_t saved;
    uint64_t reserved[2];
    _Atomic uint64_t name[ROSTER_OFFSET_NAME_BYTES / 8];
} RosterOffset;

RING_AT(RosterOffset, sequence, 0);
RING_AT(RosterOffset, saved, 8);
RING_AT(RosterOffset, name, 32);
_Static_assert(sizeof(RosterOffset) == ROSTER_OFFSET_BYTES, "an offset is two cache lines");

#endif

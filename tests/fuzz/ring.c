/* libFuzzer over the ring: whatever bytes it holds, and whatever they change to, readers and
 * publishers stay inside the mapping, come to an end, and deliver nothing but messages in order.
 *
 * Built twice: as it is, changes and reads alternate, so that each input does the same every time.
 * With -DRACE a thread of its own changes bytes, over and over, while others read them.
 */
#define _GNU_SOURCE
#include "change.h"
#include "use.h"

#include <pthread.h>
#include <sched.h>

static const Shape shapes[] = {
    {1, 1, RING_OVERWRITE, 0},
    {4064, 4064, RING_OVERWRITE, 0},
    {30000, 200, RING_OVERWRITE, 0},
    {30000, 6000, RING_OVERWRITE, 0},
    {20000, 20000, RING_OVERWRITE, 0},
    {65536, 40000, RING_OVERWRITE, 0},
    {100000, 1000, RING_OVERWRITE, 0},
    {30000, 200, RING_BLOCK, RING_GO_ON},
    {30000, 6000, RING_BLOCK, RING_GO_ON},
    {30000, 2000, RING_BLOCK, RING_KEEP},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static Topic topics[SHAPES];

typedef struct {
    Topic *topic;
    RingReader *reader;
    RingWriter writer;
} Players;

static bool open_all(Players *players, Topic *topic) {
    Ring seen, ring;
    uint64_t length = topic->plan.ring_bytes, roster_length = topic->plan.roster_bytes;
    MUST(ring_map(&seen, topic->seen, length, topic->roster, roster_length) == RING_OK);
    MUST(ring_map(&ring, topic->bytes, length, topic->roster, roster_length) == RING_OK);
    players->topic = topic;
    players->reader = aligned_alloc(64, sizeof(RingReader));
    MUST(ring_reader_open(players->reader, &seen, READER_SLOT) == RING_OK);
    ring_writer_open(&players->writer, &ring, PUBLISHER_SLOT, 9, false);
    return ring_seek_last(players->reader, 30) == RING_OK;
}

#ifdef RACE
/* What the thread does, and for how long; the fuzzer's own thread sets it and waits for its end. */
static struct {
    Topic *topic;
    Ring ring;
    Program program;
    _Atomic uint64_t cursor, sequence;
    _Atomic int state;
} vandal;
enum { IDLE, BUSY, STOPPING };

static void *vandalise(void *unused) {
    (void)unused;
    for (;;) {
        while (atomic_load(&vandal.state) == IDLE)
            sched_yield();
        while (atomic_load(&vandal.state) == BUSY) {
            Program program = vandal.program;
            while (has_more(&program))
                change(vandal.topic, &program, &vandal.ring, atomic_load(&vandal.cursor),
                       atomic_load(&vandal.sequence));
        }
        atomic_store(&vandal.state, IDLE);
    }
    return NULL;
}

static void let_loose(Players *players, Program *program) {
    uint64_t share = number(program, 1) % 64;
    vandal.program = *program;
    if ((uint64_t)(program->end - program->at) > share)
        vandal.program.end = program->at + share;
    program->at = vandal.program.end;
    vandal.topic = players->topic;
    vandal.ring = players->reader->ring;
    atomic_store(&vandal.state, BUSY);
}

static void call_back(void) {
    atomic_store(&vandal.state, STOPPING);
    while (atomic_load(&vandal.state) != IDLE)
        sched_yield();
}
#else
static void let_loose(Players *players, Program *program) {
    change(players->topic, program, &players->reader->ring, players->reader->cursor,
           players->reader->sequence);
}
static void call_back(void) {
}
#endif

static void reopen(RingReader *reader) {
    Ring ring = reader->ring;
    (void)ring_reader_open(reader, &ring, READER_SLOT);
}

static void play(Players *players, Program *program) {
    RingReader *reader = players->reader;
    uint64_t kind = number(program, 1);
#ifdef RACE
    atomic_store(&vandal.cursor, reader->cursor);
    atomic_store(&vandal.sequence, reader->sequence);
    kind %= 13; /* nothing else is changed but by the thread */
#endif
    switch (kind % 16) {
    case 0:
    case 1:
        seek(reader, program);
        break;
    case 2:
    case 3:
    case 4:
        read_some(reader, 1 + kind / 16, false);
        break;
    case 5:
        read_some(reader, 1 + kind / 16, true);
        break;
    case 6:
        ask(reader);
        break;
    case 7:
        visit(players->topic, program);
        break;
    case 8:
        reopen(reader);
        break;
    case 9:
    case 10:
        write_some(&players->writer, program);
        break;
    case 11:
    case 12:
        hold_place(reader, program);
        break;
    default:
        change(players->topic, program, &reader->ring, reader->cursor, reader->sequence);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    for (int i = 0; i < SHAPES; i++)
        make(&topics[i], &shapes[i]);
#ifdef RACE
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, vandalise, NULL) == 0);
#endif
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    Program program = {data, data + length};
    Players players;
    Topic *topic = &topics[number(&program, 1) % SHAPES];
    restore(topic);
    MUST(open_all(&players, topic));
    let_loose(&players, &program);
    for (int step = 0; step < 64 && has_more(&program); step++)
        play(&players, &program);
    call_back();
    free(players.reader);
    return 0;
}

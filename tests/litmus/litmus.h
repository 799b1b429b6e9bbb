/* Litmus programs: two threads, a few words, and a table of the outcomes that may be seen.
 *
 * Each program plays the few accesses behind one label of core.h, with core.h's own primitives, so
 * many times that what the machine and the compiler may reorder shows. The threads sit on two
 * cores, meet before every few rounds, and wait for a random moment before each. Rounds use fresh
 * words, a batch of them at a time.
 *
 * -DWEAK builds the program without what the label asks for. Then the forbidden outcome should be
 * seen, on machines where it can be: x86 keeps stores in order, keeps loads in order, and lets only
 * a store be overtaken by a later load. Where a program's weak variant shows nothing there, its
 * header says so. Those programs are in the table for other machines, such as aarch64, and for the
 * compiler, which may reorder what the machine would not.
 *
 *     program ROUNDS SECONDS     exit 0: nothing forbidden was seen; 1: it was
 *
 * A machine that is busy with other things plays fewer rounds, but at least LEAST.
 */
#ifndef PODRING_LITMUS_H
#define PODRING_LITMUS_H

#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core.h"

/* Words of one round, each in a line of its own, and what the threads saw. */
typedef struct {
    _Alignas(128) _Atomic uint64_t a;
    _Alignas(128) _Atomic uint64_t b;
    _Alignas(128) _Atomic uint64_t c;
    _Alignas(128) uint64_t seen[3];
} Round;

typedef struct {
    const char *text;
    bool allowed;
} Outcome;

/* What a program defines. */
static void prepare(Round *round);
static void first(Round *round);
static void second(Round *round);
static int outcome_of(const Round *round); /* index into outcomes */
extern const Outcome outcomes[];
extern const int outcome_count;

enum { BATCH = 8192, LEAST = 50000 };
enum { GROUP = 16 }; /* rounds between two meetings */

typedef struct {
    Round *rounds;
    _Atomic uint64_t at[2]; /* how many rounds each thread has come to */
    _Atomic uint64_t batch; /* which one is being played */
    uint64_t count[8];
} Table;

typedef struct {
    Table *table;
    int side;
    uint64_t seed;
} Player;

static void meet(Table *table, int side, uint64_t round) {
    atomic_store_explicit(&table->at[side], round, memory_order_release);
    for (int i = 0; load_acquire(&table->at[!side]) < round; i++)
        if (i > 2000)
            sched_yield();
}

static void pause_a_moment(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    /* Short as a rule and long now and then: one thread leaves a meeting later than the other. */
    for (uint64_t n = *seed >> 53 >> (*seed >> 33 & 7); n; n--)
        atomic_signal_fence(memory_order_seq_cst);
}

/* Between two steps of one side, so that the other side comes in between more often. */
__attribute__((unused)) static void linger(void) {
    for (int i = 0; i < 40; i++)
        atomic_signal_fence(memory_order_seq_cst);
}

/* The process's cores. A thread that has taken one hands only that one on to those that it starts. */
static cpu_set_t cores;

static void take_core(int side) {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int core = 0, n = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &cores) && n++ == side)
            CPU_SET(core, &one);
    if (CPU_COUNT(&one))
        pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

static void *play(void *argument) {
    Player *player = argument;
    Table *table = player->table;
    take_core(player->side);
    uint64_t base = load_relaxed(&table->batch) * (BATCH + 1);
    for (uint64_t i = 0; i < BATCH; i++) {
        if (i % GROUP == 0)
            meet(table, player->side, base + i + 1);
        pause_a_moment(&player->seed);
        (player->side ? second : first)(&table->rounds[i]);
    }
    return NULL;
}

static void play_batch(Table *table, uint64_t seed) {
    for (int i = 0; i < BATCH; i++) {
        memset(&table->rounds[i], 0, sizeof table->rounds[i]);
        prepare(&table->rounds[i]);
    }
    pthread_t thread;
    Player players[2] = {{table, 0, seed}, {table, 1, seed * 3 + 1}};
    pthread_create(&thread, NULL, play, &players[1]);
    play(&players[0]);
    pthread_join(thread, NULL);
    for (int i = 0; i < BATCH; i++)
        table->count[outcome_of(&table->rounds[i])]++;
    atomic_fetch_add_explicit(&table->batch, 1, memory_order_seq_cst);
}

static bool report(const Table *table, uint64_t rounds) {
    bool sound = true;
    printf("%" PRIu64 " rounds\n", rounds);
    for (int i = 0; i < outcome_count; i++) {
        printf("  %-9s %-52s %10" PRIu64 "\n", outcomes[i].allowed ? "allowed" : "forbidden",
               outcomes[i].text, table->count[i]);
        sound = sound && (outcomes[i].allowed || !table->count[i]);
    }
    return sound;
}

static bool anything_forbidden(const Table *table) {
    for (int i = 0; i < outcome_count; i++)
        if (!outcomes[i].allowed && table->count[i])
            return true;
    return false;
}

int main(int argc, char **argv) {
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000, rounds = 0;
    time_t until = time(NULL) + (argc > 2 ? atoi(argv[2]) : 60);
    sched_getaffinity(0, sizeof cores, &cores);
    Table *table = aligned_alloc(128, (sizeof *table + 127) / 128 * 128);
    memset(table, 0, sizeof *table);
    table->rounds = aligned_alloc(128, BATCH * sizeof(Round));
    while (rounds < wanted && !anything_forbidden(table)) {
        if (time(NULL) >= until && rounds >= LEAST)
            break;
        play_batch(table, rounds * 2 + 1);
        rounds += BATCH;
    }
    return report(table, rounds) ? 0 : 1;
}

#endif

/* kill_points [--every N] [--gap N] [--containers] [--only TEXT]: kill a participant after its first
 * instruction, after its second, and so on to the last, and see each time that the others go on.
 *
 * --every N      every N-th instruction only
 * --gap N        a lock is taken over from those who died after each N-th instruction of a batch
 * --containers   each process is the first of a PID namespace of its own (needs root)
 *
 * Prints a table: how many kill points, and how long the next publisher waited at most.
 */
#define _GNU_SOURCE
#include "prepare.h"

static World world;
static uint64_t every = 1, gap = 150;
static uint64_t missed; /* victims that took another way than the one that was followed */
static struct {
    const Scenario *scenario;
    uint64_t step, first_step; /* of the victim, and of the one that died before it */
    pid_t helper;              /* who sleeps or waits meanwhile, 0: nobody */
} now;

/* After a failed check: where. */
static void say_where(int signal_number) {
    (void)signal_number;
    fprintf(stderr, "  in \"%s\", killed after instruction %" PRIu64, now.scenario->name, now.step);
    if (now.scenario->heirs)
        fprintf(stderr, ", the one before it after %" PRIu64, now.first_step);
    fputc('\n', stderr);
    shm_unlink(world.ring_name);
    shm_unlink(world.roster_name);
}

static void when_the_lock_is_held(void *unused) {
    (void)unused;
    if (!now.helper && ring_lock_slot(ring_lock_word(&world.ring)) == VICTIM)
        now.helper = start_waiter(&world);
}

static bool wake_the_victim(void *unused) {
    (void)unused;
    if (now.scenario->woken && now.scenario->full) {
        while (hear(&world, &world.now->laggard) == RING_OK) /* perhaps its own message, too */
            ;
    } else if (now.scenario->woken)
        say(&world, &world.now->heir, 250);
    return !now.scenario->asleep;
}

/* The lock as one killed after so many instructions of a batch left it; false if it had it not. */
static bool leave_the_lock_with_the_dead(uint64_t step) {
    static const Scenario batch = {.name = "the one before",
                                   .act = act_publish_many,
                                   .lengths = {900, 1000, 0, 1400, 1300},
                                   .messages = 5};
    uint64_t stepped;
    ring_writer_open(&world.now->dead, &world.ring, DEAD, 82, false);
    write_payloads(&world, &batch, DEAD);
    memset(world.stage, 0, sizeof *world.stage);
    pid_t first = start_victim(&world, &batch, DEAD);
    step_and_kill(first, step, &(Stepping){.stage = world.stage}, &stepped);
    return ring_lock_slot(ring_lock_word(&world.ring)) == DEAD;
}

static void check_after_publisher(const Scenario *scenario, uint64_t before, bool ended) {
    uint64_t after = committed(&world);
    if (scenario->waiter && now.helper) {
        expect_message(&world, after, WAITERS_LENGTH, OTHER);
        CHECK(after > before && after - 1 <= before + scenario->messages, "%" PRIu64, after);
    } else {
        CHECK(after >= before && after <= before + scenario->messages, "%" PRIu64, after);
        if (ended && scenario->act != act_dropped_loan)
            CHECK_EQ(after, before + scenario->messages);
    }
    if (scenario->sleeper && ended)
        must_be_woken(&world, after);
}

/* In a `block` topic nobody who lives loses anything, and who is dead holds nobody up. */
static void go_round(const Scenario *scenario) {
    Players *players = world.now;
    for (int n = 0; n < 40; n++) {
        say(&world, &players->heir, 800);
        hear_all(&world, &players->witness, committed(&world));
        hear_all(&world, &players->laggard, committed(&world));
    }
    const RosterEntry *entry = &world.ring.entries[VICTIM];
    if (scenario->reads) /* dropped, or it died before it had a place */
        CHECK(atomic_load(&entry->role) == ROSTER_FREE ||
                  atomic_load(&entry->cursor) == RING_NOWHERE,
              "the dead one still has its place");
}

static void check(const Scenario *scenario, uint64_t before, bool ended) {
    Players *players = world.now;
    if (scenario->reads)
        CHECK_EQ(committed(&world), before + (committed(&world) > before && scenario->woken));
    else
        check_after_publisher(scenario, before, ended);
    if (scenario->blocks)
        hear_all(&world, &players->laggard, committed(&world));
    go_on(&world);
    uint64_t last = committed(&world);
    hear_all(&world, &players->witness, last);
    hear_what_is_left(&world, &players->laggard, last);
    come_late(&world, last);
    if (scenario->sleeper)
        must_be_woken(&world, last);
    wake_nobody(&world);
    if (scenario->blocks)
        go_round(scenario);
    take_the_entry(&world);
    hear_what_is_left(&world, &players->laggard, committed(&world));
}

/* In containers, whoever goes on is process 1 of a namespace, too. */
static void check_somewhere(const Scenario *scenario, uint64_t before, bool ended) {
    if (scenario->waiter && now.helper)
        must_end_well(now.helper, "the publisher that waited");
    pid_t child = world.containers ? start_child(&world) : 0;
    if (child == 0)
        check(scenario, before, ended);
    if (world.containers && child == 0)
        _exit(0);
    if (child)
        must_end_well(child, "the next publisher");
    if (scenario->sleeper)
        must_end_well(now.helper, "the sleeping subscriber");
}

static Stepping ways_of(const Scenario *scenario) {
    return (Stepping){
        .stage = world.stage,
        .after_step = scenario->waiter ? when_the_lock_is_held : NULL,
        .asleep = scenario->woken || scenario->asleep ? wake_the_victim : NULL,
    };
}

static void follow_one(const Scenario *scenario, Trace *trace) {
    Stepping how = ways_of(scenario);
    restore(&world);
    now.helper = scenario->sleeper ? start_sleeper(&world) : 0;
    StepResult result = follow(start_victim(&world, scenario, VICTIM), &how, trace);
    CHECK(result != STEP_FAILED, "the victim died by itself");
    if (now.helper) {
        kill(now.helper, SIGKILL);
        waitpid(now.helper, NULL, 0);
    }
}

/* Kill it after `step` instructions: false when it has no more than that. */
static bool kill_at(const Scenario *scenario, uint64_t step, const Trace *trace) {
    uint64_t stepped, before;
    Stepping how = ways_of(scenario);
    how.trace = trace;
    restore(&world);
    before = committed(&world);
    now.step = step;
    now.helper = scenario->sleeper ? start_sleeper(&world) : 0;
    StepResult result = step_and_kill(start_victim(&world, scenario, VICTIM), step, &how, &stepped);
    if (result == STEP_MISSED)
        missed++;
    CHECK(result != STEP_FAILED, "the victim died by itself after %" PRIu64, stepped);
    check_somewhere(scenario, before, result == STEP_ENDED);
    return result == STEP_KILLED || result == STEP_MISSED;
}

static uint64_t kill_everywhere(const Scenario *scenario) {
    uint64_t points = 0;
    Trace trace = {0};
    save(&world);
    if (!scenario->waiter)
        follow_one(scenario, &trace);
    missed = 0;
    for (uint64_t step = 1; kill_at(scenario, step, trace.count ? &trace : NULL); step += every)
        points++;
    CHECK(missed * 50 <= points, "%" PRIu64 " of %" PRIu64 " went another way", missed, points);
    forget(&trace);
    restore(&world); /* what another container said is in the ring, and not in our books */
    return points - missed;
}

/* For every so many instructions of the one that dies first, all of its heir. */
static uint64_t kill_heirs(const Scenario *scenario) {
    uint64_t points = 0, misses = 0;
    for (uint64_t step = gap / 2; misses < 3; step += gap) {
        prepare(&world, scenario);
        now.first_step = step;
        if (!leave_the_lock_with_the_dead(step)) {
            go_on(&world);
            misses++;
            continue;
        }
        write_payloads(&world, scenario, VICTIM);
        points += kill_everywhere(scenario);
        misses = 0;
    }
    return points;
}

static void run(const Scenario *scenario) {
    now.scenario = scenario;
    atomic_store(world.slowest_ns, 0);
    int64_t started = now_ns();
    uint64_t points;
    if (scenario->heirs) {
        points = kill_heirs(scenario);
    } else {
        prepare(&world, scenario);
        points = kill_everywhere(scenario);
    }
    printf("%-36s %7" PRIu64 " kill points  %6.1f ms  %5.1f s\n", scenario->name, points,
           (double)atomic_load(world.slowest_ns) / 1e6, (double)(now_ns() - started) / 1e9);
    fflush(stdout);
}

/* `rep movsb` counts as one instruction a byte: have the C library copy in vectors instead. */
static void copy_in_vectors(char **arguments) {
    static const char tunables[] = "glibc.cpu.x86_rep_movsb_threshold=1048576:"
                                   "glibc.cpu.x86_rep_stosb_threshold=1048576";
    const char *set = getenv("GLIBC_TUNABLES");
    if (set && strcmp(set, tunables) == 0)
        return;
    setenv("GLIBC_TUNABLES", tunables, 1);
    execv("/proc/self/exe", arguments);
    CHECK(false, "cannot start anew: %s", strerror(errno));
}

int main(int count, char **arguments) {
    const char *only = "";
    copy_in_vectors(arguments);
    for (int i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--containers"))
            world.containers = true;
        else if (!strcmp(arguments[i], "--every") && i + 1 < count)
            every = strtoull(arguments[++i], NULL, 10);
        else if (!strcmp(arguments[i], "--gap") && i + 1 < count)
            gap = strtoull(arguments[++i], NULL, 10);
        else if (!strcmp(arguments[i], "--only") && i + 1 < count)
            only = arguments[++i];
        else
            return 2;
    }
    signal(SIGABRT, say_where);
    for (int blocks = 0; blocks < 2; blocks++) {
        make_world(&world, 20000, 8000, blocks ? RING_BLOCK : RING_OVERWRITE);
        for (int i = 0; i < SCENARIOS; i++)
            if (scenarios[i].blocks == blocks && strstr(scenarios[i].name, only))
                run(&scenarios[i]);
        remove_world(&world);
    }
}

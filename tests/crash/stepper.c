#define _GNU_SOURCE
#include "stepper.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

void offer_oneself(void) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
}

/* ---- one victim ---- */

/* Where it goes on. */
static uint64_t program_counter(pid_t victim) {
    struct user_regs_struct registers;
    struct iovec whole = {&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, victim, (void *)NT_PRSTATUS, &whole) != 0)
        return 0;
#if defined(__x86_64__)
    return registers.rip;
#else
    return registers.pc;
#endif
}

bool sleeps_in_kernel(pid_t process) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    line[length < 0 ? 0 : length] = 0;
    const char *state = strrchr(line, ')');
    return state && state[1] && state[2] == 'S';
}

typedef enum { STOPPED, SLEEPS_ON, GONE } Stop;

/* Let it go on, for one instruction or until something stops it. */
static Stop let_go(pid_t victim, int request, const Stepping *how, int *pass_on) {
    int status;
    if (ptrace(request, victim, NULL, (void *)(intptr_t)*pass_on) != 0)
        return GONE;
    if (!how->asleep) {
        if (waitpid(victim, &status, __WALL) != victim)
            return GONE;
    } else {
        bool told = false;
        for (uint64_t looks = 1; waitpid(victim, &status, __WALL | WNOHANG) != victim; looks++) {
            sched_yield();
            if (told || looks % 16 || !sleeps_in_kernel(victim))
                continue;
            told = true;
            if (!how->asleep(how->context))
                return SLEEPS_ON;
        }
    }
    if (!WIFSTOPPED(status))
        return GONE;
    int number = WSTOPSIG(status);
    *pass_on = number == SIGTRAP || number == SIGSTOP ? 0 : number;
    return STOPPED;
}

static void kill_and_wait(pid_t victim) {
    int status;
    kill(victim, SIGKILL);
    while (waitpid(victim, &status, __WALL) == victim && WIFSTOPPED(status))
        ;
}

static bool begins(pid_t victim) {
    int status;
    if (waitpid(victim, &status, __WALL) != victim || !WIFSTOPPED(status))
        return false;
    return ptrace(PTRACE_SETOPTIONS, victim, NULL, (void *)PTRACE_O_EXITKILL) == 0;
}

static bool counts(uint64_t at, const Stepping *how) {
    return atomic_load(&how->stage->begun) && (!how->high || (at >= how->low && at < how->high));
}

/* ---- by a short cut ---- */

#if defined(__x86_64__)
#define BREAKPOINT 0xcc

/* Run to a place that is known to be passed, and stop there: false when it is not. */
static Stop run_to(pid_t victim, uint64_t place, const Stepping *how) {
    int pass_on = 0;
    for (;;) {
        long word = ptrace(PTRACE_PEEKTEXT, victim, (void *)place, NULL);
        long broken = (word & ~0xffL) | BREAKPOINT;
        if (ptrace(PTRACE_POKETEXT, victim, (void *)place, (void *)broken) != 0)
            return GONE;
        Stop stop = let_go(victim, PTRACE_CONT, how, &pass_on);
        if (stop != STOPPED)
            return stop;
        ptrace(PTRACE_POKETEXT, victim, (void *)place, (void *)word);
        struct user_regs_struct registers;
        ptrace(PTRACE_GETREGS, victim, NULL, &registers);
        if (registers.rip != place + 1)
            continue; /* another signal */
        registers.rip = place;
        ptrace(PTRACE_SETREGS, victim, NULL, &registers);
        if (atomic_load(&how->stage->begun))
            return STOPPED;
        /* It came by before what counts had begun. */
        if (let_go(victim, PTRACE_SINGLESTEP, how, &pass_on) != STOPPED)
            return GONE;
    }
}
#else
static Stop run_to(pid_t victim, uint64_t place, const Stepping *how) {
    (void)victim, (void)place, (void)how;
    return GONE;
}
#endif

/* How many instructions it need not be followed at, and there it is: 0 when it is still at the
 * beginning. */
static uint64_t take_short_cut(pid_t victim, uint64_t count, const Stepping *how, Stop *stop) {
    *stop = STOPPED;
    if (!how->trace || !count || count > how->trace->count)
        return 0;
    uint64_t index = how->trace->nearest[count - 1];
    *stop = run_to(victim, how->trace->at[index], how);
    return index + 1;
}

StepResult step_and_kill(pid_t victim, uint64_t count, const Stepping *how, uint64_t *stepped) {
    int pass_on = 0;
    *stepped = 0;
    if (!begins(victim))
        return STEP_FAILED;
    Stop stop;
    *stepped = take_short_cut(victim, count, how, &stop);
    if (stop == GONE)
        return STEP_MISSED;
    while (stop == STOPPED && *stepped < count && !atomic_load(&how->stage->ended)) {
        stop = let_go(victim, PTRACE_SINGLESTEP, how, &pass_on);
        if (stop != STOPPED || !counts(how->high ? program_counter(victim) : 0, how))
            continue;
        ++*stepped;
        if (how->after_step)
            how->after_step(how->context);
    }
    bool ended = atomic_load(&how->stage->ended);
    if (stop == GONE)
        return STEP_FAILED;
    kill_and_wait(victim);
    return stop == SLEEPS_ON ? STEP_KILLED_ASLEEP : ended ? STEP_ENDED : STEP_KILLED;
}

/* ---- the way ---- */

static void note(Trace *trace, uint64_t place) {
    if (trace->count == trace->room) {
        trace->room = trace->room ? 2 * trace->room : 1024;
        trace->at = realloc(trace->at, trace->room * sizeof *trace->at);
        trace->nearest = realloc(trace->nearest, trace->room * sizeof *trace->nearest);
    }
    uint64_t index = trace->count++;
    trace->at[index] = place;
    uint64_t before = 0;
    while (before < index && trace->at[before] != place)
        before++;
    trace->nearest[index] = before == index ? (uint32_t)index : trace->nearest[index - 1];
}

StepResult follow(pid_t victim, const Stepping *how, Trace *trace) {
    int pass_on = 0;
    Stop stop = begins(victim) ? STOPPED : GONE;
    while (stop == STOPPED && !atomic_load(&how->stage->ended)) {
        stop = let_go(victim, PTRACE_SINGLESTEP, how, &pass_on);
        uint64_t place = stop == STOPPED ? program_counter(victim) : 0;
        if (place && counts(place, how))
            note(trace, place);
    }
    if (stop == GONE)
        return STEP_FAILED;
    kill_and_wait(victim);
    return stop == SLEEPS_ON ? STEP_KILLED_ASLEEP : STEP_ENDED;
}

void forget(Trace *trace) {
    free(trace->at);
    free(trace->nearest);
    *trace = (Trace){0};
}

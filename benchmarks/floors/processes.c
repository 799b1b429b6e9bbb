/* Two processes, each on a processor of its own; the clock, and the median. */
#define _GNU_SOURCE
#include "floors.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

_Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void *shared_memory(uint64_t length) {
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("shared memory");
    return memory;
}

/* The same processors as benchmarks/machine.py gives to roles 0 and 1. */
static void pin(const cpu_set_t *usable, int role) {
    cpu_set_t one;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, usable) || role-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0)
            fail("pinning");
        return;
    }
}

void start(void (*half)(Work *), Work *work) {
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) != 0)
        fail("which processors are usable");
    if (CPU_COUNT(&usable) < 2) {
        fprintf(stderr, "floors: needs 2 processors, and may use %d: widen its affinity\n",
                CPU_COUNT(&usable));
        exit(1);
    }
    pid_t first = getpid(), child = fork();
    if (child < 0)
        fail("fork");
    pin(&usable, child ? 0 : 1);
    if (child)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == first) /* or it died before it could be told */
        half(work);
    _exit(0);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

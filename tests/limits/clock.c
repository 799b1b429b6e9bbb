/* A wall clock that a test can set: LD_PRELOAD this, and let PODRING_TEST_CLOCK name a file of eight
 * bytes, nanoseconds to add to CLOCK_REALTIME. Everything else keeps its own time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_shift(void) {
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("PODRING_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        shift = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real)
        open_shift();
    int result = real(clock, now);
    if (result || clock != CLOCK_REALTIME || !shift)
        return result;
    int64_t ns = now->tv_sec * INT64_C(1000000000) + now->tv_nsec + *shift;
    now->tv_sec = ns / INT64_C(1000000000);
    now->tv_nsec = ns % INT64_C(1000000000);
    return 0;
}

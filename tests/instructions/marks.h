/* Where a stretch of counting begins and ends; costs nothing outside valgrind. */
#ifndef PODRING_INSTRUCTIONS_MARKS_H
#define PODRING_INSTRUCTIONS_MARKS_H

#include <valgrind/callgrind.h>

/* CALLGRIND_ZERO_STATS would leave what calls through a linkage table cost: writing it all to a file
 * that nobody reads sets everything to zero. */
static inline void begin_counting(void) {
    CALLGRIND_DUMP_STATS_AT("before");
}

/* Write a file with what was counted, under this name. */
static inline void end_counting(const char *name) {
    CALLGRIND_DUMP_STATS_AT(name);
}

/* Until here nothing was counted, and the program ran faster. */
static inline void count_from_here(void) {
    CALLGRIND_START_INSTRUMENTATION;
}

#endif

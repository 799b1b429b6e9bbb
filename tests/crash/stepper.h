/* Run another process one instruction at a time, and kill it at a chosen one.
 *
 * The victim is a child that has asked to be traced and then stopped itself: `offer_oneself`. It
 * says in shared memory when what it is watched at begins and ends, so that only the instructions
 * in between count.
 *
 * To kill at every instruction, a first victim is followed from beginning to end. The others do the
 * same, so they may run at full speed to the last place before theirs that is not in a loop, where
 * a breakpoint stops them, and only from there go step by step.
 */
#ifndef PODRING_STEPPER_H
#define PODRING_STEPPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    _Atomic uint32_t begun;
    _Atomic uint32_t ended;
    _Atomic uint64_t heard; /* for who sleeps meanwhile: the last message it received */
} Stage;

/* Where a victim was after each of its instructions. */
typedef struct {
    uint64_t *at;
    uint32_t *nearest; /* the last index up to here whose place had not occurred before */
    uint64_t count, room;
} Trace;

typedef struct {
    Stage *stage;
    /* Count only instructions at these addresses; all of them when `high` is 0. */
    uint64_t low, high;
    /* The way, if it is known; NULL: step from the beginning. */
    const Trace *trace;
    /* Called with the victim stopped after each counted instruction; NULL: not. */
    void (*after_step)(void *context);
    /* Called while the victim sleeps in the kernel: true to go on when it wakes, false to kill it
     * there. NULL where it cannot sleep for long. */
    bool (*asleep)(void *context);
    void *context;
} Stepping;

typedef enum {
    STEP_KILLED,        /* after so many instructions */
    STEP_KILLED_ASLEEP, /* as `asleep` said */
    STEP_ENDED,         /* it was through before, and is killed, too */
    STEP_MISSED,        /* it took another way than the trace */
    STEP_FAILED         /* it died of something else */
} StepResult;

/* In the victim: stop until the tracer goes on with it. */
void offer_oneself(void);

/* Kill the victim after `count` instructions, and wait until it is gone.
 * *stepped says how many there were. */
StepResult step_and_kill(pid_t victim, uint64_t count, const Stepping *how, uint64_t *stepped);

/* Follow the victim to its end, and note where it went. */
StepResult follow(pid_t victim, const Stepping *how, Trace *trace);
void forget(Trace *trace);

/* Whether a process waits in the kernel for something to happen. */
bool sleeps_in_kernel(pid_t process);

#endif

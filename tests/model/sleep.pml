/* Sleeping and waking on a machine whose stores are late (x86: each core has a store buffer).
 *
 * A publisher stores tail and then asks whether anyone sleeps; a subscriber says that it sleeps and
 * then looks at tail. Without a full barrier on both sides each may miss the other (R4). Each step
 * is named by a comment `function: operation word`, found again in the C.
 *
 * Checked: with nobody dead every subscriber receives everything, without the timeout that it
 * sleeps with. Where a publisher dies between its tail and its wake-up, sleepers are left
 * behind only until the next publish, or that timeout. A topic marked as deleted wakes everybody.
 * A subscriber killed in its sleep is not waited for. The wake word wraps around meanwhile.
 *
 * Left out: what a message is (log.pml). The lock is taken and given back in one step each, and
 * taken over in one; the exchange that gives it back is the barrier.
 *
 * -DDELETES   publishers leave, and the topic is marked as deleted; else subscribers count
 * -DSANDBOX   futex without FUTEX_WAKE_OP: the wake word moves, and then sleepers are woken
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define PUBLISHERS 2
#ifndef SUBSCRIBERS
#define SUBSCRIBERS 2
#endif
#define OPEN 0
#define DELETED 1
#define BEHIND(a, b) (((a) - (b)) & 128) /* (int8_t)(a - b) < 0 */

byte tail; /* messages, as far as they are in memory */
byte state = OPEN;
byte wake = 255, sleepers = 254; /* about to wrap around */
byte lock;

/* A store buffer each: what is in it, only its owner sees. The others' stores have barriers. */
chan buffer[PUBLISHERS] = [1] of { byte };

/* In the kernel: FUTEX_WAIT compares and queues in one step, FUTEX_WAKE_OP adds and wakes in one. */
bool asleep[2];

bool dead_publisher[PUBLISHERS], dead_subscriber[2];
byte kills = KILLS, working = PUBLISHERS;
bool owes[PUBLISHERS]; /* has shown a message, and not yet woken those who sleep */

inline wake_sleepers() {
#ifndef SANDBOX
    d_step { wake++; asleep[0] = false; asleep[1] = false } /* wake_sleepers: wake wake */
#else
    wake++; /* wake_sleepers: add wake */
    d_step { asleep[0] = false; asleep[1] = false } /* wake_sleepers: wake wake */
#endif
}

/* A core's stores reach memory some time, also those of a process that was killed. */
proctype store_buffer(byte owner) {
end:
    do
    :: buffer[owner] ? tail
    od
}

proctype publisher(byte me) {
    byte head, said;
    bool alone; /* the other one was dead before this message */
    {
        do
        :: true ->
            if
            :: atomic { lock == 0 -> lock = me + 1 } /* ring_begin: cas lock */
            :: atomic { /* ring_take_over: cas lock: a kill empties the store buffer */
                    lock != 0 && dead_publisher[lock - 1] && empty(buffer[lock - 1]) -> lock = me + 1
                }
            fi;
            d_step { head = tail + 1; alone = dead_publisher[0] }; /* begin_locked: load tail */
            if
            :: head > MESSAGES -> lock = 0; break
            :: else
            fi;
            atomic { buffer[me] ! head; owes[me] = true; head = 0 }; /* ring_flush: store tail */
#ifdef MUTANT_NO_BARRIER
            lock = 0;
#else
            atomic { empty(buffer[me]) -> lock = 0 }; /* unlock: swap lock */
#endif
            said = sleepers; /* anyone_sleeps: load sleepers */
            if
            :: !BEHIND(said, wake) -> wake_sleepers() /* anyone_sleeps: load wake */
            :: else
            fi;
            d_step {
                said = 0;
                owes[me] = false;
                owes[0] = owes[0] && !alone
            }
        od
    } unless {
        dead_publisher[me]
    };
    working--
}

#ifdef DELETES
proctype deleter() {
    working == 0;
#ifdef MUTANT_WAKES_BEFORE_DELETING
    wake_sleepers();
    state = DELETED
#else
    state = DELETED; /* ring_mark_deleted: store state */
    wake_sleepers()
#endif
}
#define DONE (state == DELETED && cursor == tail) /* ring_state: load state */
#else
#define DONE (cursor == MESSAGES)
#endif

proctype subscriber(byte me) {
    byte cursor, value, said;
    {
        do
        :: d_step { tail != cursor -> cursor = tail }
        :: DONE -> break
        :: tail == cursor -> /* ring_next found nothing */
            value = wake; /* ring_arm: load wake */
            said = sleepers; /* ring_arm: load sleepers */
#ifdef MUTANT_LOOKS_TOO_EARLY
            if
            :: tail != cursor || DONE -> goto look
            :: else
            fi;
#endif
            do
            :: BEHIND(said, value) -> d_step { /* ring_arm: cas sleepers */
                    if
                    :: sleepers == said -> sleepers = value
                    :: else
                    fi;
                    said = sleepers
                }
            :: else -> break
            od;
            said = 0;
            /* ring_arm: fence seq_cst */
#ifndef MUTANT_LOOKS_TOO_EARLY
            if
            :: tail != cursor -> goto look /* ring_has_news: load tail */
            :: else
            fi;
            if
            :: DONE -> goto look
            :: else
            fi;
#endif
            if
            :: atomic { wake == value -> asleep[me] = true } /* ring_sleep: wait word */
            :: wake != value
            fi;
            value = 0;
            do
            :: !asleep[me] -> break
            :: timeout -> /* nothing happens any more, and the subscriber looks by itself */
                assert(owes[0] && dead_publisher[0]);
                asleep[me] = false
            od;
look:       skip
        od
    } unless {
        dead_subscriber[me]
    };
    assert(cursor == MESSAGES || dead_subscriber[me])
}

/* SIGKILL, at any moment. Those who do the same are alike. */
proctype killer() {
    do
    :: kills > 0 -> atomic { kills--; dead_publisher[0] = true }
    :: kills > 0 -> atomic { kills--; dead_subscriber[0] = true }
    :: break
    od
}

init {
    atomic {
        run store_buffer(0);
        run store_buffer(1);
        run publisher(0);
        run publisher(1);
        run subscriber(0);
#if SUBSCRIBERS > 1
        run subscriber(1);
#endif
#ifdef DELETES
        run deleter();
#endif
        run killer()
    }
}

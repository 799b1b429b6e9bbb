/* Waiting for room in a `block` topic, on a machine whose stores are late (x86: store buffers).
 *
 * Publishers go no further than one lap beyond the slowest place. A subscriber joins while they go
 * on, and cannot stop them meanwhile: each says what it is about to do before it looks at the other
 * (R7). A publisher that finds no room sleeps, and a subscriber that made some wakes it (R8).
 *
 * Checked: no publisher ever takes bytes that a subscriber with a place still needs, so nobody loses
 * a message from joining on; with nobody dead everybody ends without the timeouts; a subscriber that
 * was killed is dropped, and the others go on.
 *
 * Left out: what a message is (log.pml), sleeping for news (sleep.pml), views and leases (a place
 * that is held, or given up), topics that keep what nobody subscribed to. A message is one unit.
 * Within a run of messages a subscriber makes room without asking whether anyone sleeps for it; here
 * each message is a run.
 *
 * -DALL_THERE  both subscribers have their places from the beginning
 */
#ifndef CAP
#define CAP 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef PUBLISHERS
#define PUBLISHERS 1
#endif
#define NOWHERE 255
#define LEAST(a, b) ((a) < (b) -> (a) : (b))

/* ---- memory ---- */
byte intent, claim, tail;
byte members, drain, drained;
byte place[2]; /* role and cursor of the roster's entries */
byte lock;

/* Stores on their way to memory. Only their owner sees them, and it looks at none of them. */
mtype = { INTENT, CLAIM, TAIL, PLACE, DRAIN };
chan buffer[4] = [2] of { mtype, byte };

/* ---- the kernel ---- */
bool asleep[2];
bool dead; /* subscriber 0 */

/* ---- what only the checker knows ---- */
byte announced;    /* the furthest that any publisher believes it may write */
byte at[2];        /* how far each subscriber has really come */
bool placed[2];    /* ring_take_place has said RING_OK */
byte kills = KILLS, working = PUBLISHERS;

#define SAFE(who) (!placed[who] || announced <= at[who] + CAP)

proctype store_buffer(byte owner) {
    byte value;
end:
    do
    :: atomic {
            if
            :: buffer[owner] ? INTENT, value -> intent = value
            :: buffer[owner] ? CLAIM, value -> claim = value
            :: buffer[owner] ? TAIL, value -> tail = value
            :: buffer[owner] ? PLACE, value -> place[owner - 2] = value
            :: buffer[owner] ? DRAIN, value -> drain = value
            fi;
            value = 0
        }
    od
}

#ifdef MUTANT_NO_BARRIER
#define BARRIER(owner) true
#else
#define BARRIER(owner) empty(buffer[owner])
#endif

/* ------------------------------------------------------------------------------ publishers */

inline look_for_room() {
    room = place[0]; /* place_of: load cursor */
    d_step {
        room = LEAST(room, place[1]);
        if
        :: room != NOWHERE -> room = LEAST(room, tail) + CAP /* look_for_room: load tail */
        :: else
        fi
    }
}

/* With the lock, for the message that ends at `end`. */
inline claim_room() {
    do
    :: true ->
        seen = members; /* claim_room: load members */
        if
        :: room < end || seen != known -> known = seen; look_for_room()
        :: else
        fi;
        if
        :: room < end -> stuck = true; break
        :: else
        fi;
        if
        :: goal = end
        :: goal = LEAST(end + 1, room) /* announced ahead */
        fi;
        if
        :: goal > claim -> buffer[me] ! CLAIM, goal /* claim_room: load claim; store claim */
        :: else
        fi;
        BARRIER(me); /* claim_room: fence full */
#ifdef MUTANT_NEVER_LOOKS_AGAIN
        if
        :: true ->
#else
        if
        :: members == known -> /* claim_room: load members */
#endif
            atomic {
                buffer[me] ! INTENT, goal; /* claim_room: store intent */
                announced = (goal > announced -> goal : announced);
                assert(SAFE(0) && SAFE(1));
                break
            }
        :: members != known
        fi
    od;
    seen = 0;
    goal = 0
}

inline ring_sleep_room() {
    seen = drained; /* ring_sleep_room: load drained */
    goal = tail; /* ring_sleep_room: load tail */
    d_step { goal = (goal > end - CAP -> goal : end - CAP); goal = (goal < end - CAP + 1 -> goal : end - CAP + 1) };
    goal = (goal == 0 -> 1 : goal);
    atomic { /* ring_sleep_room: load drain; cas drain */
        empty(buffer[me]) ->
        if
        :: drain == 0 || goal < drain -> drain = goal
        :: else
        fi
    };
    goal = 0;
    /* ring_sleep_room: fence full */
    look_for_room();
    if
    :: room >= end
    :: else ->
        if
        :: atomic { drained == seen -> asleep[me] = true }; /* ring_sleep_room: wait drained */
            if
            :: !asleep[me]
            :: timeout ->
                /* It looks at the locks of those who are slow, and drops the dead. */
                assert(dead);
                atomic { place[0] = NOWHERE; asleep[me] = false }
            fi
        :: drained != seen
        fi
    fi;
    seen = 0
}

proctype publisher(byte me) {
    byte room, known = NOWHERE, end, seen, goal;
    bool stuck;
    do
    :: true ->
        atomic { lock == 0 -> lock = me + 1 }; /* ring_begin: cas lock */
        end = tail + 1; /* begin_locked: load tail */
        if
        :: end > MESSAGES -> lock = 0; break
        :: else
        fi;
        if
        :: end > intent -> claim_room() /* ring_reserve: load intent */
        :: else
        fi;
        if
        :: stuck -> /* RING_FULL: without the lock */
            atomic { empty(buffer[me]) -> lock = 0; stuck = false };
            ring_sleep_room();
            room = 0 /* look again */
        :: else ->
            buffer[me] ! TAIL, end; /* ring_flush: store tail */
            atomic { empty(buffer[me]) -> lock = 0 } /* unlock: swap lock */
        fi;
        end = 0
    od;
    working--
}

/* ----------------------------------------------------------------------------- subscribers */

inline wake_publishers() {
    buffer[me + 2] ! DRAIN, 0; /* wake_publishers: store drain */
    atomic { empty(buffer[me + 2]) -> drained++ }; /* wake_publishers: add drained */
    d_step { asleep[0] = false; asleep[1] = false } /* wake_publishers: wake drained */
}

inline tell_publishers() {
#ifndef MUTANT_TELLS_WITHOUT_BARRIER
    BARRIER(me + 2); /* tell_publishers: fence full */
#endif
    seen = drain; /* tell_publishers: load drain */
    if
    :: seen != 0 && at[me] >= seen -> wake_publishers()
    :: else
    fi;
    seen = 0
}

/* Publishers go on meanwhile. */
inline join() {
    do
    :: true ->
        d_step {
            at[me] = claim; /* the oldest that is left, as find_place tells */
            at[me] = (intent > at[me] -> intent : at[me]);
            at[me] = (tail > at[me] -> tail : at[me]);
            at[me] = (at[me] > CAP -> at[me] - CAP : 0);
            at[me] = LEAST(at[me], tail)
        };
        buffer[me + 2] ! PLACE, at[me]; /* as ring_report does below */
        tell_publishers();
#ifdef MUTANT_NO_BARRIER
        members++;
#else
        atomic { empty(buffer[me + 2]) -> members++ }; /* ring_take_place: add members */
#endif
        /* ring_take_place: fence full */
        atomic {
            if
            :: claim <= at[me] + CAP -> placed[me] = true; assert(SAFE(me)); break /* ring_take_place: load claim */
            :: else
            fi
        }
    od
}

proctype subscriber(byte me) {
    byte seen;
    {
#ifndef ALL_THERE
        join();
#endif
        do
        :: at[me] == MESSAGES -> break
        :: atomic { at[me] < tail -> assert(SAFE(me)) }; /* find_news: load tail */
#ifdef MUTANT_MOVES_BEFORE_IT_COPIES
            buffer[me + 2] ! PLACE, at[me] + 1;
            tell_publishers();
            at[me]++
#else
            at[me]++;
            buffer[me + 2] ! PLACE, at[me]; /* ring_report: store cursor */
            tell_publishers()
#endif
        od;
        atomic { placed[me] = false; at[me] = NOWHERE };
        buffer[me + 2] ! PLACE, NOWHERE; /* ring_leave: store role */
        tell_publishers()
    } unless {
        me == 0 && dead
    };
    placed[me] = placed[me] && !(me == 0 && dead)
}

proctype killer() {
    if
    :: kills > 0 -> atomic { kills--; dead = true }
    :: true
    fi
}

init {
    atomic {
#ifdef ALL_THERE
        placed[0] = true;
        placed[1] = true;
#else
        place[0] = NOWHERE;
        place[1] = NOWHERE;
#endif
        run store_buffer(0);
#if PUBLISHERS > 1
        run store_buffer(1);
        run publisher(1);
#endif
        run store_buffer(2);
        run store_buffer(3);
        run publisher(0);
        run subscriber(0);
        run subscriber(1);
        run killer()
    }
}

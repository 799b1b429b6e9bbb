/* The publishers' lock: who may write, who sleeps for it, and who inherits it from the dead.
 *
 * Publisher 0 may be killed at any step. Publisher 2 opens later in the slot that the dead one had
 * (and takes over what it left there, as whoever opens such a slot does). Publishers 1 and 3
 * may judge the dead one by its slot, be slow, and find the new one in its place.
 *
 * Checked: never two living holders; with nobody dead everybody gets the lock as often as it wants
 * it, without the timeout that waiting has; after a death that timeout is all that is needed.
 *
 * Left out: exclusive publishers, which never give the lock back; what is written under the lock.
 */
#ifndef TURNS
#define TURNS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define PUBLISHERS 4
#define CONTENDED 128
#define NONE 255
#ifdef MUTANT_NO_LIFE
#define WORD(who) (((who) == 2 -> 0 : (who)) + 1) /* the slot alone */
#else
#define WORD(who) ((who) + 1) /* slot and life: no two are the same */
#endif
#define OF_FIRST_SLOT(word) (((word) & 127) == WORD(0) || ((word) & 127) == WORD(2))

byte lock;
bool waiting[PUBLISHERS]; /* in the kernel's queue */
bool dead;                /* publisher 0 */
bool opened;              /* publisher 2 holds the first slot now */
byte kills = KILLS;
byte inside = NONE; /* the living holder */

/* Whether the slot that the word names has nobody alive in it, as its OFD lock tells. */
#define IS_DEAD(word) ((word) != 0 && OF_FIRST_SLOT(word) && dead && !opened)

inline enter() {
    d_step { assert(inside == NONE); inside = me; seen = 0; now = 0 }
}

inline wake_one() {
    if
    :: atomic { waiting[0] && !dead -> waiting[0] = false }
    :: atomic { waiting[1] -> waiting[1] = false }
    :: atomic { waiting[2] -> waiting[2] = false }
    :: atomic { waiting[3] -> waiting[3] = false }
    :: !(waiting[0] && !dead) && !waiting[1] && !waiting[2] && !waiting[3]
    fi
}

inline unlock() {
    d_step { old = lock; lock = 0; inside = NONE }; /* unlock: swap lock */
#ifndef MUTANT_WAKES_NOBODY
    if
    :: old & CONTENDED -> wake_one() /* unlock: wake lock */
    :: else
    fi;
#endif
    old = 0
}

/* From a holder that was found dead by the word `seen`. */
inline ring_take_over() {
    now = lock; /* ring_take_over: load lock */
    if
    :: (now | CONTENDED) == (seen | CONTENDED) ->
        if
        :: atomic { lock == now -> lock = WORD(me) | CONTENDED; taken = true } /* ring_take_over: cas lock */
        :: lock != now
        fi
    :: else
    fi
}

inline begin() {
#ifndef MUTANT_BARGES
    if
    :: atomic { lock == 0 -> lock = WORD(me); enter(); goto got } /* ring_begin: cas lock */
    :: lock != 0
    fi;
#endif
    do
#ifdef MUTANT_BARGES
    :: atomic { lock == 0 -> lock = WORD(me); enter(); break } /* after it has slept, too */
#endif
    :: true ->
        seen = lock; /* ring_begin_waiting: load lock */
        if
        :: seen != 0 ->
            if
            :: seen & CONTENDED -> goto sleep
            :: else ->
                if
                :: atomic { lock == seen -> lock = seen | CONTENDED } /* ring_begin_waiting: cas lock */
                :: lock != seen -> goto try
                fi
            fi;
sleep:      if
            :: atomic { lock == (seen | CONTENDED) -> waiting[me] = true }; /* ring_begin_waiting: wait lock */
                if
                :: !waiting[me]
                :: timeout -> assert(dead); waiting[me] = false
                fi
            :: lock != (seen | CONTENDED)
            fi
        :: else
        fi;
        /* Those who wait ask now and then whether the holder lives. */
        seen = lock;
        if
        :: IS_DEAD(seen) ->
            ring_take_over();
            if
            :: taken -> atomic { taken = false; enter(); break }
            :: else
            fi
        :: else
        fi;
try:    if /* with the mark: others may still sleep */
#ifdef MUTANT_FORGETS_THE_OTHERS
        :: atomic { lock == 0 -> lock = WORD(me); enter(); break }
#else
        :: atomic { lock == 0 -> lock = WORD(me) | CONTENDED; enter(); break } /* ring_begin_waiting: cas lock */
#endif
        :: lock != 0
        fi
    od;
got: skip
}

proctype publisher(byte me) {
    byte seen, now, old, turns;
    bool taken;
    {
        do
        :: turns < TURNS -> begin(); unlock(); turns++
        :: else -> break
        od
    } unless {
        me == 0 && dead
    }
}

proctype successor(byte me) {
    byte seen, now, old;
    bool taken;
    atomic { dead -> opened = true; seen = lock };
    if
    :: seen != 0 && OF_FIRST_SLOT(seen) -> /* nobody else can tell any more */
        ring_take_over();
        if
        :: taken -> atomic { taken = false; enter() }; unlock()
        :: else
        fi
    :: else
    fi;
    begin();
    unlock()
}

proctype killer() {
    if
    :: kills > 0 -> atomic {
            kills--;
            dead = true;
            if
            :: inside == 0 -> inside = NONE
            :: else
            fi
        };
        run successor(2)
    :: true
    fi
}

init {
    atomic { run publisher(0); run publisher(1); run publisher(3); run killer() }
}

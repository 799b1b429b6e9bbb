/* The ring's log: publish, read, join, and take over after SIGKILL at any step.
 *
 * Lengths are counted in units; a frame takes one or two of them, the ring has CAP. Each access to
 * shared memory is a step of its own, named by a comment `function: operation word` that
 * test_model_matches_the_code.py finds again in the C, in that order. What a publisher writes between two fences
 * (header, payload) it writes in any order, and a reader copies in any order, as memcpy may.
 *
 * Checked: a message is delivered whole, once and in order; delivered and lost add up; nothing that
 * was committed is lost by a takeover; no live participant ever finds the ring corrupt.
 *
 * Left out: sleeping (sleep.pml) and the lock's own words (lock.pml); timestamps and statistics;
 * the 1000 attempts after which a reader gives up; seeking by time or sequence, which walks by the
 * same headers and checks. Memory is sequentially consistent but for the orders named above: what
 * the fences do is shown by tests/litmus, and here by mutants that exchange two steps.
 *
 * -DMUTANT_name breaks one rule, and spin must find it: so the model can fail.
 */
#ifndef CAP
#define CAP 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef DROPS
#define DROPS 1
#endif
#ifndef READERS
#define READERS 1
#endif
#define BLOCK 1 /* units between checkpoints */
#define BLOCKS (CAP / BLOCK)
#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef BATCH
#define BATCH 1
#endif
#define NOWHERE 255
#define GARBAGE 254 /* bytes of a payload, where somebody takes them for a header */

#define END_OF_LAP(position) (CAP - (position) % CAP)

/* ---- shared ---- */
byte lock; /* 0, or publisher + 1 */
byte intent, tail;
byte commit_end[2], commit_sequence[2];
byte checkpoint_position[BLOCKS], checkpoint_sequence[BLOCKS];
typedef Unit {
    byte position, sequence, size; /* the header, when a frame starts here */
    bool padding;
    byte payload;
}
Unit data[CAP];

/* ---- what only the checker knows ---- */
byte committed;         /* messages */
byte wrote[MESSAGES + 3]; /* what message n must say */
byte attempts;          /* each frame that anybody began says something else */
bool dead[PUBLISHERS];
byte kills = KILLS, drops = DROPS, working = PUBLISHERS;

/* ---------------------------------------------------------------------------- publishing */

/* Only the holder of the lock writes these words, so reading them all is one step. */
inline read_commit() {
    d_step {
        record = (commit_end[0] == tail_seen -> 0 : 1); /* read_commit: load end */
        assert(commit_end[record] == tail_seen); /* read_commit: load end */
        sequence = commit_sequence[record]; /* read_commit: load sequence */
        my_tail = tail_seen;
        assert(sequence == committed + 1);
        n = checkpoint_position[(my_tail / BLOCK) % BLOCKS]; /* read_commit: load position */
        checkpoint = my_tail;
        if
        :: n != NOWHERE && n / BLOCK == my_tail / BLOCK && n < my_tail ->
            checkpoint = (my_tail / BLOCK + 1) * BLOCK
        :: else
        fi;
        n = 0
    }
}

inline withdraw_checkpoints() {
#ifdef MUTANT_WITHDRAWS_NOTHING
    skip
#else
    d_step { /* withdraw_checkpoints: load tail; load intent: only the holder moves them */
        n = tail / BLOCK;
        last = intent / BLOCK;
        if
        :: last > tail / BLOCK + BLOCKS -> last = tail / BLOCK + BLOCKS
        :: else
        fi
    };
    do
    :: n <= last -> d_step { /* withdraw_checkpoints: load position; store position */
            if
            :: checkpoint_position[n % BLOCKS] >= tail -> checkpoint_position[n % BLOCKS] = NOWHERE
            :: else
            fi;
            n++
        }
    :: else -> break
    od;
    skip;
    d_step { n = 0; last = 0 }
#endif
}

inline put_header(at, units, is_padding) {
    d_step { /* put_frame: copy data */
        data[(at) % CAP].position = at;
        data[(at) % CAP].sequence = sequence;
        data[(at) % CAP].size = units;
        data[(at) % CAP].padding = is_padding
    }
}

inline put_checkpoint(at) {
    if
    :: at >= checkpoint ->
        checkpoint_position[((at) / BLOCK) % BLOCKS] = NOWHERE; /* put_frame: store position */
        /* put_frame: fence release */
        checkpoint_sequence[((at) / BLOCK) % BLOCKS] = sequence; /* put_frame: store sequence */
        d_step { /* put_frame: store position */
            checkpoint_position[((at) / BLOCK) % BLOCKS] = at;
            checkpoint = ((at) / BLOCK + 1) * BLOCK
        }
    :: else
    fi
}

inline announce() {
    d_step {
        if
        :: start + size > intent -> intent = start + size + ahead
        :: else
        fi
    }
}

inline put_payload() {
    d_step {
        data[start % CAP].payload = attempt
    };
    if
    :: size == 2 -> d_step {
            data[(start + 1) % CAP].payload = attempt;
            data[(start + 1) % CAP].position = GARBAGE
        }
    :: else
    fi
}

inline append() {
    if
    :: atomic { size = 1; ahead = 0 }
    :: atomic { size = 1; ahead = 1 }
    :: size = 2
    fi;
    d_step { /* ring_reserve: load intent */
        attempts++;
        attempt = attempts;
        start = head;
        if
        :: (intent > head && intent - head > CAP) || size > END_OF_LAP(head) ->
            start = head + END_OF_LAP(head)
        :: else
        fi
    };
#ifdef MUTANT_ANNOUNCES_LATE
    put_payload();
    announce();
#else
    announce(); /* ring_reserve: store intent; fence release */
    put_payload(); /* ring_append: copy place */
#endif
    if
    :: d_step { start > head && intent - head <= CAP } -> /* append_reserved: load intent */
        put_header(head, start - head, true);
        put_checkpoint(head)
    :: else
    fi;
    put_header(start, size, false);
    put_checkpoint(start);
    d_step {
        said[batch] = attempt;
        batch++;
        sequence++;
        head = start + size;
        start = 0;
        attempt = 0
    }
}

inline reveal() {
    d_step {
        tail = head;
        my_tail = head;
        if
        :: batch > 0 -> committed++; wrote[committed] = said[0]
        :: else
        fi;
        if
        :: batch > 1 -> committed++; wrote[committed] = said[1]
        :: else
        fi;
        batch = 0;
        said[0] = 0;
        said[1] = 0
    }
}

inline flush() {
#ifndef MUTANT_ONE_RECORD
    record = 1 - record;
#endif
#ifdef MUTANT_SHOWS_EARLY
    reveal();
#endif
    commit_sequence[record] = sequence; /* ring_flush: store sequence */
    commit_end[record] = head; /* ring_flush: store end */
#ifndef MUTANT_SHOWS_EARLY
    reveal() /* ring_flush: store tail */
#endif
}

/* A publisher that finds its own tail goes on from what it remembers, which is what read_commit
 * reads; here it always reads. */
proctype publisher(byte me) {
    byte my_tail, tail_seen, head, sequence, checkpoint, start, attempt, n, last;
    byte said[2];
    bit record;
    byte size, ahead, batch;
    {
        do
        :: true ->
            if
            :: atomic { lock == 0 -> lock = me + 1 } /* ring_begin: cas lock */
            :: atomic { lock != 0 && dead[lock - 1] -> lock = me + 1 }; /* ring_take_over: cas lock */
#ifdef MUTANT_INTENT_MOVES_BACK
                intent = tail;
#endif
                withdraw_checkpoints()
            fi;
            tail_seen = tail; /* begin_locked: load tail */
            read_commit();
            d_step { head = tail_seen; tail_seen = 0 };
            if
            :: sequence > MESSAGES -> lock = 0; break
            :: else
            fi;
            append();
            if
            :: sequence <= MESSAGES && BATCH > 1 -> append()
            :: true
            fi;
            if
            :: flush()
            :: drops > 0 -> drops--; /* the loan is given up */
                withdraw_checkpoints()
            fi;
            atomic { /* unlock: swap lock */
                lock = 0;
                d_step {
                    my_tail = 0; head = 0; sequence = 0; checkpoint = 0; record = 0; size = 0;
                    ahead = 0; batch = 0; said[0] = 0; said[1] = 0
                }
            }
        od
    } unless {
        dead[me]
    };
    working--
}

/* SIGKILL, at any moment. The publishers are alike, so it is always the same one that dies. */
proctype killer() {
    do
    :: kills > 0 -> atomic { kills--; dead[0] = true }
    :: break
    od
}

/* ------------------------------------------------------------------------------- reading */

/* ring_is_whole: fence acquire; load intent */
#define IS_WHOLE(position) (intent <= (position) || intent - (position) <= CAP)
#ifdef MUTANT_NEVER_ASKS
#define COPY_IS_WHOLE true
#else
#define COPY_IS_WHOLE IS_WHOLE(cursor)
#endif

/* The tail, and the sequence that belongs to it: into end, next. */
inline ring_tail() {
    do
    :: true ->
        end = tail; /* ring_tail: load tail */
        n = 0;
        do
        :: n < 2 ->
            if
            :: commit_end[n] == end -> /* ring_tail: load end */
                next = commit_sequence[n]; /* ring_tail: load sequence */
                if
                :: tail == end -> found = true; break /* ring_tail: load tail */
                :: else -> break
                fi
            :: else -> n++
            fi
        :: else -> break
        od;
        if
        :: found -> found = false; n = 0; break
        :: else
        fi
    od
}

inline read_checkpoint() {
    place = checkpoint_position[block % BLOCKS]; /* read_checkpoint: load position */
    place_sequence = checkpoint_sequence[block % BLOCKS]; /* read_checkpoint: load sequence */
    d_step { /* read_checkpoint: load position */
        found = place == checkpoint_position[block % BLOCKS] && place != NOWHERE &&
            place / BLOCK == block && place >= oldest && place < end
    }
}

/* The first checkpoint at or after `from`, else the tail: into place, place_sequence. */
inline find_place() {
    do
    :: true ->
        ring_tail();
        oldest = intent; /* first_whole: load intent */
        d_step { /* first_whole: load tail */
            if
            :: tail > oldest -> oldest = tail
            :: else
            fi;
            oldest = (oldest > CAP -> oldest - CAP : 0);
            if
            :: from > oldest -> oldest = from
            :: else
            fi;
            block = oldest / BLOCK
        };
        do
        :: block * BLOCK < end && block <= oldest / BLOCK + BLOCKS ->
            read_checkpoint();
            if
            :: found -> found = false; break
            :: else -> block++
            fi
        :: else -> place = end; place_sequence = next; break
        od;
        if
        :: IS_WHOLE(place) -> break
        :: else ->
            if
            :: place == end && tail == end -> break /* find_place: load tail */
            :: else
            fi
        fi
    od;
    skip;
    d_step { end = 0; next = 0; oldest = 0; block = 0; n = 0 }
}

/* Overtaken: go on at the first place that is whole. */
inline resume() {
    d_step { /* resume: load tail */
        from = 0;
        if
        :: laps == 1 -> from = (tail > CAP / 2 -> tail - CAP / 2 : 0)
        :: laps > 1 -> from = tail
        :: else
        fi;
        if
        :: laps < 2 -> laps++
        :: else
        fi
    };
    find_place();
    skip;
    d_step {
        assert(place >= cursor && place_sequence >= sequence);
        lost = lost + place_sequence - sequence;
        cursor = place;
        sequence = place_sequence;
        place = 0; place_sequence = 0; from = 0
    };
    goto look
}

inline copy_header(to) {
    copied[to].position = data[(cursor + to) % CAP].position;
    copied[to].sequence = data[(cursor + to) % CAP].sequence;
    copied[to].size = data[(cursor + to) % CAP].size;
    copied[to].padding = data[(cursor + to) % CAP].padding
}

inline copy_payload(to) {
    copied[to].payload = data[(cursor + to) % CAP].payload
}

inline forget_run() {
    n = 0;
    do
    :: n < CAP ->
        copied[n].position = 0; copied[n].sequence = 0; copied[n].size = 0;
        copied[n].padding = false; copied[n].payload = 0;
        n++
    :: else -> break
    od;
    n = 0; units = 0; at = 0
}

/* next_in_run: only private memory is touched. */
inline deliver() {
    at = 0;
    do
    :: at < units ->
        assert(copied[at].position == cursor && copied[at].sequence == sequence);
        if
        :: copied[at].padding -> cursor = cursor + copied[at].size; break
        :: else
        fi;
        if
        :: copied[at].size > units - at -> break
        :: else
        fi;
        assert(copied[at].payload == wrote[sequence]);
        assert(copied[at].size == 1 || copied[at + 1].payload == wrote[sequence]);
        cursor = cursor + copied[at].size;
        at = at + copied[at].size;
        sequence++;
        got++;
        laps = 0
    :: else -> break
    od
}

proctype subscriber() {
    byte cursor, sequence, first, got, lost, laps;
    byte end, next, oldest, block, place, place_sequence, from, n;
    byte units, at, tail_seen;
    bool found;
    Unit copied[CAP];

#ifdef JOINS
    if
    :: find_place() /* start="earliest" */
    :: ring_tail(); /* ring_reader_open */
        skip;
        d_step { place = end; place_sequence = next; end = 0; next = 0 }
    fi;
#else
    place_sequence = 1; /* was there from the beginning */
#endif
    skip;
    d_step {
        cursor = place; sequence = place_sequence; first = sequence;
        place = 0; place_sequence = 0
    };
look:
    do
    :: d_step { tail == cursor && working == 0 } -> break
    :: d_step { tail != cursor -> tail_seen = tail }; /* find_news: load tail */
        assert(tail_seen > cursor);
        if
        :: tail_seen - cursor > CAP -> resume()
        :: else
        fi;
        d_step { copy_header(0) }; /* read_header: copy frame */
        if
        :: COPY_IS_WHOLE
        :: else -> d_step { forget_run() }; resume()
        fi;
        d_step {
            assert(copied[0].position == cursor && copied[0].sequence == sequence);
            assert(copied[0].size <= tail_seen - cursor && copied[0].size <= END_OF_LAP(cursor))
        };
        if
        :: copied[0].padding ->
            d_step { cursor = cursor + copied[0].size; forget_run() };
            goto look
        :: else
        fi;
        if
        :: d_step { /* fill_run: everything up to the tail, or to the end of the lap */
                units = tail_seen - cursor;
                if
                :: units > END_OF_LAP(cursor) -> units = END_OF_LAP(cursor)
                :: else
                fi;
                n = 0
            };
            do
            :: n < units ->
                d_step { copy_header(n); copy_payload(n); n++ } /* fill_run: copy run */
            :: else -> break
            od
        :: d_step { units = copied[0].size }; /* ring_take: the header was checked above */
            copy_payload(0); /* ring_take: copy destination */
            if
            :: units == 2 -> copy_payload(1)
            :: else
            fi
        fi;
        if
        :: COPY_IS_WHOLE
        :: else -> d_step { forget_run() }; resume()
        fi;
        d_step { deliver(); forget_run(); tail_seen = 0 }
    od;
    assert(sequence == committed + 1);
    assert(got + lost == sequence - first)
}

init {
    byte i;
    atomic {
        commit_sequence[0] = 1;
        commit_end[1] = NOWHERE;
        do
        :: i < BLOCKS -> checkpoint_position[i] = NOWHERE; i++
        :: else -> break
        od;
        run publisher(0);
#if PUBLISHERS > 1
        run publisher(1);
#endif
        run killer();
        run subscriber();
#if READERS > 1
        run subscriber()
#endif
    }
}

/* The table of what is killed at every instruction. */
#ifndef PODRING_CRASH_SCENARIOS_H
#define PODRING_CRASH_SCENARIOS_H

#include "acts.h"

static uint64_t tail_of(const World *world) {
    return atomic_load(&world->ring.header->tail);
}

/* The next frame leaves a checkpoint. */
static bool at_a_new_block(const World *world) {
    const Ring *ring = &world->ring;
    uint64_t tail = tail_of(world), block = tail >> ring->block_shift;
    uint64_t known = atomic_load(&ring->checkpoints[block % ring->blocks].position);
    return known >> ring->block_shift != block || known >= tail;
}

/* The next small message does not fit before the ring's end. */
static bool before_the_end(const World *world) {
    uint64_t room = world->ring.capacity - tail_of(world) % world->ring.capacity;
    return room < 160;
}

static bool somewhere_plain(const World *world) {
    return !at_a_new_block(world) && !before_the_end(world);
}

/* A loan may announce more than a lap from here. */
static bool late_in_the_lap(const World *world) {
    return world->ring.capacity - tail_of(world) % world->ring.capacity < 6000;
}

static const Scenario scenarios[] = {
    {"publish", act_publish, .lengths = {100}, .messages = 1},
    {"publish, after another publisher", act_publish, .lengths = {100}, .messages = 1,
     .cold = true},
    {"publish that leaves a checkpoint", act_publish, .ready = at_a_new_block, .lengths = {100},
     .messages = 1},
    {"publish around the ring's end", act_publish, .ready = before_the_end, .lengths = {200},
     .messages = 1},
    {"publish an empty message", act_publish, .lengths = {0}, .messages = 1},
    {"publish a large message", act_publish, .lengths = {6000}, .messages = 1},
    {"publish to a sleeping subscriber", act_publish, .lengths = {100}, .messages = 1,
     .sleeper = true},
    {"publish while another waits", act_publish, .lengths = {100}, .messages = 1, .waiter = true},
    {"publish_many over two blocks", act_publish_many, .lengths = {900, 1000, 0, 1400, 1300},
     .messages = 5},
    {"publish_many around the ring's end", act_publish_many, .ready = before_the_end,
     .lengths = {200, 1000, 1200, 10, 20}, .messages = 5},
    {"publish_many to a sleeper", act_publish_many, .lengths = {900, 1000, 1200, 1400, 0},
     .messages = 5, .sleeper = true},
    {"loan and commit", act_loan, .lengths = {1000}, .messages = 1},
    {"loan around the ring's end", act_loan, .ready = before_the_end, .lengths = {1000},
     .messages = 1},
    {"loan, truncated", act_truncated_loan, .ready = late_in_the_lap, .lengths = {500},
     .messages = 1},
    {"loan, dropped", act_dropped_loan, .ready = late_in_the_lap, .lengths = {500}, .messages = 1},
    {"exclusive publish", act_publish, .lengths = {100}, .messages = 1, .exclusive = true},
    {"exclusive publisher leaves", act_leave, .exclusive = true},
    {"take over and publish", act_publish, .lengths = {700}, .messages = 1, .heirs = true},
    {"take over and publish_many", act_publish_many, .lengths = {900, 1000, 1200, 1400, 1300},
     .messages = 5, .heirs = true},
    {"join and publish", act_join, .lengths = {100}, .messages = 1, .joins = true},
    {"join as exclusive publisher", act_join, .lengths = {100}, .messages = 1, .joins = true,
     .exclusive = true},
    {.name = "leave", .act = act_leave},
    {"subscribe and receive", act_subscribe, .joins = true, .reads = true},
    {"receive", act_receive, .reads = true},
    {"receive after being overtaken", act_receive_behind, .reads = true, .cold = true},
    {"view", act_view, .reads = true},
    {"fall asleep, wake and receive", act_sleep, .reads = true, .woken = true},
    {"fall asleep and be killed there", act_sleep, .reads = true, .asleep = true},
    {"unsubscribe", act_unsubscribe, .reads = true},
    {.name = "block: publish", .act = act_publish, .lengths = {100}, .messages = 1, .blocks = true},
    {.name = "block: publish_many",
     .act = act_publish_many,
     .lengths = {900, 1000, 0, 1400, 1300},
     .messages = 5,
     .blocks = true},
    {.name = "block: wait for room and publish",
     .act = act_wait_for_room,
     .lengths = {1400},
     .messages = 1,
     .blocks = true,
     .full = true,
     .woken = true},
    {.name = "block: killed waiting for room",
     .act = act_wait_for_room,
     .lengths = {1400},
     .messages = 1,
     .blocks = true,
     .full = true,
     .asleep = true},
    {.name = "block: receive from a full ring",
     .act = act_receive,
     .reads = true,
     .blocks = true,
     .full = true},
    {.name = "block: hold a view", .act = act_hold_a_view, .reads = true, .blocks = true},
    {.name = "block: subscribe and receive",
     .act = act_subscribe,
     .joins = true,
     .reads = true,
     .blocks = true},
    {.name = "block: unsubscribe", .act = act_unsubscribe, .reads = true, .blocks = true},
};

enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

#endif

/*
 * Work of which each piece takes long: those who want to do some wait in a queue, and only a few
 * get their turn before the loop looks after everybody else again.
 */
#pragma once

#include "base/list.h"
#include "loop/loop.h"

enum { TURNS_AT_ONCE = 2 }; /* the loop calls twice in a turn */

struct turn {
    struct list link;
    void (*on_turn)(struct turn *turn);
};

struct turns {
    struct loop *loop;
    int64_t pause_ms;
    struct loop_timer timer;
    struct list waiting; /* of struct turn.link, who came first is the first */
};

/* Between those who get their turn together and the next there are `pause_ms`, or a turn of the
 * loop. */
void turns_init(struct turns *turns, struct loop *loop, int64_t pause_ms);
/* Nobody may wait any more. */
void turns_finish(struct turns *turns);
void turn_init(struct turn *turn, void (*on_turn)(struct turn *turn));
/* Asks for one turn, at the end of the queue; whoever waits already keeps its place. */
void turn_wait(struct turns *turns, struct turn *turn);
/* Waits no more. Harmless if it does not wait. */
void turn_leave(struct turn *turn);

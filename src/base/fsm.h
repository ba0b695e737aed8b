/*
 * State machines as data: a table names each state and the states it may move to.
 * A move that the table does not allow is a bug of ours, never of a client, and aborts.
 */
#pragma once

#include <stdint.h>

struct fsm_state {
    const char *name;    /* as AWS spells it */
    const char *next[8]; /* names it may move to; NULL-terminated unless full */
};

struct fsm {
    const char *name; /* "instance", "target", ... */
    const struct fsm_state *states;
    int count;
};

/* Whether the table allows a move; a state may always "move" to itself. */
int fsm_allows(const struct fsm *fsm, const char *from, const char *to);

/*
 * Asserts that the move is allowed and returns the table's own spelling of `to`
 * (static storage), so a caller writes `state = fsm_move(&instance_fsm, state, "running")`.
 */
const char *fsm_move(const struct fsm *fsm, const char *from, const char *to);

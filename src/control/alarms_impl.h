/* For the files of the alarms controller. */
#pragma once

#include "control/control_impl.h"

#include <stdbool.h>

/* One alarm's turn, in one transaction with the others of its region. */
struct alarm_turn {
    struct control *control;
    struct call *call;
    const char *name;
    double newest;   /* the newest value of its metric; NAN: unknown */
    char former[32]; /* the state whose actions were begun before */
};

/* The alarm as it is now, borrowed; and to be changed. */
const json_t *alarm_look(const struct alarm_turn *turn);
json_t *alarm_edit(const struct alarm_turn *turn);

/* Asks for another look at all alarms at cloud time `due_ms` at the latest. */
void alarm_wake_at(const struct alarm_turn *turn, int64_t due_ms);

/* alarm_actions.c: the actions of the present state; `again`: they were begun before. */
void alarm_act(const struct alarm_turn *turn, bool again);

/* alarm_composite.c: gives a composite alarm the state that its rule says. Whether it changed. */
bool alarm_judge_composite(const struct alarm_turn *turn);
/*
 * alarm_composite.c: whether another alarm keeps the actions back now, which the document then
 * shows. `is_new`: there is a state that nothing was done for yet.
 */
bool alarm_is_suppressed(const struct alarm_turn *turn, bool is_new);

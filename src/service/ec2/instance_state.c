#include "service/ec2/instance_state.h"

#include "base/fsm.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 *            .-----------------------------------------.
 *            v                                         |
 *   --> pending --> running --> stopping --> stopped --'
 *          |           |           |            |
 *          '-----------+-----------+------------'--> shutting-down --> terminated
 */
static const struct fsm_state states[] = {
    {"pending", {"running", "stopping", "shutting-down"}},
    {"running", {"stopping", "shutting-down"}},
    {"stopping", {"stopped", "shutting-down"}},
    {"stopped", {"pending", "shutting-down"}},
    {"shutting-down", {"terminated"}},
    {"terminated", {NULL}},
};
static const struct fsm machine = {"instance", states, sizeof states / sizeof *states};

/* AWS's numbers, in the order of `states`. */
static const int codes[] = {0, 16, 64, 80, 32, 48};

const char *instance_state(const json_t *instance)
{
    return json_string_value(json_object_get(json_object_get(instance, "State"), "Name"));
}

bool instance_is(const json_t *instance, const char *state)
{
    return strcmp(instance_state(instance), state) == 0;
}

json_t *instance_state_shape(const char *state)
{
    int index = 0;
    while (strcmp(states[index].name, state) != 0)
        index++;
    return json_pack("{s:i, s:s}", "Code", codes[index], "Name", state);
}

void instance_move(json_t *instance, const char *state)
{
    const char *moved = fsm_move(&machine, instance_state(instance), state);
    json_object_set_new(instance, "State", instance_state_shape(moved));
}

void instance_set_reason(json_t *instance, const char *code, const char *text)
{
    json_object_set_new(
        instance, "StateReason",
        json_pack("{s:s, s:o}", "Code", code, "Message", json_sprintf("%s: %s", code, text)));
}

void instance_set_user_reason(json_t *instance, const char *code, const char *text, int64_t now_ms)
{
    time_t seconds = now_ms / 1000;
    struct tm utc;
    char when[64];
    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "User initiated (%Y-%m-%d %H:%M:%S GMT)", &utc);
    instance_set_reason(instance, code, text);
    json_object_set_new(instance, "StateTransitionReason", json_string(when));
}

void instance_clear_reason(json_t *instance)
{
    json_object_del(instance, "StateReason");
    json_object_set_new(instance, "StateTransitionReason", json_string(""));
}

int64_t instance_number(const json_t *instance, const char *member)
{
    return json_integer_value(json_object_get(instance, member));
}

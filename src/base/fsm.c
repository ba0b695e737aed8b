#include "base/fsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fsm_state *fsm_find(const struct fsm *fsm, const char *name)
{
    for (int i = 0; i < fsm->count; i++)
        if (strcmp(fsm->states[i].name, name) == 0)
            return &fsm->states[i];
    return NULL;
}

int fsm_allows(const struct fsm *fsm, const char *from, const char *to)
{
    const struct fsm_state *state = fsm_find(fsm, from);
    if (!state || !fsm_find(fsm, to))
        return 0;
    if (strcmp(from, to) == 0)
        return 1;
    for (size_t i = 0; i < sizeof state->next / sizeof *state->next && state->next[i]; i++)
        if (strcmp(state->next[i], to) == 0)
            return 1;
    return 0;
}

const char *fsm_move(const struct fsm *fsm, const char *from, const char *to)
{
    if (!fsm_allows(fsm, from, to)) {
        fprintf(stderr, "bug: %s must not move from '%s' to '%s'\n", fsm->name, from, to);
        abort();
    }
    return fsm_find(fsm, to)->name;
}

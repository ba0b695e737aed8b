#include "balancer/alone_health.h"

#include "balancer/health.h"
#include "os/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void forget(struct map *map)
{
    map_each (entry, map)
        free(entry->value);
    map_finish(map);
    *map = (struct map){0};
}

void alone_health_load(struct alone_health *health)
{
    health->before = health->now;
    health->now = (struct map){0};
}

void alone_health_loaded(struct alone_health *health, bool refused)
{
    struct map kept = refused ? health->before : health->now;
    forget(refused ? &health->now : &health->before);
    *health = (struct alone_health){.now = kept};
}

/* Remembers the row. False if it says what was said last. */
static bool is_news(struct alone_health *health, const struct target_health *row)
{
    char key[sizeof row->target_group + sizeof row->target + 16];
    snprintf(key, sizeof key, "%s %s:%u", row->target_group, row->target, row->port);
    struct target_health *said = map_get(&health->now, key);
    if (!said)
        said = map_remove(&health->before, key);
    bool same = said && memcmp(said, row, sizeof *row) == 0;
    if (!said && !(said = malloc(sizeof *said)))
        return true;
    *said = *row;
    if (map_set(&health->now, key, said) < 0)
        free(said);
    return !same;
}

void alone_health_report(struct alone_health *health, const struct target_health *rows, int count)
{
    for (int i = 0; i < count; i++) {
        const struct target_health *row = &rows[i];
        const char *reason = health_reason_name((int)row->reason);
        if (!is_news(health, row))
            continue;
        log_info("target %s:%u of %s is %s%s%s%s%s", row->target, row->port, row->target_group,
                 health_state_name((int)row->state), *reason ? ": " : "", reason,
                 row->anomalous ? ", anomalous" : "", row->mitigated ? ", mitigated" : "");
    }
}

void alone_health_finish(struct alone_health *health)
{
    forget(&health->now);
    forget(&health->before);
}

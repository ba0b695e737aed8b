#include "control/metrics_meters.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_SIZE = DIMENSION_SIZE + ID_SIZE + 2, METERS_MAX = 10000 };

static const char *key_of(char key[KEY_SIZE], const char *load_balancer, const char *zone)
{
    snprintf(key, KEY_SIZE, "%s %s", load_balancer, zone);
    return key;
}

void meters_begin(struct map *meters)
{
    map_each (entry, meters)
        ((struct balancer_meter *)entry->value)->active_now = 0;
}

static struct balancer_meter *find(struct map *meters, const char *key)
{
    struct balancer_meter *meter = map_get(meters, key);
    if (meter || meters->count >= METERS_MAX || !(meter = calloc(1, sizeof *meter)))
        return meter;
    if (map_set(meters, key, meter) == 0)
        return meter;
    free(meter);
    return NULL;
}

void meters_take(struct map *meters, const char *load_balancer, const char *zone,
                 const struct traffic *row)
{
    char key[KEY_SIZE];
    struct balancer_meter *meter = find(meters, key_of(key, load_balancer, zone));
    if (!meter)
        return;
    meter->active_now += row->active_connections;
    meter->processed_bytes += row->processed_bytes;
    meter->charged_evaluations += row->rule_evaluations_charged;
    if (!*row->target_group)
        meter->new_clients += row->new_connections;
}

void meters_end(struct map *meters)
{
    map_each (entry, meters) {
        struct balancer_meter *meter = entry->value;
        if (meter->active_most < meter->active_now)
            meter->active_most = meter->active_now;
    }
}

struct balancer_meter meters_read(struct map *meters, const char *load_balancer, const char *zone)
{
    char key[KEY_SIZE];
    struct balancer_meter *meter = map_get(meters, key_of(key, load_balancer, zone)), read = {0};
    if (!meter)
        return read;
    read = *meter;
    map_remove(meters, key);
    free(meter);
    return read;
}

void meters_finish(struct map *meters)
{
    map_each (entry, meters)
        free(entry->value);
    map_finish(meters);
}

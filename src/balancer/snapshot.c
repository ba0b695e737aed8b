#include "balancer/snapshot.h"

#include "wire/regex.h"

#include <stdlib.h>
#include <string.h>

const char *const target_version_names[TARGET_VERSIONS] = {
    [TARGETS_HTTP1] = "HTTP1", [TARGETS_HTTP2] = "HTTP2", [TARGETS_GRPC] = "GRPC"};

struct block {
    struct list link;
    max_align_t data[];
};

void *snapshot_alloc(struct snapshot *snapshot, size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);
    if (!block)
        abort();
    list_append(&snapshot->blocks, &block->link);
    return block->data;
}

char *snapshot_text(struct snapshot *snapshot, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(snapshot_alloc(snapshot, size), text, size);
}

struct held_regex {
    struct list link;
    struct regex *regex;
};

struct regex *snapshot_regex(struct snapshot *snapshot, const char *pattern, unsigned flags,
                             struct err *err)
{
    struct regex *regex = regex_compile(pattern, strlen(pattern), flags, err);
    if (!regex)
        return NULL;
    struct held_regex *held = snapshot_alloc(snapshot, sizeof *held);
    held->regex = regex;
    list_append(&snapshot->regexes, &held->link);
    return regex;
}

struct cell *snapshot_cell(struct snapshot *snapshot, const char *load_balancer,
                           const char *target_group, const char *zone)
{
    struct cell *cell = traffic_cell(snapshot->traffic, load_balancer, target_group, zone);
    if (!cell)
        abort();
    if (snapshot->cell_count == snapshot->cell_capacity) {
        int capacity = snapshot->cell_capacity ? snapshot->cell_capacity * 2 : 16;
        struct cell **cells = realloc(snapshot->cells, (size_t)capacity * sizeof *cells);
        if (!cells)
            abort();
        snapshot->cells = cells;
        snapshot->cell_capacity = capacity;
    }
    return snapshot->cells[snapshot->cell_count++] = cell;
}

struct pool *target_group_pool(const struct target_group *group, int node)
{
    return &group->pools[group->pool_count > 1 ? node : 0];
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++)
            if (snapshot->groups[i].members[m].target)
                target_release(snapshot->targets, snapshot->groups[i].members[m].target);
    for (int i = 0; i < snapshot->load_balancer_count; i++)
        for (int n = 0; n < snapshot->load_balancers[i].listener_count; n++)
            if (snapshot->load_balancers[i].listeners[n].tls)
                tls_store_release_server(snapshot->tls,
                                         snapshot->load_balancers[i].listeners[n].tls);
    for (int i = 0; i < snapshot->cell_count; i++)
        atomic_fetch_sub(&snapshot->cells[i]->uses, 1);
    list_each_safe (held, &snapshot->regexes, struct held_regex, link)
        regex_free(held->regex);
    list_each_safe (block, &snapshot->blocks, struct block, link)
        free(block);
    free(snapshot->cells);
    free(snapshot);
}

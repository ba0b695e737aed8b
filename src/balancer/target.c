#include "balancer/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void target_table_init(struct target_table *table, int thread_count)
{
    list_init(&table->targets);
    table->thread_count = thread_count;
}

static bool is_target(const struct target *target, const char *group, const char *id,
                      uint32_t address, uint16_t port, const struct source *source)
{
    return target->address == address && target->port == port &&
           target->source.address == source->address && strcmp(target->group, group) == 0 &&
           strcmp(target->id, id) == 0 && strcmp(target->source.vpc, source->vpc) == 0;
}

static struct target *add_target(struct target_table *table, const char *group, const char *id)
{
    size_t size =
        sizeof(struct target) + (size_t)table->thread_count * sizeof(struct target_thread);
    struct target *target = calloc(1, size);
    if (!target)
        return NULL;
    strncpy(target->group, group, sizeof target->group - 1);
    strncpy(target->id, id, sizeof target->id - 1);
    for (int i = 0; i < table->thread_count; i++) {
        list_init(&target->threads[i].idle);
        list_init(&target->threads[i].active);
    }
    atomic_init(&target->state, TARGET_INITIAL);
    list_append(&table->targets, &target->link);
    return target;
}

struct target *target_get(struct target_table *table, const char *group, const char *id,
                          uint32_t address, uint16_t port, const struct source *source)
{
    list_each (target, &table->targets, struct target, link) {
        if (is_target(target, group, id, address, port, source)) {
            target->uses++;
            return target;
        }
    }
    struct target *target = add_target(table, group, id);
    if (!target)
        return NULL;
    target->address = address;
    target->port = port;
    target->source = *source;
    target->uses = 1;
    return target;
}

void target_release(struct target *target)
{
    if (--target->uses)
        return;
    assert(!target->check);
    list_remove(&target->link);
    free(target);
}

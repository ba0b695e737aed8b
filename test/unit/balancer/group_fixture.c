#include "group_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char document[] =
    "{\"Listeners\": [{\"Protocol\": \"HTTP\", \"Address\": \"127.0.0.1\", \"Port\": 80,"
    " \"DefaultActions\": [{\"Type\": \"forward\", \"TargetGroupName\": \"g\"}]}],"
    " \"TargetGroups\": [{\"TargetGroupName\": \"g\", \"Protocol\": \"HTTP\", \"Port\": 1,"
    " \"Attributes\": {%s}, \"Targets\": [%s]}]}";

static struct traffic_table traffic;
static struct target_table targets;
static struct tls_store tls;
static int loaded;

static struct snapshot *load(const char *rows, const char *attributes, struct err *err)
{
    size_t size = sizeof document + strlen(rows) + strlen(attributes);
    char *text = malloc(size);
    int used = snprintf(text, size, document, attributes, rows);
    struct snapshot *snapshot = snapshot_load(text, (size_t)used, &traffic, &targets, &tls, err);
    free(text);
    return snapshot;
}

static void begin(void)
{
    if (loaded++)
        return;
    traffic_table_init(&traffic, GROUP_THREADS);
    target_table_init(&targets, GROUP_THREADS);
    tls_store_init(&tls, GROUP_THREADS);
}

static void end(void)
{
    if (--loaded)
        return;
    traffic_table_finish(&traffic);
    target_table_finish(&targets);
    tls_store_finish(&tls);
}

static void follow(struct group_fixture *fixture)
{
    pool_follow(fixture->pool, &fixture->group->attributes.routing,
                &fixture->group->attributes.dns);
}

void group_load_targets(struct group_fixture *fixture, const char *rows, const char *attributes)
{
    struct err err = {0};
    begin();
    fixture->snapshot = load(rows, attributes, &err);
    if (!fixture->snapshot)
        fail_msg("%s", err.text);
    fixture->group = &fixture->snapshot->groups[0];
    fixture->pool = &fixture->group->pools[0];
    for (int i = 0; i < GROUP_THREADS; i++)
        fixture->pool->rotations[i].next = 0;
    follow(fixture);
}

void group_load(struct group_fixture *fixture, int count, const char *attributes)
{
    size_t capacity = ((size_t)count + 1) * 32, size = 0;
    char *rows = calloc(1, capacity);
    for (int i = 0; i < count; i++)
        size += (size_t)snprintf(rows + size, capacity - size, "%s{\"Id\": \"10.0.%d.%d\"}",
                                 i ? "," : "", i / 256, i % 256);
    group_load_targets(fixture, rows, attributes);
    free(rows);
    for (int i = 0; i < count; i++)
        atomic_store(&fixture->group->routable[i]->state, TARGET_HEALTHY);
    follow(fixture);
}

void group_unload(struct group_fixture *fixture)
{
    snapshot_destroy(fixture->snapshot);
    end();
}

void group_set(struct group_fixture *fixture, int index, int state)
{
    atomic_store(&fixture->group->routable[index]->state, state);
    follow(fixture);
}

const char *group_refusal(const char *attributes)
{
    static struct err err;
    begin();
    struct snapshot *snapshot = load("", attributes, &err);
    snapshot_destroy(snapshot);
    end();
    return snapshot ? NULL : err.text;
}

/* A balancer: it checks the targets of its configuration and reports their health. */
#include "simulated_cloud.h"
#include "simulated_cloud_impl.h"

#include "base/cleanup.h"
#include "service/doc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static enum target_state judge(struct simulated_cloud *cloud, const json_t *target)
{
    const struct machine *machine = cloud_machine(cloud, doc_text(target, "Id"));
    if (doc_flag(target, "Draining"))
        return TARGET_DRAINING;
    if (doc_flag(target, "InvalidState"))
        return TARGET_UNUSED;
    return machine && machine->running && !machine->sick ? TARGET_HEALTHY : TARGET_UNHEALTHY;
}

static enum target_reason reason_of(enum target_state state)
{
    static const enum target_reason reasons[] = {
        [TARGET_HEALTHY] = REASON_NONE,
        [TARGET_UNHEALTHY] = REASON_FAILED_HEALTH_CHECKS,
        [TARGET_DRAINING] = REASON_DEREGISTRATION_IN_PROGRESS,
        [TARGET_UNUSED] = REASON_INVALID_STATE,
        [TARGET_INITIAL] = REASON_INITIAL_HEALTH_CHECKING,
    };
    return reasons[state];
}

/* A target's row, if its state has changed since it was reported. */
static bool check_target(struct simulated_cloud *cloud, const char *target_group,
                         const json_t *target, struct target_health *row)
{
    char key[192];
    enum target_state state = judge(cloud, target);
    *row = (struct target_health){
        .port = (uint32_t)doc_number(target, "Port"),
        .state = state,
        .reason = reason_of(state),
    };
    snprintf(row->target_group, sizeof row->target_group, "%s", target_group);
    snprintf(row->target, sizeof row->target, "%s", doc_text(target, "Id"));
    snprintf(key, sizeof key, "%s/%s:%u", row->target_group, row->target, row->port);
    if ((uintptr_t)map_get(&cloud->health, key) == (uintptr_t)state)
        return false;
    map_set(&cloud->health, key, (void *)(uintptr_t)state);
    return true;
}

void simulated_balancer_check(struct simulated_cloud *cloud)
{
    enum { ROWS_MAX = 1000 };
    auto_free char *bytes =
        calloc(1, sizeof(struct message_rows) + ROWS_MAX * sizeof(struct target_health));
    struct message_rows *message = (void *)bytes;
    struct target_health *rows = (void *)(message + 1);
    size_t i, k;
    const json_t *group, *target;
    assert(bytes);
    if (!cloud->balancer_present)
        return;
    json_array_foreach (json_object_get(cloud->configuration, "TargetGroups"), i, group)
        json_array_foreach (json_object_get(group, "Targets"), k, target)
            if (message->count < ROWS_MAX &&
                check_target(cloud, doc_text(group, "Name"), target, &rows[message->count]))
                message->count++;
    if (message->count)
        simulated_report(cloud, simulated_delay(cloud, 200), PROCESS_BALANCER,
                         MESSAGE_TARGET_HEALTH, message,
                         sizeof *message + message->count * sizeof *rows);
}

void simulated_balancer_configure(struct simulated_cloud *cloud, const char *json, size_t size)
{
    json_t *configuration = json_loadb(json, size, 0, NULL);
    assert(configuration);
    json_decref(cloud->configuration);
    cloud->configuration = configuration;
    map_finish(&cloud->health);
    cloud->health = (struct map){0};
}

void cloud_balancer_leaves(struct simulated_cloud *cloud)
{
    cloud->balancer_present = false;
}

void cloud_balancer_returns(struct simulated_cloud *cloud)
{
    json_decref(cloud->configuration);
    cloud->configuration = NULL;
    map_finish(&cloud->health);
    cloud->health = (struct map){0};
    cloud->balancer_present = true;
    control_peer_started(cloud->control, PROCESS_BALANCER);
}

#include "balancer/health_log.h"

#include "balancer/log.h"
#include "balancer/worker.h"
#include "os/clock.h"
#include "wire/elb_log.h"

#include <stdio.h>
#include <string.h>

static const char *type_of(const struct target_group *group)
{
    static const char *const types[] = {[TARGETS_HTTP2] = "h2", [TARGETS_GRPC] = "grpc"};
    if (group->version == TARGETS_HTTP1)
        return group->health.tls ? "https" : "http";
    return types[group->version];
}

/* AWS's codes say more than the reasons of DescribeTargetHealth. NULL: the check passed. */
static const char *code_of(const struct health_probe *probe, const struct target_group *group,
                           int reason)
{
    switch (reason) {
    case REASON_NONE:
        return NULL;
    case REASON_TIMEOUT:
        return "TimedOut";
    case REASON_INTERNAL_ERROR:
        return "InternalError";
    case REASON_RESPONSE_CODE_MISMATCH:
        if (group->version == TARGETS_GRPC)
            return "GRPCUnexpectedStatus";
        return probe->status >= 500 ? "TargetError" : "ResponseCodeMismatch";
    default:
        return probe->has_empty_status ? "GRPCStatusHeaderEmpty" : "ConnectionReset";
    }
}

/* "web" of "targetgroup/web/0123456789abcdef"; alone the name is all there is. */
static void name_of(const struct target_group *group, char out[DIMENSION_SIZE])
{
    static const char prefix[] = "targetgroup/";
    const char *name = group->name;
    if (strncmp(name, prefix, sizeof prefix - 1) == 0)
        name += sizeof prefix - 1;
    snprintf(out, DIMENSION_SIZE, "%.*s", (int)strcspn(name, "/"), name);
}

static const struct node *node_of(const struct load_balancer *load_balancer,
                                  const struct target *target)
{
    for (int i = 0; i < load_balancer->node_count; i++)
        if (load_balancer->nodes[i].address == target->source.address)
            return &load_balancer->nodes[i];
    return &load_balancer->nodes[0];
}

void health_log(const struct health_probe *probe, const struct target_group *group,
                int64_t started_us, int reason)
{
    struct log_buffer *log = &probe->worker->log;
    const struct target *target = probe->target;
    char name[DIMENSION_SIZE];
    if (!group->user->attributes.health_check_log)
        return;
    struct log_chunk *chunk =
        log_line_begin(log, LOG_HEALTH_CHECK, group->user, node_of(group->user, target));
    if (!chunk)
        return;
    name_of(group, name);
    struct health_check_log_entry entry = {
        .type = type_of(group),
        .time_us = log_time_us(log, started_us),
        .latency_us = clock_mono_us() - started_us,
        .target = {target->address, target->port},
        .target_group = name,
        .status = probe->status,
        .reason = code_of(probe, group, reason),
    };
    health_check_log_append(&chunk->lines, &entry);
    log_line_end(log, chunk);
}

/* balancer: the L7 data plane and its health checks. No rights; its sockets are handed to it. */
#include "balancer/balancer.h"
#include "base/map.h"
#include "daemon/privilege.h"
#include "daemon/process.h"
#include "os/log.h"
#include "os/random.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 200000 }; /* two for each request in flight */

static void on_api_message(struct process_context *context, struct channel *channel,
                           enum message_type type, const void *payload, size_t size,
                           const int *descriptors, int descriptor_count)
{
    const char *text = (const char *)payload + sizeof(struct message_empty);
    (void)channel;
    (void)descriptors;
    (void)descriptor_count; /* none from api: the table says so */
    if (type == MESSAGE_CLOCK) {
        loop_set_cloud_clock(context->loop, payload);
        balancer_set_cloud_clock(context->owner, payload);
    } else if (type == MESSAGE_LOG_TAKEN) {
        balancer_log_taken(context->owner, ((const struct message_log_taken *)payload)->bytes);
    } else {
        balancer_follow(context->owner, text, size - sizeof(struct message_empty));
    }
}

static void on_host_message(struct process_context *context, struct channel *channel,
                            enum message_type type, const void *payload, size_t size,
                            const int *descriptors, int descriptor_count)
{
    (void)channel;
    balancer_receive(context->owner, type, payload, size, descriptors, descriptor_count);
}

static void on_host(struct process_context *context, struct channel *channel)
{
    balancer_set_host(context->owner, channel);
}

static void on_api(struct process_context *context, struct channel *channel);

static const struct peer peers[] = {
    {PROCESS_API, on_api_message, on_api},    /* configuration; health, traffic, logs go back */
    {PROCESS_HOST, on_host_message, on_host}, /* listeners, and sockets inside VPCs */
    {0},
};

static void send_rows(struct process_context *context, enum message_type type, const void *rows,
                      int count, size_t row_size)
{
    struct message_rows head = {.count = (uint32_t)count};
    process_send(context, PROCESS_API, type, &head, sizeof head, rows, (size_t)count * row_size);
}

static void report_health(const struct target_health *rows, int count, void *owner)
{
    send_rows(owner, MESSAGE_TARGET_HEALTH, rows, count, sizeof *rows);
}

static void report_traffic(const struct traffic *rows, int count, void *owner)
{
    send_rows(owner, MESSAGE_TRAFFIC, rows, count, sizeof *rows);
}

static void log_refused(const struct err *err, void *owner)
{
    (void)owner;
    log_error("configuration: %s", err->text);
}

static void tell_taken_over(void *owner)
{
    struct message_empty empty = {0};
    process_send(owner, PROCESS_PARENT, MESSAGE_TAKEN_OVER, &empty, sizeof empty, NULL, 0);
}

static void tell_retired(void *owner)
{
    struct process_context *context = owner;
    loop_stop(context->loop);
}

static void on_retire(struct process_context *context)
{
    balancer_retire(context->owner);
}

static void report_log(const struct message_log *head, const char *lines, size_t size, void *owner)
{
    struct process_context *context = owner;
    if (context->channels[PROCESS_API])
        process_send(context, PROCESS_API, MESSAGE_LOG, head, sizeof *head, lines, size);
    else
        balancer_log_taken(context->owner, size); /* lost: api writes it, and api is away */
}

/* What an api that is gone did not take, the next one never will. */
static void on_api(struct process_context *context, struct channel *channel)
{
    (void)channel;
    balancer_log_lost(context->owner);
}

/* The end: api, which ends later, gets the last lines and counts. */
static void on_stop(struct process_context *context, bool keep_instances)
{
    (void)keep_instances;
    balancer_report_last(context->owner, tell_retired);
}

static struct balancer *create(struct process_context *context, struct err *err)
{
    struct balancer_options options = {
        .workers = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .cloud = true,
        .tickets = &context->setup->tickets,
        .report_health = report_health,
        .report_traffic = report_traffic,
        .report_log = report_log,
        .successor = context->setup->successor,
        .on_taken_over = tell_taken_over,
        .on_retired = tell_retired,
        .on_refused = log_refused,
        .owner = context,
    };
    struct balancer *balancer = balancer_create(context->loop, &options, err);
    if (balancer)
        balancer_set_cloud_clock(balancer, &context->setup->clock);
    return balancer;
}

int proc_balancer_main(const struct process_setup *setup, int parent_fd)
{
    char root_dir[PATH_MAX];
    uint8_t seed[16];
    struct err err;
    struct rlimit descriptors = {DESCRIPTORS_MAX, DESCRIPTORS_MAX};
    struct privilege privilege = {.uid = PRIVILEGE_UID_BALANCER, .root_dir = root_dir};
    struct process_context context = {.self = PROCESS_BALANCER,
                                      .setup = setup,
                                      .peers = peers,
                                      .on_stop = on_stop,
                                      .on_retire = on_retire};
    snprintf(root_dir, sizeof root_dir, "%s/empty", setup->options->data_dir);
    random_bytes(seed, sizeof seed);
    map_seed(seed);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    if (process_start(&context, parent_fd, &err) < 0 || privilege_drop(&privilege, &err) < 0 ||
        !(context.owner = create(&context, &err)) || process_run(&context, &err) < 0) {
        log_error("%s", err.text);
        return 1;
    }
    balancer_destroy(context.owner);
    return 0;
}

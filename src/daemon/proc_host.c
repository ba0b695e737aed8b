/* host: namespaces, mounts, cgroups, links, nftables. Root; parses no byte of a client or guest. */
#include "daemon/host_options.h"
#include "daemon/process.h"
#include "os/log.h"

#include <stdlib.h>
#include <unistd.h>

enum { GRACE_MS = 10000 }; /* for instances to end by themselves when everything stops */

static void on_message(struct process_context *context, struct channel *channel,
                       enum message_type type, const void *payload, size_t size,
                       const int *descriptors, int descriptor_count)
{
    if (type == MESSAGE_CLOCK)
        loop_set_cloud_clock(context->loop, payload);
    else
        host_receive(context->owner, channel, type, payload, size, descriptors, descriptor_count);
}

static void on_api(struct process_context *context, struct channel *channel)
{
    host_set_peer(context->owner, PROCESS_API, channel);
}

static void on_balancer(struct process_context *context, struct channel *channel)
{
    host_set_peer(context->owner, PROCESS_BALANCER, channel);
}

static void on_guest(struct process_context *context, struct channel *channel)
{
    host_set_peer(context->owner, PROCESS_GUEST, channel);
}

static const struct peer peers[] = {
    {PROCESS_API, on_message, on_api},           /* what shall be; reports back what is */
    {PROCESS_BALANCER, on_message, on_balancer}, /* wants listeners and sockets in VPCs */
    {PROCESS_GUEST, on_message, on_guest},       /* gets the sockets of IMDS and DNS */
    {0},
};

static void on_stop(struct process_context *context, bool keep_instances)
{
    struct err err;
    if (!keep_instances && host_remove_all(context->owner, GRACE_MS, &err) < 0) {
        log_error("cleaning up: %s", err.text);
        exit(1);
    }
    loop_stop(context->loop);
}

int proc_host_main(const struct process_setup *setup, int parent_fd)
{
    struct err err;
    struct host_options options;
    struct host_paths paths;
    struct process_context context = {
        .self = PROCESS_HOST, .setup = setup, .peers = peers, .on_stop = on_stop};
    host_options_fill(&options, &paths, setup->options->data_dir, setup->world, setup->run_dir);
    if (process_start(&context, parent_fd, &err) < 0 ||
        !(context.owner = host_create(context.loop, &options, &err)) ||
        process_run(&context, &err) < 0) {
        log_error("%s", err.text);
        return 1;
    }
    host_destroy(context.owner);
    return 0;
}

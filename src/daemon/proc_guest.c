/*
 * guest: what instances ask for, IMDS and DNS, whose sockets are handed to it; and what goes
 * outside to servers that anybody may have named. No rights.
 */
#include "base/cleanup.h"
#include "base/map.h"
#include "courier/courier.h"
#include "daemon/dns_sockets.h"
#include "daemon/privilege.h"
#include "daemon/process.h"
#include "guest/guest.h"
#include "ipc/id.h"
#include "os/file.h"
#include "os/log.h"
#include "os/random.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The certificates that the host's programs trust. */
static const char trusted_path[] = "/etc/ssl/certs/ca-certificates.crt";

enum { DNS_PORT = 53, FLOWS_QUEUED_MAX = 1024 * 1024 };

struct guest_process {
    struct process_context context;
    struct guest *guest;
    struct courier *courier;
};

static void log_failure(int result, const char *what, const struct err *err)
{
    if (result < 0)
        log_error("%s: %s", what, err->text);
}

static void deliver(struct guest_process *process, const struct message_delivery *delivery,
                    size_t size)
{
    char id[DELIVERY_ID_SIZE];
    memcpy(id, delivery->id, sizeof id);
    id[sizeof id - 1] = 0;
    courier_send(process->courier, id, (const char *)(delivery + 1), size - sizeof *delivery);
}

static void on_delivered(void *arg, const char *id, int status, const char *text)
{
    struct guest_process *process = arg;
    struct message_delivered delivered = {.status = (uint32_t)status};
    snprintf(delivered.id, sizeof delivered.id, "%s", id);
    snprintf(delivered.text, sizeof delivered.text, "%s", text);
    process_send(&process->context, PROCESS_API, MESSAGE_DELIVERED, &delivered, sizeof delivered,
                 NULL, 0);
}

static bool find_address(void *arg, const char *name, uint32_t *ret_address)
{
    const struct guest_process *process = arg;
    return guest_find_address(process->guest, name, ret_address);
}

static void on_api_message(struct process_context *context, struct channel *channel,
                           enum message_type type, const void *payload, size_t size,
                           const int *descriptors, int descriptor_count)
{
    struct guest_process *process = context->owner;
    struct guest *guest = process->guest;
    const struct message_id *id = payload;
    const char *tail;
    struct err err;
    (void)channel;
    (void)descriptors;
    (void)descriptor_count; /* none from api: the table says so */
    bool named = type == MESSAGE_METADATA || type == MESSAGE_METADATA_DELETE;
    if (named && !id_is_valid(id->id, "i-")) {
        log_error("%s without an id", message_name(type));
        return;
    }
    switch (type) {
    case MESSAGE_CLOCK:
        loop_set_cloud_clock(context->loop, payload);
        return;
    case MESSAGE_METADATA:
        tail = (const char *)payload + sizeof *id;
        log_failure(guest_set_metadata(guest, id->id, tail, size - sizeof *id, &err), "metadata",
                    &err);
        return;
    case MESSAGE_METADATA_DELETE:
        guest_remove_metadata(guest, id->id);
        return;
    case MESSAGE_NAMES:
        tail = (const char *)payload + sizeof(struct message_empty);
        log_failure(guest_set_names(guest, tail, size - sizeof(struct message_empty), &err),
                    "names", &err);
        return;
    case MESSAGE_DELIVER:
        deliver(process, payload, size);
        return;
    default:
        log_error("unexpected message %s", message_name(type));
    }
}

static void on_host_message(struct process_context *context, struct channel *channel,
                            enum message_type type, const void *payload, size_t size,
                            const int *descriptors, int descriptor_count)
{
    const struct guest_process *process = context->owner;
    const struct message_id *vpc = payload;
    struct err err;
    (void)channel;
    (void)size;
    if (type == MESSAGE_GUEST_LOG) {
        int log = descriptor_count ? descriptors[0] : -1; /* one at most: the table says so */
        log_failure(guest_set_log(process->guest, vpc->id, log, &err), vpc->id, &err);
        return;
    }
    if (type == MESSAGE_GUEST_LISTENERS && descriptor_count == GUEST_SOCKETS) {
        log_failure(guest_add_vpc(process->guest, vpc->id, descriptors, &err), vpc->id, &err);
        return;
    }
    for (int i = 0; i < descriptor_count; i++)
        close(descriptors[i]);
    if (type == MESSAGE_GUEST_LISTENERS)
        guest_remove_vpc(process->guest, vpc->id);
}

/* While api is away, or reads nothing, guests shall not fill our memory: then flows only add up. */
static bool on_flows(void *owner, const struct message_flows *head, const struct flow *rows)
{
    const struct process_context *context = owner;
    struct channel *api = context->channels[PROCESS_API];
    if (!api || channel_queued(api) > FLOWS_QUEUED_MAX)
        return false;
    channel_send(api, MESSAGE_FLOWS, head, sizeof *head, rows, head->count * sizeof *rows, NULL, 0);
    return true;
}

static const struct peer peers[] = {
    {PROCESS_API, on_api_message, NULL},   /* what IMDS and DNS say, deliveries; flows */
    {PROCESS_HOST, on_host_message, NULL}, /* the sockets of each VPC; none when they end */
    {0},
};

/* The first name server of the host that instances may use through us; 0 if there is none. The
 * resolver that we are ourselves is not asked. */
static uint32_t host_resolver(const char *own_address)
{
    struct err ignored;
    size_t size;
    char address[64];
    struct in_addr parsed;
    auto_free char *text = file_read("/etc/resolv.conf", 65536, &size, &ignored);
    for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (sscanf(line, "nameserver %63s", address) == 1 &&
            (!own_address || strcmp(address, own_address)) &&
            inet_pton(AF_INET, address, &parsed) == 1)
            return ntohl(parsed.s_addr);
    return 0;
}

/* After rights were dropped. */
static int open_all(struct guest_process *process, uint32_t resolver, int trusted_fd,
                    struct err *err)
{
    const struct sockaddr_in name_server = {.sin_family = AF_INET,
                                            .sin_port = htons(resolver ? DNS_PORT : 0),
                                            .sin_addr.s_addr = htonl(resolver)};
    const struct courier_options options = {.resolver = name_server,
                                            .trusted_fd = trusted_fd,
                                            .find = find_address,
                                            .done = on_delivered,
                                            .arg = process};
    process->courier = courier_create(process->context.loop, &options, err);
    process->guest = process->courier ? guest_create(process->context.loop, err) : NULL;
    return process->guest ? 0 : -1;
}

int proc_guest_main(const struct process_setup *setup, int parent_fd)
{
    char root_dir[PATH_MAX];
    uint8_t seed[16];
    struct err err;
    const struct daemon_options *options = setup->options;
    int sockets[GUEST_SOCKETS] = {-1, -1, -1};
    uint32_t resolver = host_resolver(options->dns_address);
    int trusted_fd = open(trusted_path, O_RDONLY | O_CLOEXEC); /* out of reach later */
    struct privilege privilege = {.uid = PRIVILEGE_UID_GUEST, .root_dir = root_dir};
    struct guest_process process = {
        .context = {.self = PROCESS_GUEST, .setup = setup, .peers = peers}};
    process.context.owner = &process;
    snprintf(root_dir, sizeof root_dir, "%s/empty", setup->options->data_dir);
    random_bytes(seed, sizeof seed);
    map_seed(seed);
    if (options->dns_address && dns_sockets_open(options, sockets, &err) < 0)
        log_error("%s", err.text);
    if (process_start(&process.context, parent_fd, &err) < 0 ||
        privilege_drop(&privilege, &err) < 0 ||
        open_all(&process, resolver, trusted_fd, &err) < 0) {
        log_error("%s", err.text);
        return 1;
    }
    guest_set_on_flows(process.guest, on_flows, &process.context);
    if (sockets[GUEST_SOCKET_DNS] >= 0 && guest_add_vpc(process.guest, "", sockets, &err) < 0)
        log_error("the host's resolver: %s", err.text);
    if (resolver && guest_set_upstream(process.guest, resolver, &err) < 0)
        log_warn("instances resolve only the cloud's own names: %s", err.text);
    if (process_run(&process.context, &err) < 0) {
        log_error("%s", err.text);
        return 1;
    }
    courier_destroy(process.courier);
    guest_destroy(process.guest);
    return 0;
}

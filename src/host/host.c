#include "host/host.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/image/host_layer.h"
#include "host/image/store.h"
#include "host/listeners.h"
#include "host/net/net.h"
#include "host/run/instances.h"
#include "host/run/userns.h"
#include "host/run/worker.h"
#include "host/volume/disk.h"
#include "host/volumes.h"
#include "ipc/id.h"
#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512, TICK_MS = 1000, USUAL_ROOT_GIB = 8 };

struct host {
    struct host_options options;
    struct loop *loop;
    struct net *net;
    struct instances *instances;
    struct listeners listeners;
    struct channel *peers[PROCESS_COUNT]; /* NULL: away */
    struct map vpcs;                      /* those whose fabric was told; the values mean nothing */
    struct loop_timer tick;
    struct volumes volumes;
    char images_dir[PATH_SIZE], instances_dir[PATH_SIZE], volumes_dir[PATH_SIZE];
    char records_dir[PATH_SIZE], stage_dir[PATH_SIZE];
    bool sweeping, sweep_again;
    int64_t measured_ms; /* CLOCK_MONOTONIC of the last usage report; 0: none yet */
};

static void tell_api(struct host *host, enum message_type type, const void *payload, size_t size)
{
    if (host->peers[PROCESS_API])
        channel_send(host->peers[PROCESS_API], type, payload, size, NULL, 0, NULL, 0);
}

static struct store store_of(const struct host *host)
{
    return (struct store){host->images_dir, host->instances_dir, host->volumes_dir};
}

/* ---- deleting what nobody needs, in the background ---- */

struct sweep_argument {
    struct store store;
    bool stale;
};

static void sweep(struct host *host);

static int do_sweep(const void *argument, struct err *err)
{
    const struct sweep_argument *sweep_argument = argument;
    return store_sweep(&sweep_argument->store, sweep_argument->stale, err);
}

/* What could not be deleted is tried again by the next sweep. */
static void on_swept(void *owner, const struct err *failure)
{
    struct host *host = owner;
    host->sweeping = false;
    if (host->sweep_again && !failure)
        sweep(host);
}

static void sweep(struct host *host)
{
    struct err ignored;
    struct sweep_argument argument = {store_of(host), !instances_any_running(host->instances)};
    struct worker_job job = {do_sweep, &argument, on_swept, host};
    host->sweep_again = host->sweeping;
    if (!host->sweeping)
        host->sweeping = worker_start(host->loop, &job, &ignored) >= 0;
}

/* ---- the layer "host" and an empty volume, made in the background when they are missing ---- */

static int prepare_layer(const void *argument, struct err *err)
{
    const struct store *store = argument;
    auto_fd int userns = userns_open(userns_base(0), err);
    if (userns < 0 || host_layer_prepare(store->images_dir, userns, err) < 0)
        return -1;
    return disk_make_template(store->volumes_dir, USUAL_ROOT_GIB, err);
}

static void on_layer(void *owner, const struct err *failure)
{
    struct host *host = owner;
    instances_set_ready(host->instances, failure);
    sweep(host);
}

/* ---- what instances need of the host ---- */

static int plug(void *owner, const struct instance_interface *interface, int netns_fd,
                struct err *err)
{
    const struct host *host = owner;
    return net_plug(host->net, interface, netns_fd, err);
}

static void readdress(void *owner, const struct instance_interface *from,
                      const struct instance_interface *to, int netns_fd)
{
    const struct host *host = owner;
    struct err ignored;
    net_readdress(host->net, from, to, netns_fd, &ignored);
}

static bool count(const struct host *host, const struct instance_interface *interface,
                  struct net_counters *sum)
{
    struct net_counters counters;
    struct err ignored;
    if (net_counters(host->net, interface->vpc, interface->id, &counters, &ignored) < 0)
        return false;
    sum->received_bytes += counters.received_bytes;
    sum->sent_bytes += counters.sent_bytes;
    sum->received_packets += counters.received_packets;
    sum->sent_packets += counters.sent_packets;
    sum->down |= interface->device_index == 0 && counters.down;
    return true;
}

static void unplug(void *owner, const struct instance_interface *interface,
                   struct net_counters *gone)
{
    const struct host *host = owner;
    count(host, interface, gone);
    net_unplug(host->net, interface->vpc, interface->id);
}

static void network_done(void *owner, const struct message_instance_network_done *done)
{
    tell_api(owner, MESSAGE_INSTANCE_NETWORK_DONE, done, sizeof *done);
}

static void report(void *owner, const struct message_instance_state *state)
{
    tell_api(owner, MESSAGE_INSTANCE_STATE, state, sizeof *state);
}

static void report_volume(void *owner, enum message_type type, const void *payload, size_t size)
{
    tell_api(owner, type, payload, size);
}

static void on_removed(void *owner)
{
    sweep(owner);
}

/* ---- each second ---- */

struct usage_report {
    struct host *host;
    struct buf rows;
    uint32_t count;
};

static void add_usage(void *owner, const struct message_instance_start *start,
                      const struct attachments *attachments,
                      const struct cgroup_usage *cgroup_usage)
{
    struct usage_report *usage_report = owner;
    struct net_counters sum = attachments->gone;
    for (uint32_t i = 0; i < attachments->count; i++)
        if (!count(usage_report->host, &attachments->rows[i].interface, &sum))
            return; /* its network is going: it is about to be reported as ended */
    struct usage row = {
        .boot = start->boot,
        .cpu_thousandths = start->cpu_thousandths,
        .cpu_us = cgroup_usage->cpu_us,
        .memory_bytes = cgroup_usage->memory_bytes,
        .received_bytes = sum.received_bytes,
        .sent_bytes = sum.sent_bytes,
        .received_packets = sum.received_packets,
        .sent_packets = sum.sent_packets,
        .unreachable = sum.down,
    };
    memcpy(row.instance, start->instance, sizeof row.instance);
    buf_append(&usage_report->rows, &row, sizeof row);
    usage_report->count++;
}

/* What enters a gateway is what it processes: all of it leaves again. */
static void add_gateway(void *arg, const char *interface_id, const struct net_counters *counters)
{
    struct usage_report *report = arg;
    struct nat_traffic row = {.processed_bytes = counters->received_bytes};
    snprintf(row.interface, sizeof row.interface, "%s", interface_id);
    buf_append(&report->rows, &row, sizeof row);
    report->count++;
}

static void report_gateways(struct host *host)
{
    struct usage_report report = {.host = host};
    net_each_nat_gateway(host->net, add_gateway, &report);
    struct message_rows head = {.count = report.count};
    if (host->peers[PROCESS_API] && report.count && !report.rows.failed)
        channel_send(host->peers[PROCESS_API], MESSAGE_NAT_TRAFFIC, &head, sizeof head,
                     report.rows.data, report.rows.size, NULL, 0);
    buf_reset(&report.rows);
}

static void on_tick(struct loop_timer *timer)
{
    struct host *host = timer->owner;
    struct usage_report usage_report = {.host = host};
    loop_timer_set(host->loop, timer, TICK_MS);
    instances_tick(host->instances);
    volumes_tick(&host->volumes);
    instances_measure(host->instances, add_usage, &usage_report);
    int64_t now_ms = clock_mono_ms();
    struct message_usage head = {
        .count = usage_report.count,
        .interval_ms = host->measured_ms ? (uint32_t)(now_ms - host->measured_ms) : 0,
    };
    host->measured_ms = now_ms;
    if (host->peers[PROCESS_API] && !usage_report.rows.failed)
        channel_send(host->peers[PROCESS_API], MESSAGE_USAGE, &head, sizeof head,
                     usage_report.rows.data, usage_report.rows.size, NULL, 0);
    buf_reset(&usage_report.rows);
    report_gateways(host);
}

/* ---- the fabric ---- */

static void send_guest_sockets(struct host *host, const char *vpc)
{
    int sockets[NET_GUEST_SOCKETS];
    struct err ignored;
    struct message_id id = {0};
    struct channel *guest = host->peers[PROCESS_GUEST];
    if (!guest || net_open_guest_sockets(host->net, vpc, sockets, &ignored) < 0)
        return; /* the next fabric, or the next guest, tries again */
    snprintf(id.id, sizeof id.id, "%s", vpc);
    channel_send(guest, MESSAGE_GUEST_LISTENERS, &id, sizeof id, NULL, 0, sockets,
                 NET_GUEST_SOCKETS);
    for (int i = 0; i < NET_GUEST_SOCKETS; i++)
        close(sockets[i]);
}

/* Without descriptors the guest process closes what it has. */
static void tell_guest(struct host *host, enum message_type type, const char *vpc, const int *fd)
{
    struct message_id id = {0};
    snprintf(id.id, sizeof id.id, "%s", vpc);
    if (host->peers[PROCESS_GUEST])
        channel_send(host->peers[PROCESS_GUEST], type, &id, sizeof id, NULL, 0, fd, fd ? 1 : 0);
}

static void send_guest_log(struct host *host, const char *vpc)
{
    int log = net_guest_log(host->net, vpc);
    tell_guest(host, MESSAGE_GUEST_LOG, vpc, log < 0 ? NULL : &log);
}

static void on_fabric(struct host *host, const struct fabric *fabric, size_t size)
{
    struct err err;
    struct message_fabric_done done = {.generation = fabric->generation};
    if (!id_is_valid(fabric->vpc, "vpc-"))
        return;
    memcpy(done.vpc, fabric->vpc, ID_SIZE);
    int log = net_guest_log(host->net, fabric->vpc);
    if (net_apply(host->net, fabric, size, &err) < 0) {
        done.failed = 1;
        snprintf(done.text, sizeof done.text, "%.*s", (int)sizeof done.text - 1, err.text);
    } else if (!map_get(&host->vpcs, fabric->vpc) && !map_set(&host->vpcs, fabric->vpc, host)) {
        send_guest_sockets(host, fabric->vpc);
    }
    if (net_guest_log(host->net, fabric->vpc) != log)
        send_guest_log(host, fabric->vpc);
    tell_api(host, MESSAGE_FABRIC_DONE, &done, sizeof done);
}

static void on_fabric_delete(struct host *host, const char *vpc)
{
    struct err ignored;
    listeners_close_vpc(&host->listeners, vpc);
    map_remove(&host->vpcs, vpc);
    tell_guest(host, MESSAGE_GUEST_LISTENERS, vpc, NULL);
    net_delete_vpc(host->net, vpc, &ignored); /* what is left of it, the next start removes */
}

/* ---- messages ---- */

static void on_image_delete(struct host *host, const char *image)
{
    struct err ignored;
    struct store store = store_of(host);
    if ((id_is_valid(image, "ami-") || id_is_valid(image, "snap-")) &&
        store_mark_image(&store, image, &ignored) >= 0)
        sweep(host);
}

void host_receive(struct host *host, struct channel *from, enum message_type type,
                  const void *payload, size_t size, const int *descriptors, int descriptor_count)
{
    const struct message_id *id = payload;
    const struct message_instance_stop *stop = payload;
    bool named = type == MESSAGE_INSTANCE_REMOVE || type == MESSAGE_IMAGE_DELETE ||
                 type == MESSAGE_FABRIC_DELETE;
    if (named && !id_is_valid(id->id, ""))
        return;
    switch (type) {
    case MESSAGE_FABRIC:
        on_fabric(host, payload, size);
        break;
    case MESSAGE_FABRIC_DELETE:
        on_fabric_delete(host, id->id);
        break;
    case MESSAGE_INSTANCE_NETWORK:
        instances_set_network(host->instances, payload);
        break;
    case MESSAGE_AUTHORITY:
        instances_set_authority(host->instances, payload);
        break;
    case MESSAGE_OPEN_SERVICE:
        listeners_open_service(&host->listeners, payload, from);
        break;
    case MESSAGE_INSTANCE_START:
        instances_start(host->instances, payload);
        break;
    case MESSAGE_INSTANCE_STOP:
        instances_stop(host->instances, stop->instance, stop->force);
        break;
    case MESSAGE_INSTANCE_REMOVE:
        instances_remove(host->instances, id->id);
        break;
    case MESSAGE_IMAGE_CREATE:
    case MESSAGE_VOLUME_MAKE:
    case MESSAGE_VOLUME_ATTACH:
    case MESSAGE_VOLUME_DETACH:
    case MESSAGE_VOLUME_DELETE:
        volumes_receive(&host->volumes, type, payload);
        break;
    case MESSAGE_IMAGE_DELETE:
        on_image_delete(host, id->id);
        break;
    case MESSAGE_OPEN_LISTENER:
        listeners_open(&host->listeners, payload, from);
        break;
    case MESSAGE_KEEP_LISTENER: /* the only one that carries any: the table says so */
        if (descriptor_count == 1)
            listeners_keep(&host->listeners, payload, descriptors[0]);
        break;
    case MESSAGE_CLOSE_LISTENER:
        listeners_close(&host->listeners, payload);
        break;
    case MESSAGE_OPEN_SOCKETS:
        listeners_send_sockets(&host->listeners, payload, from);
        break;
    default:
        break; /* the channel lets no other pass */
    }
}

static void greet_api(struct host *host)
{
    struct message_hello hello = {
        .world = host->options.world,
        .host_address = net_host_address(host->net),
        .service_address = net_service_address(host->net),
    };
    tell_api(host, MESSAGE_HOST_HELLO, &hello, sizeof hello);
    instances_report_all(host->instances);
}

void host_set_peer(struct host *host, enum process peer, struct channel *channel)
{
    host->peers[peer] = channel;
    if (!channel)
        return;
    if (peer == PROCESS_API)
        greet_api(host);
    if (peer == PROCESS_BALANCER)
        listeners_send_all(&host->listeners, channel);
    if (peer == PROCESS_GUEST)
        map_each (entry, &host->vpcs) {
            send_guest_sockets(host, entry->key);
            send_guest_log(host, entry->key);
        }
}

/* ---- life ---- */

static int make_folders(struct host *host, struct err *err)
{
    const struct host_options *options = &host->options;
    snprintf(host->images_dir, PATH_SIZE, "%s/images", options->data_dir);
    snprintf(host->instances_dir, PATH_SIZE, "%s/instances", options->data_dir);
    snprintf(host->volumes_dir, PATH_SIZE, "%s/volumes", options->data_dir);
    snprintf(host->stage_dir, PATH_SIZE, "%s/images/.stage", options->data_dir);
    snprintf(host->records_dir, PATH_SIZE, "%s/instances", options->run_dir);
    if (file_make_dirs(host->images_dir, 0700, err) < 0 ||
        file_make_dirs(host->instances_dir, 0700, err) < 0 ||
        file_make_dirs(host->volumes_dir, 0700, err) < 0 ||
        file_make_dirs(options->console_dir, 0755, err) < 0)
        return -1;
    return 0;
}

static int start_parts(struct host *host, struct err *err)
{
    struct net_options net_options = {host->options.world, host->options.run_dir};
    struct instances_options options = {
        .loop = host->loop,
        .world = host->options.world,
        .images_dir = host->images_dir,
        .instances_dir = host->instances_dir,
        .volumes_dir = host->volumes_dir,
        .records_dir = host->records_dir,
        .console_dir = host->options.console_dir,
        .console_gid = host->options.console_gid,
        .network = {plug, readdress, unplug, host},
        .report = report,
        .network_done = network_done,
        .on_removed = on_removed,
        .owner = host,
    };
    struct store store = store_of(host);
    struct worker_job job = {prepare_layer, &store, on_layer, host};
    if (!(host->net = net_create(&net_options, err)))
        return -1;
    host->listeners.net = host->net;
    store_recover(&store);
    if (!(host->instances = instances_create(&options, err)))
        return -1;
    host->volumes = (struct volumes){
        .loop = host->loop,
        .instances = host->instances,
        .store = store,
        .stage_dir = host->stage_dir,
        .report = report_volume,
        .on_dropped = on_removed,
        .owner = host,
    };
    return worker_start(host->loop, &job, err);
}

struct host *host_create(struct loop *loop, const struct host_options *options, struct err *err)
{
    struct host *host = calloc(1, sizeof *host);
    if (!host) {
        err_sys(err, ENOMEM, "host");
        return NULL;
    }
    host->options = *options;
    host->loop = loop;
    loop_timer_init(&host->tick, on_tick, host);
    if (make_folders(host, err) < 0 || start_parts(host, err) < 0) {
        host_destroy(host);
        return NULL;
    }
    loop_timer_set(loop, &host->tick, TICK_MS);
    return host;
}

void host_destroy(struct host *host)
{
    if (!host)
        return;
    loop_timer_clear(host->loop, &host->tick);
    listeners_finish(&host->listeners);
    instances_destroy(host->instances);
    net_destroy(host->net);
    map_finish(&host->vpcs);
    free(host);
}

int host_remove_all(struct host *host, int grace_ms, struct err *err)
{
    instances_end_all(host->instances, grace_ms);
    listeners_finish(&host->listeners);
    host->listeners = (struct listeners){.net = host->net};
    return net_remove_all(host->net, err);
}

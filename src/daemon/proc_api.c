/* api: speaks AWS's protocols, owns the state, runs the controllers. No rights. */
#include "base/map.h"
#include "control/control.h"
#include "daemon/admin.h"
#include "daemon/privilege.h"
#include "daemon/process.h"
#include "daemon/rsa_keys.h"
#include "daemon/service_ports.h"
#include "front/front.h"
#include "os/file.h"
#include "os/log.h"
#include "os/random.h"
#include "os/zoneinfo.h"
#include "store/series.h"
#include "store/store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LAST_WORDS_MS = 2000,
    LAST_WORDS_POLL_MS = 2,
    FLUSH_MS = 5000,
    CONSOLE_SIZE_MAX = 1024 * 1024,
    CONSOLE_SHOWN_SIZE = 64 * 1024
};

struct api {
    struct process_context context;
    struct store *store;
    struct series_store *series;
    struct control *control;
    struct front *front;
    struct service_ports *service_ports;
    struct admin admin;
    struct rsa_keys *rsa_keys;
    struct zoneinfo *zoneinfo;
    char endpoint[64];
    struct service_world service_world;
    struct control_world control_world;
    struct loop_timer tick_timer, flush_timer, stop_timer;
    int64_t stop_ms; /* at the latest; 0: not asked yet */
};

/* ---- peers ---- */

static void on_message(struct process_context *context, struct channel *channel,
                       enum message_type type, const void *payload, size_t size,
                       const int *descriptors, int descriptor_count)
{
    struct api *api = context->owner;
    if (type == MESSAGE_SERVICE) { /* the only one that carries any: the table says so */
        service_ports_receive(api->service_ports, payload,
                              descriptor_count == 1 ? descriptors[0] : -1);
        return;
    }
    control_receive(api->control, type, payload, size);
    if (type == MESSAGE_LOG) { /* to whoever sent it: it may be a balancer that was replaced */
        struct message_log_taken taken = {size - sizeof(struct message_log)};
        channel_send(channel, MESSAGE_LOG_TAKEN, &taken, sizeof taken, NULL, 0, NULL, 0);
    }
}

static void peer_started(struct process_context *context, struct channel *channel)
{
    struct api *api = context->owner;
    if (!channel)
        return;
    const struct cloud_clock *clock = loop_cloud_clock(context->loop);
    channel_send(channel, MESSAGE_CLOCK, clock, sizeof *clock, NULL, 0, NULL, 0);
    control_peer_started(api->control, channel_peer(channel));
}

static const struct peer peers[] = {
    {PROCESS_HOST, on_message, peer_started}, /* instances and fabric: what shall be and what is */
    {PROCESS_BALANCER, on_message, peer_started}, /* configuration; health and traffic come back */
    {PROCESS_GUEST, on_message, peer_started},    /* metadata, names; messages that go outside */
    {0},
};

/* Who receives what a controller sends. */
static enum process receiver(enum message_type type)
{
    switch (type) {
    case MESSAGE_METADATA:
    case MESSAGE_METADATA_DELETE:
    case MESSAGE_NAMES:
    case MESSAGE_DELIVER:
        return PROCESS_GUEST;
    case MESSAGE_CONFIGURE:
        return PROCESS_BALANCER;
    default:
        return PROCESS_HOST;
    }
}

/* ---- what the controllers and services see of the world ---- */

static int64_t cloud_now_ms(void *arg)
{
    struct api *api = arg;
    return cloud_clock_now(loop_cloud_clock(api->context.loop));
}

static void world_send(void *arg, enum message_type type, const void *payload, size_t payload_size,
                       const void *tail, size_t tail_size)
{
    struct api *api = arg;
    process_send(&api->context, receiver(type), type, payload, payload_size, tail, tail_size);
}

static void world_serve(void *arg, const struct message_endpoint *wanted, size_t count)
{
    struct api *api = arg;
    service_ports_want(api->service_ports, wanted, count);
}

static void open_service(void *arg, const struct message_endpoint *endpoint)
{
    struct api *api = arg;
    process_send(&api->context, PROCESS_HOST, MESSAGE_OPEN_SERVICE, endpoint, sizeof *endpoint,
                 NULL, 0);
}

static void world_wake_at(void *arg, int64_t due_ms)
{
    struct api *api = arg;
    if (api->tick_timer.heap_index < 0 || due_ms < api->tick_timer.due_ms)
        loop_timer_set_cloud(api->context.loop, &api->tick_timer, due_ms);
}

static void world_log(void *arg, const char *text)
{
    (void)arg;
    log_warn("%s", text);
}

static void world_random(void *arg, void *out, size_t size)
{
    (void)arg;
    random_bytes(out, size);
}

static int64_t world_real_ms(void *arg)
{
    (void)arg;
    return clock_wall_ms();
}

/* Reads <state>/console/<instance>.log, which host writes; the id was checked against the store. */
static char *world_read_console(void *arg, const char *instance_id, size_t *ret_size)
{
    char path[PATH_MAX];
    struct err ignored;
    size_t size;
    (void)arg;
    snprintf(path, sizeof path, "/console/%s.log", instance_id);
    char *text = file_read(path, CONSOLE_SIZE_MAX, &size, &ignored);
    if (!text)
        return NULL;
    if (size > CONSOLE_SHOWN_SIZE) {
        memmove(text, text + size - CONSOLE_SHOWN_SIZE, CONSOLE_SHOWN_SIZE + 1);
        size = CONSOLE_SHOWN_SIZE;
    }
    *ret_size = size;
    return text;
}

static char *world_rsa_key(void *arg, int count, struct err *err)
{
    struct api *api = arg;
    return rsa_keys_take(api->rsa_keys, count, err);
}

static const void *world_time_zone(void *arg, const char *name, size_t *ret_size)
{
    const struct api *api = arg;
    return zoneinfo_find(api->zoneinfo, name, ret_size);
}

static void on_rsa_keys(void *arg)
{
    struct api *api = arg;
    front_go_on(api->front);
    service_ports_go_on(api->service_ports);
    control_tick(api->control);
}

static void on_tick(struct loop_timer *timer)
{
    struct api *api = timer->owner;
    control_tick(api->control);
}

static void on_flush(struct loop_timer *timer)
{
    struct api *api = timer->owner;
    struct err err;
    if (series_flush(api->series, &err) < 0)
        log_error("writing metrics: %s", err.text);
    loop_timer_set(api->context.loop, timer, FLUSH_MS);
}

static const struct cloud_clock *current_clock(void *arg)
{
    struct api *api = arg;
    return loop_cloud_clock(api->context.loop);
}

/* The cloud clock has jumped: everyone follows. */
static void set_clock(void *arg, const struct cloud_clock *clock)
{
    static const enum process followers[] = {PROCESS_PARENT, PROCESS_HOST, PROCESS_BALANCER,
                                             PROCESS_GUEST};
    struct api *api = arg;
    loop_set_cloud_clock(api->context.loop, clock);
    for (size_t i = 0; i < sizeof followers / sizeof *followers; i++)
        process_send(&api->context, followers[i], MESSAGE_CLOCK, clock, sizeof *clock, NULL, 0);
    control_tick(api->control);
}

/* ---- start and end ---- */

/* Balancers end before api does: what they said last may still have to be read. */
static bool hears_balancers(const struct process_context *context)
{
    bool any = context->channels[PROCESS_BALANCER];
    for (int i = 0; i < FORMER_PEERS_MAX; i++)
        any |= context->former[i] != NULL;
    return any;
}

static void on_last_words(struct loop_timer *timer)
{
    struct api *api = timer->owner;
    struct loop *loop = api->context.loop;
    if (hears_balancers(&api->context) && loop_now_ms(loop) < api->stop_ms)
        loop_timer_set(loop, timer, LAST_WORDS_POLL_MS);
    else
        loop_stop(loop);
}

static void on_stop(struct process_context *context, bool keep_instances)
{
    struct api *api = context->owner;
    (void)keep_instances;
    api->stop_ms = loop_now_ms(context->loop) + LAST_WORDS_MS;
    loop_timer_init(&api->stop_timer, on_last_words, api);
    loop_timer_set(context->loop, &api->stop_timer, 0);
}

static void fill_worlds(struct api *api)
{
    const struct daemon_options *options = api->context.setup->options;
    snprintf(api->endpoint, sizeof api->endpoint, "http://%s:%u", options->listen_address,
             options->listen_port);
    api->service_world = (struct service_world){.arg = api,
                                                .random = world_random,
                                                .read_console = world_read_console,
                                                .real_ms = world_real_ms,
                                                .rsa_key = world_rsa_key,
                                                .vcpu_share = options->vcpu_share,
                                                .packet_log = api->context.setup->packet_log,
                                                .world = api->context.setup->world,
                                                .time_zone = world_time_zone,
                                                .endpoint = api->endpoint};
    api->control_world = (struct control_world){.arg = api,
                                                .now_ms = cloud_now_ms,
                                                .send = world_send,
                                                .wake_at = world_wake_at,
                                                .serve = world_serve,
                                                .log = world_log,
                                                .service = &api->service_world,
                                                .account = options->account,
                                                .log_dir = "/elb-logs",
                                                .flow_log_dir = "/flow-logs",
                                                .mail_dir = "/mail"};
}

/* front hands one argument to both of its callbacks. */
static int64_t front_now_ms(void *arg)
{
    const struct admin *admin = arg;
    return cloud_clock_now(admin->clock(admin->arg));
}

static int open_front(struct api *api, struct err *err)
{
    const struct process_setup *setup = api->context.setup;
    struct front_options options = {.store = api->store,
                                    .series = api->series,
                                    .world = &api->service_world,
                                    .account = setup->options->account,
                                    .region = "us-east-1",
                                    .version = PILEUS_VERSION,
                                    .authenticate = setup->options->auth,
                                    .root_key = true,
                                    .cloud_now_ms = front_now_ms,
                                    .control = admin_answer,
                                    .arg = &api->admin};
    api->admin = (struct admin){.store = api->store,
                                .series = api->series,
                                .world = &api->service_world,
                                .account = setup->options->account,
                                .clock = current_clock,
                                .set_clock = set_clock,
                                .arg = api};
    const struct service_ports_options ports = {
        .front = options, .loop = api->context.loop, .open = open_service, .arg = api};
    if (!(api->service_ports = service_ports_create(&ports, err)))
        return -1;
    api->front = front_create(&options, api->context.loop, setup->listen_fd, err);
    return api->front ? 0 : -1;
}

static int open_all(struct api *api, struct err *err)
{
    fill_worlds(api);
    loop_timer_init(&api->tick_timer, on_tick, api);
    loop_timer_init(&api->flush_timer, on_flush, api);
    loop_timer_set(api->context.loop, &api->flush_timer, FLUSH_MS);
    if (!(api->store = store_open("/pileus.db", err)) ||
        !(api->series = series_open("/metrics.db", err)) ||
        !(api->rsa_keys = rsa_keys_create(api->context.loop, on_rsa_keys, api, err)) ||
        !(api->control = control_create(api->store, api->series, &api->control_world, err)))
        return -1;
    return open_front(api, err);
}

static void close_all(struct api *api)
{
    struct err err;
    front_destroy(api->front);
    service_ports_destroy(api->service_ports);
    control_destroy(api->control);
    if (api->series && series_flush(api->series, &err) < 0)
        log_error("writing metrics: %s", err.text);
    series_close(api->series);
    store_close(api->store);
    rsa_keys_destroy(api->rsa_keys);
    zoneinfo_free(api->zoneinfo);
}

int proc_api_main(const struct process_setup *setup, int parent_fd)
{
    char root_dir[PATH_MAX];
    uint8_t seed[16];
    struct err err;
    struct privilege privilege = {.uid = PRIVILEGE_UID_API, .root_dir = root_dir};
    struct api api = {
        .context = {.self = PROCESS_API, .setup = setup, .peers = peers, .on_stop = on_stop}};
    api.context.owner = &api;
    snprintf(root_dir, sizeof root_dir, "%s/state", setup->options->data_dir);
    random_bytes(seed, sizeof seed);
    map_seed(seed);
    umask(077);
    api.zoneinfo = zoneinfo_load("/usr/share/zoneinfo"); /* files that are out of reach later */
    if (process_start(&api.context, parent_fd, &err) < 0 || privilege_drop(&privilege, &err) < 0 ||
        open_all(&api, &err) < 0 || process_run(&api.context, &err) < 0) {
        log_error("%s", err.text);
        return 1;
    }
    close_all(&api);
    return 0;
}

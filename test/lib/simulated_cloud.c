/* Time, events, calls. The peers are in simulated_host.c and simulated_balancer.c. */
#include "simulated_cloud.h"

#include "base/cleanup.h"
#include "service/doc.h"
#include "service/ec2/public_images.h"
#include "simulated_cloud_impl.h"
#include "wire/certificate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS_MAX = 65536, LATE_MS = 60000 };

/* A report on its way, or (type MESSAGE_COUNT) the time for usage and health checks. */
struct simulated_event {
    int64_t due_ms;
    enum process from;
    enum message_type type;
    size_t size;
    void *payload;
};

/* splitmix64 */
static uint64_t next_random(struct simulated_cloud *cloud)
{
    uint64_t z = cloud->random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t cloud_random(struct simulated_cloud *cloud, uint64_t limit)
{
    return limit ? next_random(cloud) % limit : 0;
}

bool cloud_chance(struct simulated_cloud *cloud, double chance)
{
    return chance > 0 && (double)(next_random(cloud) >> 11) * 0x1p-53 < chance;
}

static void fill_random(void *arg, void *out, size_t size)
{
    unsigned char *bytes = out;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)next_random(arg);
}

static char *no_console(void *arg, const char *instance_id, size_t *ret_size)
{
    (void)arg, (void)instance_id;
    *ret_size = 0;
    return NULL;
}

static char *new_rsa_key(void *arg, int count, struct err *err)
{
    (void)arg, (void)count;
    return certificate_new_key("RSA_2048", err);
}

static int64_t now_ms(void *arg)
{
    return ((struct simulated_cloud *)arg)->now_ms;
}

static void wake_at(void *arg, int64_t due_ms)
{
    struct simulated_cloud *cloud = arg;
    if (due_ms < cloud->wake_ms)
        cloud->wake_ms = due_ms;
}

static void log_text(void *arg, const char *text)
{
    struct simulated_cloud *cloud = arg;
    if (cloud->prints_log)
        fprintf(stderr, "%lld: %s\n", (long long)cloud->now_ms, text);
}

static void send_message(void *arg, enum message_type type, const void *payload,
                         size_t payload_size, const void *tail, size_t tail_size)
{
    struct simulated_cloud *cloud = arg;
    (void)payload_size;
    if (type == MESSAGE_CONFIGURE) {
        if (cloud->balancer_present)
            simulated_balancer_configure(cloud, tail, tail_size);
    } else if (cloud->host_present && type != MESSAGE_DELIVER) {
        simulated_host_send(cloud, type, payload, tail, tail_size);
    }
}

int64_t simulated_delay(struct simulated_cloud *cloud, int64_t most_ms)
{
    int64_t delay_ms = 1 + (int64_t)cloud_random(cloud, (uint64_t)most_ms);
    if (cloud_chance(cloud, cloud->faults.message_is_late))
        delay_ms += (int64_t)cloud_random(cloud, LATE_MS);
    return delay_ms;
}

/* Events with the same time keep the order in which they were made. */
static void add_event(struct simulated_cloud *cloud, struct simulated_event event)
{
    assert(cloud->event_count < EVENTS_MAX);
    int at = cloud->event_count++;
    while (at > 0 && cloud->events[at - 1].due_ms > event.due_ms) {
        cloud->events[at] = cloud->events[at - 1];
        at--;
    }
    cloud->events[at] = event;
}

void simulated_report(struct simulated_cloud *cloud, int64_t delay_ms, enum process from,
                      enum message_type type, const void *payload, size_t size)
{
    struct simulated_event event = {cloud->now_ms + delay_ms, from, type, size, malloc(size + 1)};
    assert(event.payload);
    memcpy(event.payload, payload, size);
    add_event(cloud, event);
}

static void add_clockwork(struct simulated_cloud *cloud, enum process from, int64_t period_ms)
{
    add_event(cloud,
              (struct simulated_event){cloud->now_ms + period_ms, from, MESSAGE_COUNT, 0, NULL});
}

static bool is_present(const struct simulated_cloud *cloud, enum process process)
{
    return process == PROCESS_HOST ? cloud->host_present : cloud->balancer_present;
}

static void deliver(struct simulated_cloud *cloud, struct simulated_event *event)
{
    if (event->type == MESSAGE_COUNT && event->from == PROCESS_HOST) {
        simulated_host_usage(cloud);
        add_clockwork(cloud, PROCESS_HOST, SIMULATED_USAGE_MS);
    } else if (event->type == MESSAGE_COUNT) {
        simulated_balancer_check(cloud);
        add_clockwork(cloud, PROCESS_BALANCER, SIMULATED_CHECK_MS);
    } else if (is_present(cloud, event->from)) {
        control_receive(cloud->control, event->type, event->payload, event->size);
    }
    free(event->payload);
}

static void deliver_due(struct simulated_cloud *cloud)
{
    while (cloud->event_count && cloud->events[0].due_ms <= cloud->now_ms) {
        struct simulated_event event = cloud->events[0];
        memmove(cloud->events, cloud->events + 1,
                (size_t)--cloud->event_count * sizeof *cloud->events);
        deliver(cloud, &event);
    }
}

/* Controllers come to rest: ticks without end at one time are a defect. */
static void tick_due(struct simulated_cloud *cloud)
{
    for (int ticks = 0; cloud->wake_ms <= cloud->now_ms; ticks++) {
        assert(ticks < 1000);
        cloud->wake_ms = INT64_MAX;
        control_tick(cloud->control);
    }
}

void cloud_run(struct simulated_cloud *cloud, int64_t duration_ms)
{
    int64_t end_ms = cloud->now_ms + duration_ms;
    for (;;) {
        deliver_due(cloud);
        tick_due(cloud);
        int64_t next_ms = cloud->wake_ms;
        if (cloud->event_count && cloud->events[0].due_ms < next_ms)
            next_ms = cloud->events[0].due_ms;
        if (next_ms > end_ms)
            break;
        if (next_ms > cloud->now_ms)
            cloud->now_ms = next_ms;
    }
    cloud->now_ms = end_ms;
}

static json_t *call_json(struct simulated_cloud *cloud, const char *service, const char *operation,
                         json_t *in)
{
    auto_txn *txn = txn_begin(cloud->store);
    json_t *out = NULL;
    struct call call = {
        .world = &cloud->service,
        .txn = txn,
        .store = cloud->store,
        .series = cloud->series,
        .account = cloud->world.account,
        .region = cloud->region,
        .user_arn = "arn:aws:iam::000000000000:root",
        .access_key = "test",
        .request_id = "00000000-0000-4000-8000-000000000000",
        .now_ms = cloud->now_ms,
    };
    cloud->err = (struct err){0};
    if (service_prepare_region(&call, &cloud->err) < 0) {
        json_decref(in);
        return NULL;
    }
    if (service_call(&call, service, operation, in, &out, &cloud->err) < 0)
        return NULL;
    if (txn_commit(ptr_take(&txn), &cloud->err) < 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *parse(const char *format, va_list args)
{
    auto_free char *text = NULL;
    json_error_t error;
    if (vasprintf(&text, format, args) < 0)
        abort();
    for (char *quote = strchr(text, '\''); quote; quote = strchr(quote, '\''))
        *quote = '"';
    json_t *in = json_loads(text, 0, &error);
    if (!in) {
        fprintf(stderr, "bad JSON: %s in %s\n", error.text, text);
        abort();
    }
    return in;
}

json_t *cloud_call(struct simulated_cloud *cloud, const char *service, const char *operation,
                   const char *in, ...)
{
    va_list args;
    va_start(args, in);
    json_t *parsed = parse(in, args);
    va_end(args);
    return call_json(cloud, service, operation, parsed);
}

void cloud_ok(struct simulated_cloud *cloud, const char *service, const char *operation,
              const char *in, ...)
{
    va_list args;
    va_start(args, in);
    json_auto_t *out = call_json(cloud, service, operation, parse(in, args));
    va_end(args);
    if (out)
        return;
    fprintf(stderr, "%s failed: %s: %s\n", operation, cloud->err.code, cloud->err.text);
    abort();
}

static void call_template(struct simulated_cloud *cloud, const char *operation)
{
    json_auto_t *image = public_image_at(cloud->region, 0);
    cloud_ok(cloud, "ec2", operation,
             "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': '%s', "
             "'InstanceType': '%s'}}",
             doc_text(image, "ImageId"),
             doc_is(image, "Architecture", "x86_64") ? "t3.micro" : "t4g.micro");
}

void cloud_template(struct simulated_cloud *cloud)
{
    call_template(cloud, "CreateLaunchTemplate");
}

void cloud_template_version(struct simulated_cloud *cloud)
{
    call_template(cloud, "CreateLaunchTemplateVersion");
}

struct simulated_cloud *cloud_create(uint64_t seed)
{
    struct simulated_cloud *cloud = calloc(1, sizeof *cloud);
    struct err err;
    assert(cloud);
    cloud->random_state = seed;
    cloud->region = "us-east-1";
    cloud->now_ms = 1767323045000;
    cloud->wake_ms = INT64_MAX;
    cloud->events = calloc(EVENTS_MAX, sizeof *cloud->events);
    cloud->service = (struct service_world){
        cloud, fill_random, no_console, now_ms, new_rsa_key,
        1.0,   false,       0,          NULL,   "http://127.0.0.1:4566",
    };
    cloud->world = (struct control_world){
        cloud, now_ms, send_message, wake_at, log_text, &cloud->service, "000000000000",
    };
    cloud->store = store_open(NULL, &err);
    cloud->series = series_open(NULL, &err);
    assert(cloud->store && cloud->series);
    cloud->control = control_create(cloud->store, cloud->series, &cloud->world, &err);
    assert(cloud->control);
    cloud_host_returns(cloud, true);
    cloud_balancer_returns(cloud);
    add_clockwork(cloud, PROCESS_HOST, SIMULATED_USAGE_MS);
    add_clockwork(cloud, PROCESS_BALANCER, SIMULATED_CHECK_MS);
    return cloud;
}

/* The times of usage and health checks stay. */
static void lose_reports(struct simulated_cloud *cloud)
{
    int kept = 0;
    for (int i = 0; i < cloud->event_count; i++)
        if (cloud->events[i].type == MESSAGE_COUNT)
            cloud->events[kept++] = cloud->events[i];
        else
            free(cloud->events[i].payload);
    cloud->event_count = kept;
}

void cloud_api_restarts(struct simulated_cloud *cloud)
{
    struct err err;
    control_destroy(cloud->control);
    lose_reports(cloud);
    cloud->wake_ms = INT64_MAX;
    cloud->control = control_create(cloud->store, cloud->series, &cloud->world, &err);
    assert(cloud->control);
    if (cloud->host_present)
        cloud_host_returns(cloud, true);
    if (cloud->balancer_present)
        cloud_balancer_returns(cloud);
}

static void free_values(struct map *map)
{
    map_each (entry, map)
        free(entry->value);
    map_finish(map);
}

void cloud_destroy(struct simulated_cloud *cloud)
{
    control_destroy(cloud->control);
    store_close(cloud->store);
    series_close(cloud->series);
    for (int i = 0; i < cloud->event_count; i++)
        free(cloud->events[i].payload);
    free(cloud->events);
    free_values(&cloud->machines);
    free_values(&cloud->fabrics);
    map_finish(&cloud->health);
    json_decref(cloud->configuration);
    free(cloud);
}

/*
 * The logs controller: puts the lines that the balancer logs into files, as AWS puts them into
 * buckets: one file a node for each five minutes of cloud time.
 */
#include "base/list.h"
#include "control/control_impl.h"
#include "control/dimensions.h"
#include "control/log_object.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WINDOW_MS = 5 * 60 * 1000,
    OBJECT_SIZE_MAX = 64 * 1024 * 1024, /* compressed; then there is another one of the window */
    STREAMS_MAX = 1024,
    FOLDER_SIZE = 1400,
};

static const struct log_sort {
    const char *enabled, *bucket, *prefix; /* attributes */
    const char *object_prefix, *test_object, *title;
} sorts[LOG_KINDS] = {
    [LOG_ACCESS] = {"access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix", "",
                    "ELBAccessLogTestFile", "AccessLog"},
    [LOG_CONNECTION] = {"connection_logs.s3.enabled", "connection_logs.s3.bucket",
                        "connection_logs.s3.prefix", "conn_log.", "ELBConnectionLogTestFile",
                        "ConnectionLog"},
    [LOG_HEALTH_CHECK] = {"health_check_logs.s3.enabled", "health_check_logs.s3.bucket",
                          "health_check_logs.s3.prefix", "health_check_log_",
                          "ELBHealthCheckLogTestFile", "HealthCheckLog"},
};

/* The file that a node's lines of one kind go to. */
struct log_stream {
    struct list link;
    char load_balancer[DIMENSION_SIZE + 1];
    uint32_t node_address, kind;
    char folder[FOLDER_SIZE]; /* bucket and prefix, up to the account */
    int64_t end_ms;           /* of its window */
    struct log_object *object;
    size_t lost_lines;
};

struct logs_control {
    struct list streams;
    int stream_count;
    bool stale;        /* load balancers changed since the last run */
    size_t lost_lines; /* that belong to no stream */
};

/* ---- names ---- */

/* "<bucket>/<prefix>/AWSLogs/<account>" */
static void folder_of(const struct control *control, const json_t *doc, enum log_kind kind,
                      char folder[FOLDER_SIZE])
{
    const char *prefix = elb_attribute(doc, sorts[kind].prefix);
    snprintf(folder, FOLDER_SIZE, "%s/%s%sAWSLogs/%s", elb_attribute(doc, sorts[kind].bucket),
             prefix, *prefix ? "/" : "", control->world->account);
}

/* The address that the node is known by: public, if it has one. */
static void node_text(const json_t *doc, uint32_t address, char text[16])
{
    char private[16];
    size_t i;
    const json_t *node;
    cidr_format_address(address, private);
    snprintf(text, 16, "%s", private);
    json_array_foreach (json_object_get(doc, "_nodes"), i, node)
        if (doc_is(node, "Address", private) && *doc_text(node, "PublicAddress"))
            snprintf(text, 16, "%s", doc_text(node, "PublicAddress"));
}

static void key_of(const struct control *control, const struct log_stream *stream,
                   const char *region, const json_t *doc, char *key, size_t size)
{
    char id[DIMENSION_SIZE + 1], node[16], unique[LOG_OBJECT_ID_SIZE], day[16], end[24];
    time_t end_s = (time_t)(stream->end_ms / 1000);
    struct tm tm;
    gmtime_r(&end_s, &tm);
    strftime(day, sizeof day, "%Y/%m/%d", &tm);
    strftime(end, sizeof end, "%Y%m%dT%H%MZ", &tm);
    snprintf(id, sizeof id, "%s", doc_text(doc, "_dimension"));
    for (char *at = id; *at; at++)
        if (*at == '/')
            *at = '.';
    node_text(doc, stream->node_address, node);
    log_object_make_id(control->world->service, unique);
    snprintf(key, size,
             "%s/elasticloadbalancing/%s/%s/%s%s_elasticloadbalancing_%s_%s_%s_%s_%s.log.gz",
             stream->folder, region, day, sorts[stream->kind].object_prefix,
             control->world->account, region, id, end, node, unique);
}

/* ---- streams ---- */

static void report_lost(struct control *control, const char *whose, size_t *lines)
{
    char text[256];
    if (!*lines)
        return;
    snprintf(text, sizeof text, "%zu lines of the logs of %s are lost", *lines, whose);
    control->world->log(control->world->arg, text);
    *lines = 0;
}

static void publish(struct control *control, struct log_stream *stream)
{
    struct err err;
    if (stream->object && log_object_publish(stream->object, &err) < 0)
        control_log(control, "publishing a log", &err);
    stream->object = NULL;
    report_lost(control, stream->load_balancer, &stream->lost_lines);
}

static void end_stream(struct control *control, struct log_stream *stream)
{
    publish(control, stream);
    list_remove(&stream->link);
    control->logs->stream_count--;
    free(stream);
}

static struct log_stream *find_stream(const struct control *control,
                                      const struct message_log *message)
{
    list_each (stream, &control->logs->streams, struct log_stream, link)
        if (stream->node_address == message->node_address && stream->kind == message->kind &&
            strncmp(stream->load_balancer, message->load_balancer, DIMENSION_SIZE) == 0)
            return stream;
    return NULL;
}

/* The stream of these lines; NULL if there is no room for another. */
static struct log_stream *take_stream(struct control *control, const struct message_log *message,
                                      const json_t *doc)
{
    char folder[FOLDER_SIZE];
    struct log_stream *stream = find_stream(control, message);
    folder_of(control, doc, message->kind, folder);
    if (stream && strcmp(stream->folder, folder) != 0) {
        end_stream(control, stream); /* another bucket or prefix from now on */
        stream = NULL;
    }
    if (stream || control->logs->stream_count >= STREAMS_MAX ||
        !(stream = calloc(1, sizeof *stream)))
        return stream;
    stream->node_address = message->node_address;
    stream->kind = message->kind;
    snprintf(stream->load_balancer, sizeof stream->load_balancer, "%s",
             doc_text(doc, "_dimension"));
    memcpy(stream->folder, folder, sizeof folder);
    list_append(&control->logs->streams, &stream->link);
    control->logs->stream_count++;
    return stream;
}

static int open_object(struct control *control, struct log_stream *stream, const char *region,
                       const json_t *doc, struct err *err)
{
    char key[FOLDER_SIZE + 256], id[LOG_OBJECT_ID_SIZE];
    int64_t now_ms = control_now(control);
    stream->end_ms = now_ms - now_ms % WINDOW_MS + WINDOW_MS;
    control_wake_at(control, stream->end_ms);
    key_of(control, stream, region, doc, key, sizeof key);
    log_object_make_id(control->world->service, id);
    stream->object = log_object_create(control->world->log_dir, key, id, err);
    return stream->object ? 0 : -1;
}

static size_t count_lines(const char *lines, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += lines[i] == '\n';
    return count;
}

static void write_lines(struct control *control, struct log_stream *stream, const char *region,
                        const json_t *doc, const char *lines, size_t size)
{
    struct err err;
    if ((!stream->object && open_object(control, stream, region, doc, &err) < 0) ||
        log_object_append(stream->object, lines, size, &err) < 0) {
        if (!stream->lost_lines)
            control_log(control, "writing a log", &err);
        stream->lost_lines += count_lines(lines, size);
    } else if (log_object_size(stream->object) >= OBJECT_SIZE_MAX) {
        publish(control, stream);
    }
}

static void on_lines(struct control *control, const struct message_log *message, const char *lines,
                     size_t size)
{
    char dimension[DIMENSION_SIZE + 1], region[32];
    snprintf(dimension, sizeof dimension, "%.*s", DIMENSION_SIZE, message->load_balancer);
    const json_t *doc =
        dimension_find(control->store, elb_kind(ELB_LOAD_BALANCER), dimension, region);
    if (!doc || message->kind >= LOG_KINDS ||
        !doc_is(json_object_get(doc, "_attributes"), sorts[message->kind].enabled, "true"))
        return; /* deleted, or no more logged, meanwhile */
    struct log_stream *stream = take_stream(control, message, doc);
    if (!stream) {
        control->logs->lost_lines += count_lines(lines, size) + message->dropped;
        return;
    }
    stream->lost_lines += message->dropped;
    write_lines(control, stream, region, doc, lines, size);
}

/* ---- the file that says that logging works ---- */

static void put_test_object(struct control *control, const json_t *doc, enum log_kind kind)
{
    char folder[FOLDER_SIZE], key[FOLDER_SIZE + 64], text[256], now[32];
    struct err err;
    time_t now_s = (time_t)(control_now(control) / 1000);
    struct tm tm;
    if (!doc_is(json_object_get(doc, "_attributes"), sorts[kind].enabled, "true"))
        return;
    gmtime_r(&now_s, &tm);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &tm);
    folder_of(control, doc, kind, folder);
    snprintf(key, sizeof key, "%s/%s", folder, sorts[kind].test_object);
    snprintf(text, sizeof text, "Enable %s for ELB: %s at %s\n", sorts[kind].title,
             doc_text(doc, "LoadBalancerName"), now);
    if (log_object_put_once(control->world->log_dir, key, text, &err) < 0)
        control_log(control, "a log's test file", &err);
}

static void put_test_objects(struct control *control)
{
    json_auto_t *regions = scan_regions(control->store, elb_kind(ELB_LOAD_BALANCER));
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        store_each (cursor, control->store, elb_kind(ELB_LOAD_BALANCER), json_string_value(region))
            for (enum log_kind kind = 0; kind < LOG_KINDS; kind++)
                put_test_object(control, cursor.doc, kind);
}

/* ---- the controller ---- */

static int logs_create(struct control *control, struct err *err)
{
    struct err failure;
    if (!(control->logs = calloc(1, sizeof *control->logs)))
        return err_set(err, "out of memory");
    list_init(&control->logs->streams);
    control->logs->stale = true;
    if (control->world->log_dir && log_objects_recover(control->world->log_dir, &failure) < 0)
        control_log(control, "logs of the last run", &failure);
    return 0;
}

static void logs_destroy(struct control *control)
{
    if (!control->logs)
        return;
    list_each_safe (stream, &control->logs->streams, struct log_stream, link)
        end_stream(control, stream);
    free(control->logs);
    control->logs = NULL;
}

static void logs_changed(struct control *control, const char *kind, const char *region)
{
    (void)region;
    if (strcmp(kind, elb_kind(ELB_LOAD_BALANCER)) == 0)
        control->logs->stale = true;
}

static void logs_receive(struct control *control, enum message_type type, const void *payload,
                         size_t size)
{
    const struct message_log *message = payload;
    if (type == MESSAGE_LOG && size >= sizeof *message && control->world->log_dir)
        on_lines(control, message, (const char *)(message + 1), size - sizeof *message);
}

static void logs_run(struct control *control)
{
    struct logs_control *logs = control->logs;
    int64_t now_ms = control_now(control);
    if (logs->stale && control->world->log_dir)
        put_test_objects(control);
    logs->stale = false;
    list_each_safe (stream, &logs->streams, struct log_stream, link) {
        if (stream->end_ms <= now_ms)
            end_stream(control, stream);
        else
            control_wake_at(control, stream->end_ms);
    }
    report_lost(control, "load balancers", &logs->lost_lines);
}

const struct controller logs_controller = {
    .name = "logs",
    .create = logs_create,
    .destroy = logs_destroy,
    .changed = logs_changed,
    .receive = logs_receive,
    .run = logs_run,
};

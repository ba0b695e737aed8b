/*
 * The flow logs controller: adds up what the guest process tells of logged interfaces to one record
 * a flow and aggregation interval of cloud time, and puts them into files, as AWS puts them into
 * buckets: one file a flow log for each five minutes.
 *
 * A record is kept once, whichever flow logs it is for; at the end of the interval each gets its
 * line. Whoever was not there to count says so: the interval is SKIPDATA then.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "control/control_impl.h"
#include "control/flow_log_line.h"
#include "control/log_object.h"
#include "control/scan.h"
#include "service/doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    INTERVAL_MS = 60 * 1000, /* AWS's at today's instances, however long it may be at most */
    FILE_MS = 5 * 60 * 1000,
    FILE_SIZE_MAX = 75 * 1024 * 1024, /* compressed; then there is another one */
    RECORDS_MAX = 65536,              /* then they are written before the interval ends */
};

struct record {
    struct flow flow;
    json_t *interface; /* as it was */
    char region[SCAN_REGION_SIZE];
    int64_t first_ms, last_ms;
};

struct flow_log {
    struct flow_log *next; /* of the same resource */
    char region[SCAN_REGION_SIZE];
    json_t *doc;
    struct ec2_flow_format format;
    int64_t created_ms;
    struct buf lines; /* that are to be written */
    struct log_object *object;
    int64_t object_end_ms;
    const char *failure; /* DeliverLogsErrorMessage of the last try; NULL: it succeeded */
    bool tried;
    bool lost;  /* lines were: those of the next interval say so */
    bool alive; /* seen in this run */
};

struct flow_logs_control {
    struct map logs;          /* by id: struct flow_log */
    struct map by_resource;   /* by ResourceId: the first struct flow_log of it */
    int64_t start_ms, end_ms; /* of the interval, while there are logs */
    struct map records;       /* by flow: struct record */
    struct map seen;          /* ids of interfaces that had packets; the values mean nothing */
    struct map missed;        /* ids of interfaces that had packets that nobody counted */
    int64_t blind_ms;         /* when somebody began to count who had not been there before */
    bool stale;               /* documents changed since the last run */
};

/* ---- records ---- */

static void forget_records(struct flow_logs_control *flow_logs)
{
    map_each (entry, &flow_logs->records) {
        struct record *record = entry->value;
        json_decref(record->interface);
        free(record);
    }
    map_finish(&flow_logs->records);
    flow_logs->records = (struct map){0};
}

static void begin_interval(const struct control *control)
{
    struct flow_logs_control *flow_logs = control->flow_logs;
    int64_t now_ms = control_now(control);
    map_finish(&flow_logs->seen);
    map_finish(&flow_logs->missed);
    flow_logs->seen = flow_logs->missed = (struct map){0};
    flow_logs->start_ms = now_ms - now_ms % INTERVAL_MS;
    flow_logs->end_ms = flow_logs->start_ms + INTERVAL_MS;
}

/* The first of the logs that an interface has because of one of its resources; NULL if none. */
static struct flow_log *logs_of(const struct control *control, const json_t *interface, int index)
{
    return map_get(&control->flow_logs->by_resource, ec2_flow_log_resource(interface, index));
}

static bool wants(const struct flow_log *log, const struct flow *flow)
{
    return doc_is(log->doc, "TrafficType", "ALL") ||
           doc_is(log->doc, "TrafficType", "ACCEPT") == (flow->action == ACTION_ALLOW);
}

/* Gives each log its line of a record. */
static void spread(struct control *control, const struct record *record)
{
    struct flow_log_line line = {.control = control,
                                 .region = record->region,
                                 .interface = record->interface,
                                 .flow = &record->flow,
                                 .status = "OK",
                                 .start_ms = record->first_ms,
                                 .end_ms = record->last_ms};
    for (int i = 0; i < EC2_FLOW_LOG_RESOURCES; i++)
        for (struct flow_log *log = logs_of(control, record->interface, i); log; log = log->next)
            if (wants(log, &record->flow))
                flow_log_append_line(&log->lines, &line, &log->format);
}

/* ---- files ---- */

static void open_file(struct control *control, struct flow_log *log, struct err *err)
{
    static const char *const days[2][2] = {
        {"%Y/%m/%d", "%Y/%m/%d/%H"},
        {"year=%Y/month=%m/day=%d", "year=%Y/month=%m/day=%d/hour=%H"}};
    const json_t *options = json_object_get(log->doc, "DestinationOptions");
    const char *account = control->world->account, *id = doc_text(log->doc, "FlowLogId");
    bool hive = doc_flag(options, "HiveCompatiblePartitions");
    char folder[EC2_FLOW_LOG_FOLDER_SIZE], key[EC2_FLOW_LOG_FOLDER_SIZE + 320],
        unique[LOG_OBJECT_ID_SIZE], day[48], end[24];
    time_t end_s = (time_t)(log->object_end_ms / 1000);
    struct tm tm;
    gmtime_r(&end_s, &tm);
    strftime(day, sizeof day, days[hive][doc_flag(options, "PerHourPartition")], &tm);
    strftime(end, sizeof end, "%Y%m%dT%H%MZ", &tm);
    log_object_make_id(control->world->service, unique);
    ec2_flow_log_folder(doc_text(log->doc, "LogDestination"), folder);
    snprintf(key, sizeof key,
             hive ? "%sAWSLogs/aws-account-id=%s/aws-service=vpcflowlogs/aws-region=%s/%s/"
                    "%s_vpcflowlogs_%s_%s_%s_%s.log.gz"
                  : "%sAWSLogs/%s/vpcflowlogs/%s/%s/%s_vpcflowlogs_%s_%s_%s_%s.log.gz",
             folder, account, log->region, day, account, log->region, id, end, unique);
    log->object = log_object_create(control->world->flow_log_dir, key, unique, err);
}

static void fail(struct control *control, struct flow_log *log, const struct err *err)
{
    bool denied = err->number == EACCES || err->number == EPERM || err->number == EROFS;
    if (!log->failure)
        control_log(control, doc_text(log->doc, "FlowLogId"), err);
    log->failure = denied ? "Access error" : "Unknown error";
}

static void publish(struct control *control, struct flow_log *log)
{
    struct err err;
    if (log->object && log_object_publish(log->object, &err) < 0)
        fail(control, log, &err); /* it appears at the next start */
    log->object = NULL;
}

static int append(struct control *control, struct flow_log *log, const struct buf *lines,
                  struct err *err)
{
    auto_buf text = {0};
    if (!log->object) {
        open_file(control, log, err);
        flow_log_append_names(&text, &log->format);
    }
    if (!log->object)
        return -1;
    buf_append(&text, lines->data, lines->size);
    if (text.failed || lines->failed)
        return err_set(err, "out of memory");
    return log_object_append(log->object, text.data, text.size, err);
}

/* Writes the lines of a log to the file of these five minutes. */
static void deliver(struct control *control, struct flow_log *log, int64_t now_ms)
{
    auto_buf lines = log->lines;
    struct err err;
    log->lines = (struct buf){0};
    if (!lines.size && !lines.failed)
        return;
    if (!log->object)
        log->object_end_ms = (now_ms + FILE_MS - 1) / FILE_MS * FILE_MS;
    log->tried = true;
    if (append(control, log, &lines, &err) < 0) {
        fail(control, log, &err);
        log->lost = true;
        return;
    }
    log->failure = NULL;
    if (log_object_size(log->object) >= FILE_SIZE_MAX)
        publish(control, log);
}

/* Writes all records, whose flows may go on as new ones. */
static void flush(struct control *control, int64_t now_ms)
{
    struct flow_logs_control *flow_logs = control->flow_logs;
    map_each (entry, &flow_logs->records)
        spread(control, entry->value);
    forget_records(flow_logs);
    map_each (entry, &flow_logs->logs)
        deliver(control, entry->value, now_ms);
}

/* ---- what the guest process tells ---- */

static bool is_logged(const struct control *control, const json_t *interface)
{
    bool logged = false;
    for (int i = 0; i < EC2_FLOW_LOG_RESOURCES; i++)
        logged |= logs_of(control, interface, i) != NULL;
    return logged;
}

/* The record of a flow, a new one if need be; NULL if there is no memory. */
static struct record *take_record(struct control *control, const char *region,
                                  const json_t *interface, const struct flow *flow)
{
    char key[128];
    struct map *records = &control->flow_logs->records;
    snprintf(key, sizeof key, "%s %x %x %x %x %u %u %u", doc_text(interface, "NetworkInterfaceId"),
             flow->source, flow->destination, flow->source_port, flow->destination_port,
             flow->protocol, flow->direction, flow->action);
    struct record *record = map_get(records, key);
    if (record)
        return record;
    if (records->count >= RECORDS_MAX)
        flush(control, control_now(control));
    if (!(record = calloc(1, sizeof *record)) || map_set(records, key, record) < 0) {
        free(record);
        return NULL;
    }
    record->flow = *flow;
    record->flow.packets = record->flow.bytes = 0;
    record->interface = json_incref((json_t *)(uintptr_t)interface);
    record->first_ms = control_now(control);
    snprintf(record->region, sizeof record->region, "%s", region);
    return record;
}

static void on_flow(struct control *control, const char *region, const struct flow *flow)
{
    char id[ID_SIZE + 1];
    snprintf(id, sizeof id, "%.*s", ID_SIZE, flow->interface);
    const json_t *interface = store_get(control->store, "network-interface", region, id);
    if (!interface || !is_logged(control, interface))
        return; /* deleted, or no more logged, meanwhile */
    map_set(&control->flow_logs->seen, id, control);
    struct record *record = flow->packets ? take_record(control, region, interface, flow) : NULL;
    if (!record) {
        map_set(&control->flow_logs->missed, id, control);
        return;
    }
    record->last_ms = control_now(control);
    record->flow.packets += flow->packets;
    record->flow.bytes += flow->bytes;
    record->flow.tcp_flags |= flow->tcp_flags;
}

static void miss_all(struct control *control, const char *region, const char *vpc)
{
    store_each (cursor, control->store, "network-interface", region)
        if (doc_is(cursor.doc, "VpcId", vpc))
            map_set(&control->flow_logs->missed, cursor.id, control);
}

static void flow_logs_receive(struct control *control, enum message_type type, const void *payload,
                              size_t size)
{
    const struct message_flows *head = payload;
    const struct flow *rows = (const struct flow *)(head + 1);
    char vpc[ID_SIZE + 1], region[SCAN_REGION_SIZE];
    if (type != MESSAGE_FLOWS || size < sizeof *head ||
        (size - sizeof *head) / sizeof *rows < head->count)
        return;
    snprintf(vpc, sizeof vpc, "%.*s", ID_SIZE, head->vpc);
    if (!scan_find_region(control->store, "vpc", vpc, region))
        return;
    for (uint32_t i = 0; i < head->count; i++)
        on_flow(control, region, &rows[i]);
    if (head->incomplete)
        miss_all(control, region, vpc);
}

/* ---- the end of an interval ---- */

/* Whether packets of an interface may be missing in a log. */
static bool has_gap(const struct control *control, const struct flow_log *log, const char *id)
{
    const struct flow_logs_control *flow_logs = control->flow_logs;
    bool blind =
        flow_logs->blind_ms >= flow_logs->start_ms && log->created_ms < flow_logs->blind_ms;
    return blind || log->lost || !control->world->service->packet_log ||
           map_find(&flow_logs->missed, id);
}

/* Says to each of an interface's logs that there was nothing, or that not all is there. */
static void add_gaps(struct control *control, const char *region, const char *id,
                     const json_t *interface)
{
    const struct flow_logs_control *flow_logs = control->flow_logs;
    struct flow_log_line line = {
        .control = control, .region = region, .interface = interface, .end_ms = flow_logs->end_ms};
    for (int i = 0; i < EC2_FLOW_LOG_RESOURCES; i++)
        for (struct flow_log *log = logs_of(control, interface, i); log; log = log->next) {
            bool gap = has_gap(control, log, id);
            if (!gap && map_find(&flow_logs->seen, id))
                continue;
            line.status = gap ? "SKIPDATA" : "NODATA";
            line.start_ms =
                log->created_ms > flow_logs->start_ms ? log->created_ms : flow_logs->start_ms;
            flow_log_append_line(&log->lines, &line, &log->format);
        }
}

static void end_interval(struct control *control)
{
    json_auto_t *regions = scan_regions(control->store, EC2_FLOW_LOG);
    size_t i;
    const json_t *region;
    flush(control, control->flow_logs->end_ms);
    json_array_foreach (regions, i, region)
        store_each (cursor, control->store, "network-interface", json_string_value(region))
            if (doc_is(cursor.doc, "Status", "in-use"))
                add_gaps(control, json_string_value(region), cursor.id, cursor.doc);
    map_each (entry, &control->flow_logs->logs) {
        struct flow_log *log = entry->value;
        log->lost = false;
        deliver(control, log, control->flow_logs->end_ms);
    }
    begin_interval(control);
}

/* ---- logs come and go ---- */

static void link_log(struct control *control, struct flow_log *log)
{
    const char *resource = doc_text(log->doc, "ResourceId");
    log->next = map_get(&control->flow_logs->by_resource, resource);
    if (map_set(&control->flow_logs->by_resource, resource, log) < 0)
        log->next = NULL; /* without memory it gets nothing */
}

static void unlink_log(struct control *control, const struct flow_log *log)
{
    struct map *by_resource = &control->flow_logs->by_resource;
    const char *resource = doc_text(log->doc, "ResourceId");
    struct flow_log *first = map_get(by_resource, resource);
    if (first == log && !log->next)
        map_remove(by_resource, resource);
    else if (first == log)
        map_set(by_resource, resource, log->next);
    for (; first; first = first->next)
        if (first->next == log)
            first->next = log->next;
}

static void begin_log(struct control *control, const char *region, const char *id, json_t *doc)
{
    struct err err;
    struct map *logs = &control->flow_logs->logs;
    struct flow_log *log = calloc(1, sizeof *log);
    if (!log || map_set(logs, id, log) < 0) {
        free(log);
        return;
    }
    if (logs->count == 1)
        begin_interval(control);
    snprintf(log->region, sizeof log->region, "%s", region);
    log->doc = json_incref(doc);
    log->created_ms =
        (int64_t)(json_number_value(json_object_get(doc, "CreationTime")) * 1000 + 0.5);
    if (ec2_flow_format_read(doc_text(doc, "LogFormat"), &log->format, &err) < 0)
        control_log(control, id, &err);
    link_log(control, log);
}

/* What it has up to now is still written. */
static void end_log(struct control *control, const char *id)
{
    struct flow_log *log = map_get(&control->flow_logs->logs, id);
    flush(control, control_now(control));
    publish(control, log);
    unlink_log(control, log);
    map_remove(&control->flow_logs->logs, id);
    json_decref(log->doc);
    free(log);
}

/* A log ends with what it is of. */
static void delete_orphans(struct control *control, const char *region)
{
    struct err err;
    json_auto_t *ids = scan_ids(control->store, EC2_FLOW_LOG, region);
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const json_t *doc = store_get(control->store, EC2_FLOW_LOG, region, json_string_value(id));
        if (store_get(control->store, doc_text(doc, "_kind"), region, doc_text(doc, "ResourceId")))
            continue;
        auto_txn *txn = txn_begin(control->store);
        txn_delete(txn, EC2_FLOW_LOG, region, json_string_value(id));
        if (txn_commit(ptr_take(&txn), &err) < 0)
            control_log(control, "deleting a flow log", &err);
    }
}

static void refresh(struct control *control)
{
    struct map *logs = &control->flow_logs->logs;
    json_auto_t *regions = scan_regions(control->store, EC2_FLOW_LOG);
    size_t i;
    const json_t *item;
    control->flow_logs->stale = false;
    map_each (entry, logs)
        ((struct flow_log *)entry->value)->alive = false;
    json_array_foreach (regions, i, item) {
        const char *region = json_string_value(item);
        delete_orphans(control, region);
        store_each (cursor, control->store, EC2_FLOW_LOG, region) {
            if (!map_find(logs, cursor.id))
                begin_log(control, region, cursor.id, (json_t *)(uintptr_t)cursor.doc);
            struct flow_log *log = map_get(logs, cursor.id);
            if (log)
                log->alive = true;
        }
    }
    for (struct map_entry *entry = logs->first, *next; entry; entry = next) {
        next = entry->next;
        if (!((const struct flow_log *)entry->value)->alive)
            end_log(control, entry->key);
    }
}

/* Users see whether the last delivery succeeded. */
static void tell_status(struct control *control, const char *id, struct flow_log *log)
{
    struct err err;
    const char *status = log->failure ? "FAILED" : "SUCCESS";
    const json_t *doc = store_get(control->store, EC2_FLOW_LOG, log->region, id);
    if (!log->tried || !doc || doc_is(doc, "DeliverLogsStatus", status))
        return;
    json_t *changed = json_copy((json_t *)(uintptr_t)doc);
    json_object_set_new(changed, "DeliverLogsStatus", json_string(status));
    json_object_del(changed, "DeliverLogsErrorMessage");
    if (log->failure)
        json_object_set_new(changed, "DeliverLogsErrorMessage", json_string(log->failure));
    auto_txn *txn = txn_begin(control->store);
    txn_put(txn, EC2_FLOW_LOG, log->region, id, changed);
    if (txn_commit(ptr_take(&txn), &err) < 0)
        control_log(control, id, &err);
}

/* ---- the controller ---- */

static int flow_logs_create(struct control *control, struct err *err)
{
    struct err failure;
    if (!(control->flow_logs = calloc(1, sizeof *control->flow_logs)))
        return err_set(err, "out of memory");
    control->flow_logs->blind_ms = control_now(control);
    control->flow_logs->stale = true;
    const char *root = control->world->flow_log_dir;
    if (root && log_objects_recover(root, &failure) < 0)
        control_log(control, "flow logs of the last run", &failure);
    return 0;
}

static void flow_logs_destroy(struct control *control)
{
    struct flow_logs_control *flow_logs = control->flow_logs;
    if (!flow_logs)
        return;
    while (flow_logs->logs.first)
        end_log(control, flow_logs->logs.first->key);
    forget_records(flow_logs);
    map_finish(&flow_logs->logs);
    map_finish(&flow_logs->by_resource);
    map_finish(&flow_logs->seen);
    map_finish(&flow_logs->missed);
    free(flow_logs);
    control->flow_logs = NULL;
}

static void flow_logs_changed(struct control *control, const char *kind, const char *region)
{
    static const char *const kinds[] = {EC2_FLOW_LOG, "vpc", "subnet", "network-interface"};
    (void)region;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        control->flow_logs->stale |= !strcmp(kinds[i], kind);
}

/* What these had counted and not passed on is lost. */
static void flow_logs_peer_started(struct control *control, enum process process)
{
    if (process == PROCESS_GUEST || process == PROCESS_HOST)
        control->flow_logs->blind_ms = control_now(control);
}

static void flow_logs_run(struct control *control)
{
    struct flow_logs_control *flow_logs = control->flow_logs;
    int64_t now_ms = control_now(control);
    if (flow_logs->stale && control->world->flow_log_dir)
        refresh(control);
    if (!flow_logs->logs.count)
        return;
    if (flow_logs->end_ms <= now_ms)
        end_interval(control);
    control_wake_at(control, flow_logs->end_ms);
    map_each (entry, &flow_logs->logs) {
        struct flow_log *log = entry->value;
        if (log->object && log->object_end_ms <= now_ms)
            publish(control, log);
        if (log->object)
            control_wake_at(control, log->object_end_ms);
        tell_status(control, entry->key, log);
    }
}

const struct controller flow_logs_controller = {
    .name = "flow logs",
    .create = flow_logs_create,
    .destroy = flow_logs_destroy,
    .changed = flow_logs_changed,
    .receive = flow_logs_receive,
    .peer_started = flow_logs_peer_started,
    .run = flow_logs_run,
};

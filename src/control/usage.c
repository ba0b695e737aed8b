/*
 * The usage controller: writes down what things use, for `pileus cost`. It compares what is with
 * the records whose interval is open, begins one where something has begun, and ends the others.
 * While nothing changes it writes every few minutes that it is there: intervals end where it was
 * last there if it was away for long, for then nothing ran that it knows of.
 */
#include "service/billing/usage.h"
#include "base/map.h"
#include "control/control_impl.h"
#include "control/scan.h"
#include "control/usage_nat.h"
#include "control/usage_sources.h"
#include "service/billing/lcu.h"
#include "service/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARK_MS = 5 * 60 * 1000,  /* how often it says that it is there */
    AWAY_MS = 15 * 60 * 1000, /* silent for longer: it was away */
    HOUR_MS = 3600 * 1000,
    RECORDS_MAX = 1024, /* of a kind in a region; then what has ended is summed up */
    RECORDS_KEPT = 768,
    RECORD_ID_SIZE = 512,
};

struct usage_control {
    struct map stale;      /* region → bits of the sources (their places) that were written */
    struct map nat_totals; /* see usage_nat.h */
    bool resumed;          /* what was open when the process began has been looked at */
    int64_t mark_ms;       /* when it last said that it is there */
    int64_t hour_ms;       /* until when LCUs are counted */
};

static int usage_create(struct control *control, struct err *err)
{
    control->usage = calloc(1, sizeof *control->usage);
    return control->usage ? 0 : err_set(err, "out of memory");
}

static void usage_destroy(struct control *control)
{
    if (!control->usage)
        return;
    map_finish(&control->usage->stale);
    usage_nat_finish(&control->usage->nat_totals);
    free(control->usage);
    control->usage = NULL;
}

static void mark_stale(struct control *control, const char *region, uintptr_t sources)
{
    uintptr_t known = (uintptr_t)map_get(&control->usage->stale, region);
    if (map_set(&control->usage->stale, region, (void *)(known | sources)) < 0)
        control->usage->resumed = false; /* looks at everything again */
}

static void usage_changed(struct control *control, const char *kind, const char *region)
{
    for (int i = 0; i < USAGE_SOURCES; i++)
        if (!strcmp(kind, usage_sources[i].kind))
            mark_stale(control, region, (uintptr_t)1 << i);
}

/* ---- records of one kind in one region ---- */

struct account {
    struct control *control;
    struct txn *txn;
    const struct usage_source *source;
    const char *region;
    int64_t now_ms;
    struct map seen; /* ids of the records of what is there */
};

static void record_item(void *arg, const char *resource, const char *item, double quantity,
                        const char *group)
{
    struct account *account = arg;
    const char *kind = account->source->usage_kind;
    char id[RECORD_ID_SIZE];
    snprintf(id, sizeof id, "%s|%s", resource, item);
    map_set(&account->seen, id, NULL);
    const json_t *known = store_get(account->control->store, kind, account->region, id);
    if (known && usage_is_open(known) &&
        json_number_value(json_object_get(known, "_quantity")) == quantity)
        return;
    if (!known)
        txn_put(account->txn, kind, account->region, id, usage_make(resource, item, group));
    json_t *record = txn_edit(account->txn, kind, account->region, id);
    usage_begin(record, quantity, account->now_ms);
    if (!strcmp(item, "lcu"))
        json_object_set_new(record, "_until_ms", json_integer(account->now_ms));
}

/* Adds to a record without a quantity what was counted elsewhere meanwhile. */
static void count(struct account *account, json_t *record)
{
    if (doc_is(record, "Item", "nat-bytes"))
        usage_nat_count(&account->control->usage->nat_totals, record);
    if (!doc_is(record, "Item", "lcu"))
        return;
    usage_count(record,
                lcu_used(account->control->series, account->region, doc_text(record, "ResourceId"),
                         doc_number(record, "_until_ms"), account->now_ms));
    json_object_set_new(record, "_until_ms", json_integer(account->now_ms));
}

/* Ends the intervals of records that `seen` does not have. */
static void end_others(struct account *account)
{
    const char *kind = account->source->usage_kind;
    json_auto_t *ended = json_array();
    size_t i;
    const json_t *id;
    store_each (cursor, account->control->store, kind, account->region)
        if (usage_is_open(cursor.doc) && !map_find(&account->seen, cursor.id))
            json_array_append_new(ended, json_string(cursor.id));
    json_array_foreach (ended, i, id) {
        json_t *record = txn_edit(account->txn, kind, account->region, json_string_value(id));
        count(account, record);
        usage_end(record, account->now_ms);
    }
}

/* The group of a record, "" if it has none or the group is no more. */
static const char *living_group(const struct account *account, const json_t *record)
{
    const char *group = doc_text(record, "AutoScalingGroupName");
    const struct store *store = account->control->store;
    return store_get(store, "auto-scaling-group", account->region, group) ? group : "";
}

/* Whether a record may become a part of a sum: it has ended, or is the sum of a group that has. */
static bool is_past(const struct account *account, const json_t *record)
{
    if (usage_is_open(record))
        return false;
    return *doc_text(record, "ResourceId") ||
           (*doc_text(record, "AutoScalingGroupName") && !*living_group(account, record));
}

/* The record that has the sum of those of an item, and of a group that there is, that are no more.
 */
static json_t *sum_record(struct account *account, const json_t *record)
{
    const char *item = doc_text(record, "Item"), *group = living_group(account, record);
    const char *kind = account->source->usage_kind;
    char id[RECORD_ID_SIZE];
    snprintf(id, sizeof id, "|%s|%s", item, group);
    if (!store_get(account->control->store, kind, account->region, id))
        txn_put(account->txn, kind, account->region, id, usage_make("", item, group));
    return txn_edit(account->txn, kind, account->region, id);
}

/* Keeps the number of records in bounds: the oldest that have ended become sums. */
static void sum_up(struct account *account)
{
    const struct store *store = account->control->store;
    const char *kind = account->source->usage_kind;
    size_t records = store_count(store, kind, account->region);
    if (records <= RECORDS_MAX)
        return;
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *item;
    store_each (cursor, store, kind, account->region)
        if (is_past(account, cursor.doc) && json_array_size(ids) < records - RECORDS_KEPT)
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, item) {
        const char *id = json_string_value(item);
        json_auto_t *record = json_deep_copy(store_get(store, kind, account->region, id));
        usage_fold(sum_record(account, record), record);
        txn_delete(account->txn, kind, account->region, id);
    }
}

static void account_source(struct account *account)
{
    store_each (cursor, account->control->store, account->source->kind, account->region)
        account->source->list(cursor.doc, record_item, account);
    end_others(account);
    sum_up(account);
    map_finish(&account->seen);
}

/* ---- all of them ---- */

/* The mark, made at the first usage. */
static json_t *edit_mark(struct control *control, struct txn *txn)
{
    if (!store_get(control->store, usage_mark_kind, "", usage_mark_id)) {
        json_int_t now_ms = control_now(control);
        txn_put(txn, usage_mark_kind, "", usage_mark_id,
                json_pack("{s:I, s:I, s:I}", "_began_ms", now_ms, "_seen_ms", now_ms, "_away_ms",
                          (json_int_t)0));
    }
    return txn_edit(txn, usage_mark_kind, "", usage_mark_id);
}

/* Ends everything where usage was last seen. */
static void end_all(struct control *control, struct txn *txn, int64_t seen_ms)
{
    for (int i = 0; i < USAGE_SOURCES; i++) {
        const struct usage_source *source = &usage_sources[i];
        json_auto_t *regions = scan_regions(control->store, source->usage_kind);
        size_t k;
        const json_t *region;
        json_array_foreach (regions, k, region) {
            struct account account = {control, txn, source, json_string_value(region),
                                      seen_ms, {0}};
            end_others(&account);
        }
    }
}

/* After a start: whatever was open goes on, unless nobody was there for long. */
static void resume(struct control *control, struct txn *txn)
{
    struct usage_control *usage = control->usage;
    const json_t *mark = store_get(control->store, usage_mark_kind, "", usage_mark_id);
    int64_t seen_ms = doc_number(mark, "_seen_ms"), away_ms = control_now(control) - seen_ms;
    if (mark && away_ms > AWAY_MS) {
        end_all(control, txn, seen_ms);
        json_t *edited = edit_mark(control, txn);
        json_object_set_new(edited, "_away_ms",
                            json_integer(doc_number(edited, "_away_ms") + away_ms));
    }
    for (int i = 0; i < USAGE_SOURCES; i++) {
        const char *const kinds[] = {usage_sources[i].kind, usage_sources[i].usage_kind};
        for (int k = 0; k < 2; k++) {
            json_auto_t *regions = scan_regions(control->store, kinds[k]);
            size_t r;
            const json_t *region;
            json_array_foreach (regions, r, region)
                mark_stale(control, json_string_value(region), (uintptr_t)1 << i);
        }
    }
    usage->resumed = true;
}

static void account_stale(struct control *control, struct txn *txn)
{
    map_each (entry, &control->usage->stale)
        for (int i = 0; i < USAGE_SOURCES; i++)
            if ((uintptr_t)entry->value >> i & 1) {
                struct account account = {
                    control, txn, &usage_sources[i], entry->key, control_now(control), {0}};
                account_source(&account);
            }
}

/* Counts what open records of an item have to count, until `until_ms`. */
static void count_all(struct control *control, struct txn *txn, const char *kind, const char *item,
                      int64_t until_ms)
{
    json_auto_t *regions = scan_regions(control->store, kind);
    size_t i, k;
    const json_t *region, *id;
    json_array_foreach (regions, i, region) {
        struct account account = {
            .control = control, .region = json_string_value(region), .now_ms = until_ms};
        json_auto_t *ids = scan_ids(control->store, kind, account.region);
        json_array_foreach (ids, k, id) {
            const json_t *record =
                store_get(control->store, kind, account.region, json_string_value(id));
            if (doc_is(record, "Item", item) && usage_is_open(record) &&
                doc_number(record, "_until_ms") < until_ms)
                count(&account, txn_edit(txn, kind, account.region, json_string_value(id)));
        }
    }
}

static void write_down(struct control *control, struct txn *txn)
{
    struct usage_control *usage = control->usage;
    int64_t now_ms = control_now(control), hour_ms = now_ms - now_ms % HOUR_MS;
    if (!usage->resumed)
        resume(control, txn);
    account_stale(control, txn);
    /* Metrics have the LCUs of an hour that has passed, and keep them only for days. */
    if (usage->hour_ms < hour_ms)
        count_all(control, txn, "usage-load-balancer", "lcu", hour_ms);
    usage->hour_ms = hour_ms;
    if (now_ms >= usage->mark_ms + MARK_MS && usage->nat_totals.count)
        count_all(control, txn, "usage-nat-gateway", "nat-bytes", now_ms);
    bool is_known = store_get(control->store, usage_mark_kind, "", usage_mark_id);
    if (!txn_dirty(txn) && (!is_known || now_ms < usage->mark_ms + MARK_MS))
        return;
    json_object_set_new(edit_mark(control, txn), "_seen_ms", json_integer(now_ms));
    usage->mark_ms = now_ms;
}

static void usage_run(struct control *control)
{
    struct usage_control *usage = control->usage;
    struct err err;
    if (!usage->resumed || usage->stale.count || control_now(control) >= usage->mark_ms + MARK_MS) {
        struct txn *txn = txn_begin(control->store);
        write_down(control, txn);
        if (!txn_dirty(txn)) {
            txn_rollback(txn);
        } else if (txn_commit(txn, &err) < 0) {
            control_log(control, "usage", &err);
            usage->resumed = false;
        }
        map_finish(&usage->stale);
        usage->stale = (struct map){0};
    }
    if (usage->mark_ms)
        control_wake_at(control, usage->mark_ms + MARK_MS);
}

static void usage_receive(struct control *control, enum message_type type, const void *payload,
                          size_t size)
{
    if (type == MESSAGE_NAT_TRAFFIC)
        usage_nat_take(control, &control->usage->nat_totals, payload, size);
}

const struct controller usage_controller = {
    .name = "usage",
    .create = usage_create,
    .destroy = usage_destroy,
    .changed = usage_changed,
    .receive = usage_receive,
    .run = usage_run,
};

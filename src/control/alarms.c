/*
 * The alarms controller: judges every alarm each minute of cloud time and runs the actions of its
 * state. `_acted` of an alarm is the state whose actions were begun, so that a crash repeats rather
 * than forgets them, and SetAlarmState is followed too.
 */
#include "control/alarm_state.h"
#include "control/alarms_impl.h"
#include "control/scan.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/history.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MS = 60000,
    LATENESS_MS = 5000,    /* after a minute's end, before its data are read */
    COMPOSITE_ROUNDS = 16, /* more than composite alarms can stand on each other */
};

struct alarms_control {
    bool dirty;        /* an alarm was written */
    int64_t minute_ms; /* the last minute whose end was judged */
    int64_t due_ms;    /* when an action that is kept back may be done */
};

const json_t *alarm_look(const struct alarm_turn *turn)
{
    return store_get(turn->call->store, alarm_kind, turn->call->region, turn->name);
}

json_t *alarm_edit(const struct alarm_turn *turn)
{
    return txn_edit(turn->call->txn, alarm_kind, turn->call->region, turn->name);
}

void alarm_wake_at(const struct alarm_turn *turn, int64_t due_ms)
{
    struct alarms_control *alarms = turn->control->alarms;
    if (due_ms < alarms->due_ms)
        alarms->due_ms = due_ms;
}

/* The periods to be judged, newest first. */
struct window {
    struct alarm_datapoint *datapoints;
    size_t count;
    int64_t end_ms, period_ms;
};

/* A datapoint of the window; NULL if it lies outside. */
static struct alarm_datapoint *at_time(const struct window *window, int64_t start_ms)
{
    int64_t place = (window->end_ms - start_ms) / window->period_ms - 1;
    return place >= 0 && place < (int64_t)window->count ? &window->datapoints[place] : NULL;
}

static void read_metric(const struct alarm_turn *turn, const struct window *window)
{
    static struct series_point points[ALARM_DATAPOINTS_MAX];
    const json_t *alarm = alarm_look(turn);
    const char *extended = doc_text(alarm, "ExtendedStatistic");
    struct statistic statistic = {.kind = STATISTIC_AVERAGE};
    struct metric metric;
    statistic_parse(*extended ? extended : doc_text(alarm, "Statistic"), &statistic);
    metric_read(turn->call->region, alarm, &metric);
    const struct series *series =
        metric_find(turn->control->series, &metric, doc_text(alarm, "Unit"));
    if (!series)
        return;
    size_t found = series_read(series, window->end_ms - (int64_t)window->count * window->period_ms,
                               window->end_ms, window->period_ms, points, window->count);
    for (size_t i = 0; i < found; i++) {
        struct alarm_datapoint *datapoint = at_time(window, points[i].start_ms);
        datapoint->value = statistic_value(series, &statistic, &points[i], window->period_ms);
        datapoint->sample_count = points[i].count;
        datapoint->missing = isnan(datapoint->value);
    }
}

/* What cannot be computed now is missing; the alarm was checked when it was made. */
static void read_math(const struct alarm_turn *turn, const struct window *window)
{
    const json_t *alarm = alarm_look(turn);
    struct math_value value = {.kind = MATH_NUMBER};
    struct err err;
    struct queries *queries = queries_open(
        json_object_get(alarm, "Metrics"), turn->control->series, turn->call->region,
        window->end_ms - (int64_t)window->count * window->period_ms, window->end_ms, &err);
    if (!queries || queries_value(queries, alarm_watched_query(alarm), &value, &err) < 0)
        control_log(turn->control, turn->name, &err);
    for (size_t i = 0; value.kind == MATH_SERIES && i < value.series[0].count; i++) {
        const struct math_point *point = &value.series[0].points[i];
        struct alarm_datapoint *datapoint = at_time(window, point->start_ms);
        if (datapoint)
            *datapoint = (struct alarm_datapoint){point->start_ms, false, point->value, 1};
    }
    queries_free(queries);
}

/* The complete periods up to now, newest first; those without data are missing. */
static size_t read_datapoints(const struct alarm_turn *turn, struct alarm_datapoint *out)
{
    const json_t *alarm = alarm_look(turn);
    struct window window = {out, alarm_range(alarm), 0, alarm_period_ms(alarm)};
    window.end_ms = turn->call->now_ms / window.period_ms * window.period_ms;
    for (size_t i = 0; i < window.count; i++)
        out[i] = (struct alarm_datapoint){window.end_ms - (int64_t)(i + 1) * window.period_ms, true,
                                          0, 0};
    if (json_object_get(alarm, "Metrics"))
        read_math(turn, &window);
    else
        read_metric(turn, &window);
    return window.count;
}

static void judge(struct alarm_turn *turn)
{
    static struct alarm_datapoint datapoints[ALARM_DATAPOINTS_MAX];
    const json_t *alarm = alarm_look(turn);
    size_t count = read_datapoints(turn, datapoints);
    struct alarm_verdict verdict = alarm_judge(alarm, datapoints, count, turn->call->now_ms);
    turn->newest = verdict.newest;
    if (verdict.reason)
        alarm_set_state(turn->call, alarm_edit(turn), verdict.state,
                        json_string_value(verdict.reason), json_string_value(verdict.data));
    alarm_verdict_finish(&verdict);
}

/* The state that actions were begun for. Alarms begin without data, and that calls for nothing. */
static const char *acted_state(const json_t *alarm)
{
    const char *acted = doc_text(alarm, "_acted");
    return *acted ? acted : "INSUFFICIENT_DATA";
}

static bool is_composite(const struct alarm_turn *turn)
{
    return json_object_get(alarm_look(turn), "AlarmRule") != NULL;
}

/* Acts on a new state; what is due each minute acts on the same state again. */
static void act(struct alarm_turn *turn, bool is_due)
{
    const json_t *alarm = alarm_look(turn);
    bool is_new = !doc_is(alarm, "StateValue", acted_state(alarm));
    if (is_composite(turn) && alarm_is_suppressed(turn, is_new))
        return;
    snprintf(turn->former, sizeof turn->former, "%s", acted_state(alarm_look(turn)));
    if (is_new)
        json_object_set(alarm_edit(turn), "_acted", json_object_get(alarm, "StateValue"));
    if (is_new || (is_due && !is_composite(turn)))
        alarm_act(turn, !is_new);
}

/* Composite alarms stand on others, so they are judged until none of them changes any more. */
static void judge_composites(struct control *control, struct call *call, const json_t *names)
{
    bool changed = true;
    for (int round = 0; changed && round < COMPOSITE_ROUNDS; round++) {
        size_t i;
        const json_t *name;
        changed = false;
        json_array_foreach (names, i, name) {
            struct alarm_turn turn = {control, call, json_string_value(name), NAN};
            if (is_composite(&turn))
                changed |= alarm_judge_composite(&turn);
        }
    }
}

static void take_turns(struct control *control, struct call *call, const json_t *names, bool is_due)
{
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        struct alarm_turn turn = {control, call, json_string_value(name), NAN};
        if (is_composite(&turn))
            continue;
        if (is_due)
            judge(&turn);
        act(&turn, is_due);
    }
    judge_composites(control, call, names);
    json_array_foreach (names, i, name) {
        struct alarm_turn turn = {control, call, json_string_value(name), NAN};
        if (is_composite(&turn))
            act(&turn, is_due);
    }
}

static void run_region(struct control *control, const char *region, bool is_due)
{
    json_auto_t *names = scan_ids(control->store, alarm_kind, region);
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, region);
    struct err err;
    take_turns(control, &call, names, is_due);
    if (!txn_dirty(txn))
        return;
    if (txn_commit(txn, &err) < 0)
        control_log(control, "cannot write the state of alarms", &err);
    txn = NULL;
}

static int create(struct control *control, struct err *err)
{
    control->alarms = calloc(1, sizeof *control->alarms);
    return control->alarms ? 0 : err_set(err, "out of memory");
}

static void destroy(struct control *control)
{
    free(control->alarms);
}

static void changed(struct control *control, const char *kind, const char *region)
{
    (void)region;
    control->alarms->dirty |= !strcmp(kind, alarm_kind);
}

static void run(struct control *control)
{
    struct alarms_control *alarms = control->alarms;
    int64_t minute_ms = (control_now(control) - LATENESS_MS) / MINUTE_MS * MINUTE_MS;
    bool is_due = minute_ms != alarms->minute_ms;
    control_wake_at(control, minute_ms + MINUTE_MS + LATENESS_MS);
    if (!is_due && !alarms->dirty && control_now(control) < alarms->due_ms) {
        control_wake_at(control, alarms->due_ms);
        return;
    }
    alarms->dirty = false;
    alarms->due_ms = INT64_MAX;
    alarms->minute_ms = minute_ms;
    json_auto_t *regions = scan_regions(control->store, alarm_kind);
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        run_region(control, json_string_value(region), is_due);
    control_wake_at(control, alarms->due_ms);
}

const struct controller alarms_controller = {
    .name = "alarms",
    .create = create,
    .destroy = destroy,
    .changed = changed,
    .run = run,
};

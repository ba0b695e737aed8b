/*
 * The alarms controller: judges every alarm each minute of cloud time and runs the actions of its
 * state. `_acted` of an alarm is the state whose actions were begun, so that a crash repeats rather
 * than forgets them, and SetAlarmState is followed too.
 */
#include "control/alarm_state.h"
#include "control/control_impl.h"
#include "control/scan.h"
#include "service/autoscaling/policy.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/history.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MS = 60000,
    LATENESS_MS = 5000, /* after a minute's end, before its data are read */
};

struct alarms_control {
    bool dirty;        /* an alarm was written */
    int64_t minute_ms; /* the last minute whose end was judged */
};

/* One alarm's turn, in one transaction with the others of its region. */
struct turn {
    struct control *control;
    struct call *call;
    const char *name;
    double newest; /* the newest value of its metric; NAN: unknown */
};

static const json_t *look(const struct turn *turn)
{
    return store_get(turn->call->store, alarm_kind, turn->call->region, turn->name);
}

static json_t *edit(const struct turn *turn)
{
    return txn_edit(turn->call->txn, alarm_kind, turn->call->region, turn->name);
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

static void read_metric(const struct turn *turn, const struct window *window)
{
    static struct series_point points[ALARM_DATAPOINTS_MAX];
    const json_t *alarm = look(turn);
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
static void read_math(const struct turn *turn, const struct window *window)
{
    const json_t *alarm = look(turn);
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
static size_t read_datapoints(const struct turn *turn, struct alarm_datapoint *out)
{
    const json_t *alarm = look(turn);
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

static void judge(struct turn *turn)
{
    static struct alarm_datapoint datapoints[ALARM_DATAPOINTS_MAX];
    const json_t *alarm = look(turn);
    size_t count = read_datapoints(turn, datapoints);
    struct alarm_verdict verdict = alarm_judge(alarm, datapoints, count, turn->call->now_ms);
    turn->newest = verdict.newest;
    if (verdict.reason)
        alarm_set_state(turn->call, edit(turn), verdict.state, json_string_value(verdict.reason),
                        json_string_value(verdict.data));
    alarm_verdict_finish(&verdict);
}

/* Runs a scaling policy. Runs that are repeats are history only if something came of them. */
static void run_policy(struct turn *turn, const char *policy_arn, bool again)
{
    const json_t *alarm = look(turn);
    const char *why = "";
    struct err err = {0};
    struct policy_trigger trigger = {
        .alarm = turn->name,
        .scale_in = policy_alarm_is_low(turn->name),
        .metric = turn->newest,
        .threshold = json_number_value(json_object_get(alarm, "Threshold")),
    };
    if (isnan(trigger.metric))
        trigger.metric = trigger.threshold;
    int changed = policy_execute(turn->call, policy_arn, &trigger, &why, &err);
    if (changed < 0 && !again)
        alarm_history_add_action(turn->call, alarm, policy_arn, err.text);
    else if (changed > 0 || (changed == 0 && !again))
        alarm_history_add_action(turn->call, alarm, policy_arn, NULL);
}

/* Actions of the present state: scaling policies, which run again each minute. */
static void act(struct turn *turn, bool again)
{
    static const struct {
        const char *state, *member;
    } lists[] = {{"ALARM", "AlarmActions"},
                 {"OK", "OKActions"},
                 {"INSUFFICIENT_DATA", "InsufficientDataActions"}};
    const json_t *alarm = look(turn);
    json_auto_t *actions = NULL;
    size_t i;
    const json_t *action;
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        if (doc_is(alarm, "StateValue", lists[k].state))
            actions = json_deep_copy(json_object_get(alarm, lists[k].member));
    if (json_is_false(json_object_get(alarm, "ActionsEnabled")))
        return;
    json_array_foreach (actions, i, action)
        run_policy(turn, json_string_value(action), again);
}

/* The state that actions were begun for. Alarms begin without data, and that calls for nothing. */
static const char *acted_state(const json_t *alarm)
{
    const char *acted = doc_text(alarm, "_acted");
    return *acted ? acted : "INSUFFICIENT_DATA";
}

static void take_turn(struct turn *turn, bool is_due)
{
    if (is_due)
        judge(turn);
    const json_t *alarm = look(turn);
    bool is_new = !doc_is(alarm, "StateValue", acted_state(alarm));
    if (is_new)
        json_object_set(edit(turn), "_acted", json_object_get(alarm, "StateValue"));
    if (is_new || is_due)
        act(turn, !is_new);
}

static void run_region(struct control *control, const char *region, bool is_due)
{
    json_auto_t *names = scan_ids(control->store, alarm_kind, region);
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, region);
    struct err err;
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        struct turn turn = {control, &call, json_string_value(name), NAN};
        take_turn(&turn, is_due);
    }
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
    if (!is_due && !alarms->dirty)
        return;
    alarms->dirty = false;
    alarms->minute_ms = minute_ms;
    json_auto_t *regions = scan_regions(control->store, alarm_kind);
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        run_region(control, json_string_value(region), is_due);
}

const struct controller alarms_controller = {
    .name = "alarms",
    .create = create,
    .destroy = destroy,
    .changed = changed,
    .run = run,
};

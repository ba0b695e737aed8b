#include "control/alarm_state.h"

#include "base/buf.h"
#include "service/doc.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum {
    TOLD_MAX = 5,       /* datapoints in a reason */
    DATA_TOLD_MAX = 24, /* in its data, which have 4000 characters at most on AWS */
};

/* One evaluation: the alarm's numbers, and what was found. */
struct evaluation {
    const json_t *alarm;
    int periods, needed; /* N and M */
    double threshold;
    const struct alarm_datapoint *used[ALARM_DATAPOINTS_MAX]; /* newest first, at most N */
    int used_count, breaching;
    int missing; /* of the N newest periods; none if older data fill the range */
};

static const struct {
    const char *operator, * words;
} comparisons[] = {
    {"GreaterThanThreshold", "greater than"},
    {"GreaterThanOrEqualToThreshold", "greater than or equal to"},
    {"LessThanThreshold", "less than"},
    {"LessThanOrEqualToThreshold", "less than or equal to"},
};

static const char *comparison_words(const json_t *alarm)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (doc_is(alarm, "ComparisonOperator", comparisons[i].operator))
            return comparisons[i].words;
    return "greater than";
}

static bool breaches(const json_t *alarm, double value, double threshold)
{
    const char *words = comparison_words(alarm);
    bool equal = strstr(words, "equal") && value == threshold;
    return equal || (*words == 'g' ? value > threshold : value < threshold);
}

/* N */
static int periods_of(const json_t *alarm)
{
    int64_t periods = doc_number(alarm, "EvaluationPeriods");
    if (periods < 1)
        return 1;
    return periods < ALARM_PERIODS_MAX ? (int)periods : ALARM_PERIODS_MAX;
}

size_t alarm_range(const json_t *alarm)
{
    return (size_t)periods_of(alarm) + ALARM_LATE_PERIODS;
}

static void begin_evaluation(struct evaluation *evaluation, const json_t *alarm,
                             const struct alarm_datapoint *datapoints, size_t count)
{
    *evaluation = (struct evaluation){.alarm = alarm};
    evaluation->periods = periods_of(alarm);
    evaluation->needed = evaluation->periods;
    if (doc_number(alarm, "DatapointsToAlarm") > 0)
        evaluation->needed = (int)doc_number(alarm, "DatapointsToAlarm");
    evaluation->threshold = json_number_value(json_object_get(alarm, "Threshold"));
    for (size_t i = 0; i < count && evaluation->used_count < evaluation->periods; i++) {
        if (datapoints[i].missing)
            continue;
        evaluation->used[evaluation->used_count++] = &datapoints[i];
        evaluation->breaching += breaches(alarm, datapoints[i].value, evaluation->threshold);
    }
    evaluation->missing = evaluation->periods - evaluation->used_count;
}

/*
 * Too few datapoints, but the oldest breaching one is old enough, and since then there was nothing
 * better: an alarm all the same.
 */
static bool is_old_breach(const struct evaluation *evaluation,
                          const struct alarm_datapoint *datapoints, size_t count)
{
    if (!evaluation->breaching || evaluation->breaching != evaluation->used_count)
        return false;
    for (size_t i = count; i-- > 0;)
        if (!datapoints[i].missing)
            return (int)i + 1 >= evaluation->needed;
    return false;
}

/* The state, or NULL to keep the present one. */
static const char *decide(const struct evaluation *evaluation,
                          const struct alarm_datapoint *datapoints, size_t count)
{
    const char *treatment = doc_text(evaluation->alarm, "TreatMissingData");
    int breaching = evaluation->breaching;
    if (!strcmp(treatment, "breaching"))
        breaching += evaluation->missing;
    if (breaching >= evaluation->needed)
        return "ALARM";
    if (!strcmp(treatment, "breaching") || !strcmp(treatment, "notBreaching"))
        return "OK";
    bool ignores = !strcmp(treatment, "ignore");
    if (!evaluation->used_count)
        return ignores ? NULL : "INSUFFICIENT_DATA";
    if (evaluation->missing && is_old_breach(evaluation, datapoints, count))
        return ignores ? NULL : "ALARM";
    /* Young breaching datapoints alone prove nothing yet. */
    return evaluation->breaching < evaluation->used_count ? "OK" : NULL;
}

/* Whether the alarm was asked to count M out of N datapoints, which its reasons then tell. */
static bool counts_datapoints(const struct evaluation *evaluation)
{
    return doc_number(evaluation->alarm, "DatapointsToAlarm") > 0;
}

/* A number as AWS writes it: always with a decimal point. */
static void append_number(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, "%.1f", value);
    else
        buf_printf(out, "%.15g", value);
}

static void append_time(struct buf *out, const char *format, int64_t time_ms)
{
    char text[64];
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, format, &parts);
    buf_append_string(out, text);
}

/* "99.0 (21/11/26 03:02:00), ...": the newest that breach, or those that do not. */
static void append_newest(struct buf *out, const struct evaluation *evaluation, bool breaching)
{
    const char *separator = "";
    buf_append_char(out, '[');
    for (int i = 0, told = 0; i < evaluation->used_count && told < TOLD_MAX; i++) {
        const struct alarm_datapoint *datapoint = evaluation->used[i];
        if (breaches(evaluation->alarm, datapoint->value, evaluation->threshold) != breaching)
            continue;
        buf_append_string(out, separator);
        append_number(out, datapoint->value);
        append_time(out, " (%d/%m/%y %H:%M:%S)", datapoint->start_ms);
        separator = ", ";
        told++;
    }
    buf_append_char(out, ']');
}

/*
 * "3 datapoints [...] were greater than the threshold (50.0)". If there are many, the newest come
 * in a sentence of their own.
 */
static void append_datapoints(struct buf *out, const struct evaluation *evaluation, bool breaching)
{
    int total = evaluation->used_count;
    int told = breaching ? evaluation->breaching : total - evaluation->breaching;
    bool many = told >= TOLD_MAX;
    if (counts_datapoints(evaluation))
        buf_printf(out, "%d out of the last %d datapoints ", told, total);
    else
        buf_printf(out, "%d datapoint%s ", told, told == 1 ? "" : "s");
    if (!many) {
        append_newest(out, evaluation, breaching);
        buf_append_char(out, ' ');
    }
    buf_printf(out, "%s%s %s the threshold (", told == 1 ? "was" : "were", breaching ? "" : " not",
               comparison_words(evaluation->alarm));
    append_number(out, evaluation->threshold);
    buf_append_char(out, ')');
    if (many) {
        buf_append_string(out, ". The most recent datapoints which crossed the threshold: ");
        append_newest(out, evaluation, breaching);
    }
}

/* How many datapoints the transition takes. */
static void append_transition(struct buf *out, const struct evaluation *evaluation,
                              const char *state)
{
    bool alarm = !strcmp(state, "ALARM");
    int least = alarm ? evaluation->needed : evaluation->periods - evaluation->needed + 1;
    if (!counts_datapoints(evaluation))
        return;
    buf_printf(out, " (minimum %d datapoint%s for %s transition)", least, least == 1 ? "" : "s",
               alarm ? "OK -> ALARM" : "ALARM -> OK");
}

static void append_missing(struct buf *out, const struct evaluation *evaluation)
{
    bool breaching = doc_is(evaluation->alarm, "TreatMissingData", "breaching");
    buf_printf(out,
               "no datapoints were received for %d period%s and %d missing datapoint%s treated as "
               "[%s]",
               evaluation->periods, evaluation->periods == 1 ? "" : "s", evaluation->missing,
               evaluation->missing == 1 ? " was" : "s were",
               breaching ? "Breaching" : "NonBreaching");
}

static json_t *make_reason(const struct evaluation *evaluation, const char *state)
{
    auto_buf text = {0};
    if (!strcmp(state, "INSUFFICIENT_DATA")) {
        buf_printf(&text, "Insufficient Data: %d datapoint%s unknown.", evaluation->periods,
                   evaluation->periods == 1 ? " was" : "s were");
        return json_string(text.data);
    }
    bool breaching = !strcmp(state, "ALARM");
    int told = breaching ? evaluation->breaching : evaluation->used_count - evaluation->breaching;
    buf_append_string(&text, "Threshold Crossed: ");
    if (told) {
        append_datapoints(&text, evaluation, breaching);
        append_transition(&text, evaluation, state);
    } else {
        append_missing(&text, evaluation);
    }
    buf_append_char(&text, '.');
    return json_string(text.data);
}

static json_t *time_text(int64_t time_ms)
{
    auto_buf text = {0};
    append_time(&text, "%Y-%m-%dT%H:%M:%S", time_ms);
    buf_printf(&text, ".%03d+0000", (int)(time_ms % 1000));
    return json_string(text.data);
}

/*
 * StateReasonData: a JSON object in a string, with the newest datapoints. The recent ones are
 * oldest first, as AWS has them.
 */
static json_t *make_data(const struct evaluation *evaluation, int64_t now_ms)
{
    json_t *recent = json_array(), *evaluated = json_array();
    for (int i = 0; i < evaluation->used_count && i < DATA_TOLD_MAX; i++) {
        const struct alarm_datapoint *datapoint = evaluation->used[i];
        json_array_insert_new(recent, 0, json_real(datapoint->value));
        json_array_append_new(evaluated,
                              json_pack("{s:o, s:f, s:f}", "timestamp",
                                        time_text(datapoint->start_ms), "sampleCount",
                                        datapoint->sample_count, "value", datapoint->value));
    }
    const json_t *alarm = evaluation->alarm;
    json_t *statistic = json_object_get(alarm, "Statistic");
    json_auto_t *data =
        json_pack("{s:s, s:o, s:o*, s:I, s:o, s:f, s:o}", "version", "1.0", "queryDate",
                  time_text(now_ms), "statistic",
                  json_incref(statistic ? statistic : json_object_get(alarm, "ExtendedStatistic")),
                  "period", (json_int_t)(alarm_period_ms(alarm) / 1000), "recentDatapoints", recent,
                  "threshold", evaluation->threshold, "evaluatedDatapoints", evaluated);
    if (evaluation->used_count)
        json_object_set_new(data, "startDate",
                            time_text(evaluation->used[evaluation->used_count - 1]->start_ms));
    char *text = json_dumps(data, JSON_COMPACT);
    json_t *result = json_string(text ? text : "{}");
    free(text);
    return result;
}

struct alarm_verdict alarm_judge(const json_t *alarm, const struct alarm_datapoint *datapoints,
                                 size_t count, int64_t now_ms)
{
    struct evaluation evaluation;
    begin_evaluation(&evaluation, alarm, datapoints, count);
    struct alarm_verdict verdict = {
        .state = decide(&evaluation, datapoints, count),
        .newest = evaluation.used_count ? evaluation.used[0]->value : NAN,
    };
    if (!verdict.state || doc_is(alarm, "StateValue", verdict.state))
        return verdict;
    verdict.reason = make_reason(&evaluation, verdict.state);
    verdict.data = make_data(&evaluation, now_ms);
    return verdict;
}

void alarm_verdict_finish(struct alarm_verdict *verdict)
{
    json_decref(verdict->reason);
    json_decref(verdict->data);
}

#include "service/cloudwatch/queries.h"

#include "base/cleanup.h"
#include "service/accept.h"
#include "service/cloudwatch/search.h"
#include "service/doc.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MS = 60 * 1000,
    FOUND_MAX = 100, /* metrics of a search */
    DEPTH_MAX = 16,  /* expressions that name expressions */
};

enum query_state { QUERY_NEW, QUERY_BUSY, QUERY_DONE };

struct query {
    struct expression *expression;
    enum query_state state;
    struct math_value value;
};

struct queries {
    const json_t *list;
    const struct series_store *series;
    const char *region;
    int64_t from_ms, to_ms;
    struct math_memory memory;
    int depth; /* of the query that is being evaluated */
    struct query *each;
    struct series_point *points; /* where metrics are read to, one at a time */
    size_t points_size;
};

/* The place of the query with this id; the size of the list if there is none. */
static size_t find_query(const json_t *list, const char *id)
{
    size_t i = 0;
    while (i < json_array_size(list) && !doc_is(json_array_get(list, i), "Id", id))
        i++;
    return i;
}

/* ---- checking ---- */

static bool is_query_id(const char *id)
{
    if (!islower((unsigned char)*id))
        return false;
    for (const char *c = id; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

static int check_id(const json_t *list, size_t index, struct err *err)
{
    const char *id = doc_text(json_array_get(list, index), "Id");
    if (!is_query_id(id))
        return err_aws(
            err, "ValidationError",
            "The value '%.200s' for the Id of a metric data query is not valid: it must "
            "begin with a lowercase letter and have only letters, digits and underscores",
            id);
    if (find_query(list, id) < index)
        return err_aws(err, "ValidationError", "The Id '%s' is not unique", id);
    return 0;
}

static int check_named(void *arg, const char *id)
{
    return find_query(arg, id) < json_array_size(arg) ? 0 : -1;
}

static int check_expression(const json_t *list, const char *id, const char *text, struct err *err)
{
    struct err syntax = {0};
    struct expression *expression = expression_parse(text, &syntax);
    int result = -1;
    if (!expression)
        err_aws(err, "ValidationError", "Error in expression '%s': %s", id, syntax.text);
    else if (expression_each_id(expression, check_named, (void *)list) < 0)
        err_aws(err, "ValidationError",
                "Error in expression '%s': it names a metric that is not in the request", id);
    else
        result = math_check(expression, err);
    expression_free(expression);
    return result;
}

static int check_stat(const json_t *stat, struct err *err)
{
    struct statistic statistic;
    if (call_accept(stat, "Metric Period Stat Unit", err) < 0)
        return -1;
    if (!statistic_parse(doc_text(stat, "Stat"), &statistic))
        return err_aws(err, "ValidationError",
                       "The value '%.100s' for the parameter Stat is not valid",
                       doc_text(stat, "Stat"));
    return metric_check_period(doc_number(stat, "Period"), err);
}

static int check_query(const json_t *list, size_t index, struct err *err)
{
    const json_t *query = json_array_get(list, index);
    const json_t *stat = json_object_get(query, "MetricStat");
    const char *id = doc_text(query, "Id"), *expression = doc_text(query, "Expression");
    if (call_accept(query, "Id MetricStat Expression Period Label ReturnData", err) < 0 ||
        check_id(list, index, err) < 0)
        return -1;
    if (!stat == !*expression)
        return err_aws(err, "ValidationError",
                       "The metric data query '%s' must have either a MetricStat or an Expression",
                       id);
    if (strstr(doc_text(query, "Label"), "${"))
        return err_aws(err, "UnsupportedOperation",
                       "Dynamic labels are not supported by Pileus yet");
    if (stat)
        return check_stat(stat, err);
    if (json_object_get(query, "Period") &&
        metric_check_period(doc_number(query, "Period"), err) < 0)
        return -1;
    return check_expression(list, id, expression, err);
}

int queries_check(const json_t *list, struct err *err)
{
    if (json_array_size(list) > QUERIES_MAX)
        return err_aws(err, "ValidationError", "The number of metric data queries cannot exceed %d",
                       QUERIES_MAX);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (check_query(list, i, err) < 0)
            return -1;
    return 0;
}

/* ---- opening ---- */

struct queries *queries_open(const json_t *list, const struct series_store *series,
                             const char *region, int64_t from_ms, int64_t to_ms, struct err *err)
{
    struct queries *queries = calloc(1, sizeof *queries);
    struct query *each = calloc(json_array_size(list) + 1, sizeof *each);
    if (!queries || !each) {
        free(queries);
        free(each);
        err_set(err, "out of memory");
        return NULL;
    }
    *queries = (struct queries){.list = list,
                                .series = series,
                                .region = region,
                                .from_ms = from_ms,
                                .to_ms = to_ms,
                                .each = each};
    return queries;
}

void queries_free(struct queries *queries)
{
    if (!queries)
        return;
    for (size_t i = 0; i < json_array_size(queries->list); i++)
        expression_free(queries->each[i].expression);
    math_memory_finish(&queries->memory);
    free(queries->each);
    free(queries->points);
    free(queries);
}

/* ---- metrics ---- */

/* Room for the points of a period, which are `limit` at most. */
static bool make_room(struct queries *queries, size_t limit)
{
    if (limit <= queries->points_size)
        return true;
    struct series_point *grown = realloc(queries->points, limit * sizeof *grown);
    if (grown) {
        queries->points = grown;
        queries->points_size = limit;
    }
    return grown != NULL;
}

/* `series` NULL: a metric without data. */
static int read_series(struct queries *queries, const struct series *series,
                       const struct statistic *statistic, int64_t period_ms, const char *label,
                       struct math_series *out, struct err *err)
{
    int64_t from_ms = queries->from_ms - queries->from_ms % period_ms;
    size_t limit = metric_points_max(from_ms, queries->to_ms, period_ms), count = 0;
    *out = (struct math_series){.label = label, .period_ms = period_ms};
    if (!make_room(queries, limit))
        return err_set(err, "out of memory");
    if (series)
        count = series_read(series, from_ms, queries->to_ms, period_ms, queries->points, limit);
    out->points = math_alloc(&queries->memory, count, sizeof *out->points, err);
    if (!out->points)
        return -1;
    for (size_t i = 0; i < count; i++) {
        double value = statistic_value(series, statistic, &queries->points[i], period_ms);
        if (isfinite(value))
            out->points[out->count++] = (struct math_point){queries->points[i].start_ms, value};
    }
    return 0;
}

static int read_metric(struct queries *queries, const json_t *stat, struct math_value *ret_value,
                       struct err *err)
{
    struct statistic statistic = {.kind = STATISTIC_AVERAGE};
    struct metric metric;
    struct math_series *series = math_alloc(&queries->memory, 1, sizeof *series, err);
    if (!series)
        return -1;
    statistic_parse(doc_text(stat, "Stat"), &statistic);
    metric_read(queries->region, json_object_get(stat, "Metric"), &metric);
    *ret_value = (struct math_value){.kind = MATH_SERIES, .series = series, .count = 1};
    return read_series(queries, metric_find(queries->series, &metric, doc_text(stat, "Unit")),
                       &statistic, doc_number(stat, "Period") * 1000, metric.key.metric, series,
                       err);
}

/* ---- what expressions can name ---- */

static int find(void *arg, const char *id, struct math_value *ret_value, struct err *err)
{
    struct queries *queries = arg;
    return queries_value(queries, find_query(queries->list, id), ret_value, err);
}

static int find_metrics(void *arg, const char *part, struct math_value *ret_value, struct err *err)
{
    struct queries *queries = arg;
    size_t total = json_array_size(queries->list);
    *ret_value = (struct math_value){.kind = MATH_LIST};
    ret_value->series = math_alloc(&queries->memory, total, sizeof *ret_value->series, err);
    if (!ret_value->series)
        return -1;
    for (size_t i = 0; i < total; i++) {
        const json_t *query = json_array_get(queries->list, i);
        struct math_value value;
        if (!json_object_get(query, "MetricStat") || (part && !strstr(doc_text(query, "Id"), part)))
            continue;
        if (queries_value(queries, i, &value, err) < 0)
            return -1;
        ret_value->series[ret_value->count++] = value.series[0];
    }
    return 0;
}

/* What a search has found so far. */
struct finding {
    const struct search *search;
    const struct series *found[FOUND_MAX];
    size_t count;
};

static bool note_found(void *arg, const struct series *series)
{
    struct finding *finding = arg;
    if (search_finds(finding->search, series_key(series)))
        finding->found[finding->count++] = series;
    return finding->count < FOUND_MAX;
}

/* "<values of dimensions> <metric>", in memory of the queries. */
static const char *label_of(struct queries *queries, const struct series_key *key, struct err *err)
{
    size_t size = strlen(key->metric) + 1, at = 0;
    for (size_t i = 0; i < key->dimension_count; i++)
        size += strlen(key->dimensions[i].value) + 1;
    char *label = math_alloc(&queries->memory, size, 1, err);
    for (size_t i = 0; label && i < key->dimension_count; i++)
        at += (size_t)snprintf(label + at, size - at, "%s ", key->dimensions[i].value);
    if (label)
        snprintf(label + at, size - at, "%s", key->metric);
    return label;
}

static int compare_labels(const void *left, const void *right)
{
    return strcmp(((const struct math_series *)left)->label,
                  ((const struct math_series *)right)->label);
}

static int search_metrics(void *arg, const char *text, const char *statistic_text,
                          int64_t period_ms, struct math_value *ret_value, struct err *err)
{
    struct queries *queries = arg;
    struct statistic statistic;
    if (!statistic_parse(statistic_text, &statistic))
        return err_aws(err, "ValidationError", "The statistic '%.100s' of a search is not valid.",
                       statistic_text);
    struct search *search = search_parse(text, err);
    if (!search)
        return -1;
    struct finding finding = {.search = search};
    series_each(queries->series, queries->region, note_found, &finding);
    search_free(search);
    *ret_value = (struct math_value){.kind = MATH_LIST, .count = finding.count};
    ret_value->series = math_alloc(&queries->memory, finding.count, sizeof *ret_value->series, err);
    if (!ret_value->series)
        return -1;
    for (size_t i = 0; i < finding.count; i++) {
        const char *label = label_of(queries, series_key(finding.found[i]), err);
        if (!label || read_series(queries, finding.found[i], &statistic, period_ms, label,
                                  &ret_value->series[i], err) < 0)
            return -1;
    }
    if (finding.count)
        qsort(ret_value->series, finding.count, sizeof *ret_value->series, compare_labels);
    return 0;
}

/* ---- periods ---- */

int64_t queries_period_ms(const json_t *list)
{
    int64_t longest_s = 0;
    size_t i;
    const json_t *query;
    json_array_foreach (list, i, query) {
        int64_t period_s = doc_number(json_object_get(query, "MetricStat"), "Period");
        longest_s = period_s > longest_s ? period_s : longest_s;
    }
    return longest_s ? longest_s * 1000 : MINUTE_MS;
}

/* ---- values ---- */

static int evaluate(struct queries *queries, size_t index, struct err *err)
{
    struct query *query = &queries->each[index];
    const json_t *doc = json_array_get(queries->list, index);
    int64_t own_s = doc_number(doc, "Period");
    struct math_scope scope = {
        .memory = &queries->memory,
        .from_ms = queries->from_ms,
        .to_ms = queries->to_ms,
        .period_ms = own_s ? own_s * 1000 : queries_period_ms(queries->list),
        .arg = queries,
        .find = find,
        .metrics = find_metrics,
        .search = search_metrics,
    };
    scope.from_ms -= scope.from_ms % scope.period_ms;
    if (json_object_get(doc, "MetricStat"))
        return read_metric(queries, json_object_get(doc, "MetricStat"), &query->value, err);
    query->expression = expression_parse(doc_text(doc, "Expression"), err);
    return query->expression ? math_evaluate(&scope, query->expression, &query->value, err) : -1;
}

int queries_value(struct queries *queries, size_t index, struct math_value *ret_value,
                  struct err *err)
{
    struct query *query = &queries->each[index];
    const char *id = doc_text(json_array_get(queries->list, index), "Id");
    if (query->state == QUERY_BUSY)
        return err_aws(err, "ValidationError",
                       "Error in expression '%s': expressions name each other in a circle", id);
    if (query->state == QUERY_NEW) {
        if (queries->depth == DEPTH_MAX)
            return err_aws(err, "ValidationError",
                           "Error in expression '%s': too many expressions stand on each other",
                           id);
        query->state = QUERY_BUSY;
        queries->depth++;
        int result = evaluate(queries, index, err);
        queries->depth--;
        if (result < 0)
            return result;
        query->state = QUERY_DONE;
    }
    *ret_value = query->value;
    return 0;
}

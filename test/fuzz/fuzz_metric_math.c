#include "base/cleanup.h"
#include "service/cloudwatch/math.h"
#include "service/cloudwatch/search.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MINUTE_MS = 60000, MINUTES = 4 };

/* Every name is a series of its first letters' values. */
static int find(void *arg, const char *id, struct math_value *ret_value, struct err *err)
{
    struct math_series *series = math_alloc(arg, 1, sizeof *series, err);
    if (!series)
        return -1;
    *ret_value = (struct math_value){.kind = MATH_SERIES, .series = series, .count = 1};
    series->period_ms = MINUTE_MS;
    series->points = math_alloc(arg, MINUTES, sizeof *series->points, err);
    for (int i = 0; series->points && i < MINUTES && id[i]; i++)
        if (id[i] != '_')
            series->points[series->count++] = (struct math_point){i * MINUTE_MS, id[i]};
    return series->points ? 0 : -1;
}

static int metrics(void *arg, const char *part, struct math_value *ret_value, struct err *err)
{
    (void)part;
    if (find(arg, "ab_d", ret_value, err) < 0)
        return -1;
    ret_value->kind = MATH_LIST;
    return 0;
}

static int search(void *arg, const char *query, const char *statistic, int64_t period_ms,
                  struct math_value *ret_value, struct err *err)
{
    const struct series_dimension dimension = {"Name", "value"};
    const struct series_key key = {"region", "App", "Latency", &dimension, 1};
    struct search *parsed = search_parse(query, err);
    if (!parsed)
        return -1;
    search_finds(parsed, &key);
    search_free(parsed);
    (void)period_ms;
    return metrics(arg, statistic, ret_value, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = strndup((const char *)data, size);
    struct err err;
    auto_math_memory memory = {0};
    struct math_scope scope = {&memory, 0,     MINUTES * MINUTE_MS, MINUTE_MS, &memory, find,
                               metrics, search};
    struct math_value value;
    struct expression *expression = expression_parse(text, &err);
    if (expression)
        math_evaluate(&scope, expression, &value, &err);
    expression_free(expression);
    return 0;
}

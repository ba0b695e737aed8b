#include "service/cloudwatch/math.h"

#include "service/cloudwatch/math_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMORY_MAX = 64 * 1024 * 1024,
    ARGUMENTS_MAX = 16, /* of a function; more may stand in a list */
};

/* ---- memory ---- */

void *math_alloc(struct math_memory *memory, size_t count, size_t size, struct err *err)
{
    size_t bytes = count * size; /* no count is near 2^48, no size near 2^16 */
    if (bytes > MEMORY_MAX - memory->taken_bytes) {
        err_aws(err, "ValidationError", "The expression has too many datapoints to compute.");
        return NULL;
    }
    if (memory->count == memory->capacity) {
        size_t capacity = memory->capacity ? memory->capacity * 2 : 16;
        void **grown = realloc(memory->blocks, capacity * sizeof *grown);
        if (!grown) {
            err_set(err, "out of memory");
            return NULL;
        }
        memory->blocks = grown;
        memory->capacity = capacity;
    }
    void *block = calloc(count ? count : 1, size);
    if (!block) {
        err_set(err, "out of memory");
        return NULL;
    }
    memory->blocks[memory->count++] = block;
    memory->taken_bytes += bytes;
    return block;
}

void math_memory_finish(struct math_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++)
        free(memory->blocks[i]);
    free(memory->blocks);
    *memory = (struct math_memory){0};
}

/* ---- values ---- */

struct math_value math_number(double number)
{
    return (struct math_value){.kind = MATH_NUMBER, .number = number};
}

bool math_has_series(const struct math_value *value)
{
    return value->kind == MATH_SERIES || value->kind == MATH_LIST;
}

int math_make_series(const struct math_scope *scope, int64_t period_ms, size_t count,
                     struct math_value *ret_value, struct err *err)
{
    struct math_series *series = math_alloc(scope->memory, 1, sizeof *series, err);
    if (!series)
        return -1;
    *ret_value = (struct math_value){.kind = MATH_SERIES, .series = series, .count = 1};
    series->period_ms = period_ms;
    series->points = math_alloc(scope->memory, count, sizeof *series->points, err);
    return series->points ? 0 : -1;
}

void math_add_point(struct math_series *series, int64_t start_ms, double value)
{
    if (isfinite(value))
        series->points[series->count++] = (struct math_point){start_ms, value};
}

static int compare_times(const void *key, const void *element)
{
    int64_t wanted = *(const int64_t *)key;
    int64_t found = ((const struct math_point *)element)->start_ms;
    return (wanted > found) - (wanted < found);
}

double math_at(const struct math_series *series, int64_t start_ms)
{
    const struct math_point *point =
        bsearch(&start_ms, series->points, series->count, sizeof *series->points, compare_times);
    return point ? point->value : NAN;
}

/* ---- combining ---- */

static int combine_series(const struct math_scope *scope, double (*operation)(double, double),
                          const struct math_series *left, const struct math_series *right,
                          struct math_series *ret_series, struct err *err)
{
    struct math_value made;
    int64_t period_ms = left->period_ms > right->period_ms ? left->period_ms : right->period_ms;
    if (math_make_series(scope, period_ms, left->count, &made, err) < 0)
        return -1;
    for (size_t i = 0; i < left->count; i++)
        math_add_point(made.series, left->points[i].start_ms,
                       operation(left->points[i].value, math_at(right, left->points[i].start_ms)));
    *ret_series = *made.series;
    ret_series->label = left->label ? left->label : right->label;
    return 0;
}

/* A series that has the number wherever `like` has a datapoint. */
static int spread(const struct math_scope *scope, double number, const struct math_series *like,
                  struct math_series *ret_series, struct err *err)
{
    struct math_value made;
    if (math_make_series(scope, like->period_ms, like->count, &made, err) < 0)
        return -1;
    for (size_t i = 0; i < like->count; i++)
        math_add_point(made.series, like->points[i].start_ms, number);
    *ret_series = *made.series;
    return 0;
}

/* The operand for the series at `index` of the other one. */
static int operand_at(const struct math_scope *scope, const struct math_value *operand,
                      const struct math_value *other, size_t index, struct math_series *ret_series,
                      struct err *err)
{
    if (operand->kind == MATH_NUMBER)
        return spread(scope, operand->number, &other->series[index], ret_series, err);
    *ret_series = operand->series[operand->kind == MATH_LIST ? index : 0];
    return 0;
}

int math_combine(const struct math_scope *scope, double (*operation)(double, double),
                 const struct math_value *left, const struct math_value *right,
                 struct math_value *ret_value, struct err *err)
{
    if (left->kind == MATH_TEXT || left->kind == MATH_WORD || right->kind == MATH_TEXT ||
        right->kind == MATH_WORD)
        return err_aws(err, "ValidationError", "Text cannot be computed with.");
    if (left->kind == MATH_LIST && right->kind == MATH_LIST)
        return err_aws(err, "ValidationError", "Two arrays of time series cannot be combined.");
    if (left->kind == MATH_NUMBER && right->kind == MATH_NUMBER) {
        *ret_value = math_number(operation(left->number, right->number));
        return 0;
    }
    bool many = left->kind == MATH_LIST || right->kind == MATH_LIST;
    size_t count = left->kind == MATH_LIST    ? left->count
                   : right->kind == MATH_LIST ? right->count
                                              : 1;
    struct math_series *made = math_alloc(scope->memory, count, sizeof *made, err);
    if (!made)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct math_series a, b;
        if (operand_at(scope, left, right, i, &a, err) < 0 ||
            operand_at(scope, right, left, i, &b, err) < 0 ||
            combine_series(scope, operation, &a, &b, &made[i], err) < 0)
            return -1;
    }
    *ret_value =
        (struct math_value){.kind = many ? MATH_LIST : MATH_SERIES, .series = made, .count = count};
    return 0;
}

int math_map_series(const struct math_call *call, math_series_map *map,
                    struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0];
    if (!math_has_series(in))
        return math_refuse(call, "needs a time series");
    struct math_series *made = math_alloc(call->scope->memory, in->count, sizeof *made, call->err);
    if (!made)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        made[i] = (struct math_series){.label = in->series[i].label,
                                       .period_ms = in->series[i].period_ms};
        made[i].points =
            math_alloc(call->scope->memory, in->series[i].count, sizeof *made[i].points, call->err);
        if (!made[i].points)
            return -1;
        map(call, &in->series[i], &made[i]);
    }
    *ret_value = (struct math_value){.kind = in->kind, .series = made, .count = in->count};
    return 0;
}

/* ---- operators ---- */

/* A comparison with what is missing is missing too. */
static double truth(bool value, double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : value;
}

static double or_(double a, double b)
{
    return truth(a != 0 || b != 0, a, b);
}
static double and_(double a, double b)
{
    return truth(a != 0 && b != 0, a, b);
}
static double equal(double a, double b)
{
    return truth(a == b, a, b);
}
static double not_equal(double a, double b)
{
    return truth(a != b, a, b);
}
static double less_or_equal(double a, double b)
{
    return truth(a <= b, a, b);
}
static double greater_or_equal(double a, double b)
{
    return truth(a >= b, a, b);
}
static double less(double a, double b)
{
    return truth(a < b, a, b);
}
static double greater(double a, double b)
{
    return truth(a > b, a, b);
}
static double add(double a, double b)
{
    return a + b;
}
static double subtract(double a, double b)
{
    return a - b;
}
static double multiply(double a, double b)
{
    return a * b;
}
static double divide(double a, double b)
{
    return b == 0 ? NAN : a / b;
}

static double (*const operations[])(double, double) = {
    [OPERATOR_OR] = or_,
    [OPERATOR_AND] = and_,
    [OPERATOR_EQUAL] = equal,
    [OPERATOR_NOT_EQUAL] = not_equal,
    [OPERATOR_LESS_OR_EQUAL] = less_or_equal,
    [OPERATOR_GREATER_OR_EQUAL] = greater_or_equal,
    [OPERATOR_LESS] = less,
    [OPERATOR_GREATER] = greater,
    [OPERATOR_ADD] = add,
    [OPERATOR_SUBTRACT] = subtract,
    [OPERATOR_MULTIPLY] = multiply,
    [OPERATOR_DIVIDE] = divide,
    [OPERATOR_POWER] = pow,
    [OPERATOR_NEGATE] = subtract, /* from zero */
    [OPERATOR_NOT] = equal,       /* to zero */
};

static int evaluate_operator(const struct math_scope *scope, const struct expression *expression,
                             struct math_value *ret_value, struct err *err)
{
    struct math_value operands[2] = {math_number(0)};
    size_t first = 2 - expression->part_count;
    for (size_t i = 0; i < expression->part_count; i++)
        if (math_evaluate(scope, expression->parts[i], &operands[first + i], err) < 0)
            return -1;
    return math_combine(scope, operations[expression->operator], & operands[0], &operands[1],
                        ret_value, err);
}

/* ---- lists and calls ---- */

static int evaluate_list(const struct math_scope *scope, const struct expression *expression,
                         struct math_value *ret_value, struct err *err)
{
    *ret_value = (struct math_value){.kind = MATH_LIST};
    for (size_t i = 0; i < expression->part_count; i++) {
        struct math_value part;
        if (math_evaluate(scope, expression->parts[i], &part, err) < 0)
            return -1;
        if (!math_has_series(&part))
            return err_aws(err, "ValidationError", "An array can have time series only.");
        struct math_series *joined =
            math_alloc(scope->memory, ret_value->count + part.count, sizeof *joined, err);
        if (!joined)
            return -1;
        if (ret_value->count)
            memcpy(joined, ret_value->series, ret_value->count * sizeof *joined);
        if (part.count)
            memcpy(joined + ret_value->count, part.series, part.count * sizeof *joined);
        ret_value->series = joined;
        ret_value->count += part.count;
    }
    return 0;
}

static const struct math_function *find_function(const char *name)
{
    static const struct math_function *const tables[] = {
        math_plain_functions, math_reducing_functions, math_time_functions};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct math_function *row = tables[i]; row->name; row++)
            if (!strcmp(row->name, name))
                return row;
    return NULL;
}

bool math_has_function(const char *name)
{
    return find_function(name) != NULL;
}

int math_refuse(const struct math_call *call, const char *what)
{
    return err_aws(call->err, "ValidationError", "The function %s %s.", call->name, what);
}

static int check_call(const struct expression *expression, struct err *err)
{
    const struct math_function *function = find_function(expression->text);
    if (!function)
        return err_aws(err, "ValidationError", "Unsupported function %.64s.", expression->text);
    if (expression->part_count < function->arguments_min ||
        expression->part_count > function->arguments_max)
        return err_aws(err, "ValidationError", "Wrong number of arguments for the function %s.",
                       expression->text);
    return 0;
}

int math_check(const struct expression *expression, struct err *err)
{
    if (expression->kind == EXPRESSION_CALL && check_call(expression, err) < 0)
        return -1;
    for (size_t i = 0; i < expression->part_count; i++)
        if (math_check(expression->parts[i], err) < 0)
            return -1;
    return 0;
}

static int evaluate_call(const struct math_scope *scope, const struct expression *expression,
                         struct math_value *ret_value, struct err *err)
{
    struct math_value arguments[ARGUMENTS_MAX];
    if (check_call(expression, err) < 0)
        return -1;
    for (size_t i = 0; i < expression->part_count; i++)
        if (math_evaluate(scope, expression->parts[i], &arguments[i], err) < 0)
            return -1;
    const struct math_call call = {scope, expression->text, arguments, expression->part_count, err};
    return find_function(expression->text)->apply(&call, ret_value);
}

int math_evaluate(const struct math_scope *scope, const struct expression *expression,
                  struct math_value *ret_value, struct err *err)
{
    switch (expression->kind) {
    case EXPRESSION_NUMBER:
        *ret_value = math_number(expression->number);
        return 0;
    case EXPRESSION_TEXT:
    case EXPRESSION_WORD:
        *ret_value =
            (struct math_value){.kind = expression->kind == EXPRESSION_TEXT ? MATH_TEXT : MATH_WORD,
                                .text = expression->text};
        return 0;
    case EXPRESSION_ID:
        return scope->find(scope->arg, expression->text, ret_value, err);
    case EXPRESSION_LIST:
        return evaluate_list(scope, expression, ret_value, err);
    case EXPRESSION_CALL:
        return evaluate_call(scope, expression, ret_value, err);
    case EXPRESSION_OPERATOR:
        return evaluate_operator(scope, expression, ret_value, err);
    }
    return err_set(err, "an expression of unknown kind");
}

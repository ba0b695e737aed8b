/*
 * Metric math: the value of an expression. Pure; what the expression names is lent by the scope.
 *
 * A value is a number, a time series, or a list of time series. Series meet where both have a
 * datapoint: where one is missing, so is the result, and so is what is not a finite number.
 */
#pragma once

#include "base/err.h"
#include "service/cloudwatch/expression.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct math_point {
    int64_t start_ms;
    double value;
};

struct math_series {
    const char *label; /* NULL: whatever the query is called */
    int64_t period_ms;
    struct math_point *points; /* ascending, finite */
    size_t count;
};

enum math_kind { MATH_NUMBER, MATH_SERIES, MATH_LIST, MATH_TEXT, MATH_WORD };

struct math_value {
    enum math_kind kind;
    double number;
    const char *text;           /* of a text, or a keyword in upper case */
    struct math_series *series; /* one, or those of a list */
    size_t count;
};

/* All memory of an evaluation; bounded, and freed at once. Begins as {0}. */
struct math_memory {
    void **blocks;
    size_t count, capacity;
    size_t taken_bytes;
};
/* Zeroed memory; NULL and err when there is no more. */
void *math_alloc(struct math_memory *memory, size_t count, size_t size, struct err *err);
void math_memory_finish(struct math_memory *memory);
#define auto_math_memory __attribute__((cleanup(math_memory_finish))) struct math_memory

/* What an expression can name. Values are made in `memory`. */
struct math_scope {
    struct math_memory *memory;
    int64_t from_ms, to_ms; /* what is asked for */
    int64_t period_ms;      /* of series that the expression makes itself */
    void *arg;
    /* The value of another query. */
    int (*find)(void *arg, const char *id, struct math_value *ret_value, struct err *err);
    /* METRICS(): all metrics of the request, or those whose id has `part` in it (NULL: all). */
    int (*metrics)(void *arg, const char *part, struct math_value *ret_value, struct err *err);
    /* SEARCH(): a list, which may be empty. */
    int (*search)(void *arg, const char *query, const char *statistic, int64_t period_ms,
                  struct math_value *ret_value, struct err *err);
};

/* Whether there is such a function (its name in upper case), and it can be computed here. */
bool math_has_function(const char *name);
/* Fails if the expression calls a function that there is not, or with too many or few arguments. */
int math_check(const struct expression *expression, struct err *err);
int math_evaluate(const struct math_scope *scope, const struct expression *expression,
                  struct math_value *ret_value, struct err *err);

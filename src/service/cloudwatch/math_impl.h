/* For the files of metric math. */
#pragma once

#include "service/cloudwatch/math.h"

/* A call of a function with its arguments evaluated. */
struct math_call {
    const struct math_scope *scope;
    const char *name;
    const struct math_value *arguments;
    size_t count;
    struct err *err;
};

struct math_function {
    const char *name;
    size_t arguments_min, arguments_max;
    int (*apply)(const struct math_call *call, struct math_value *ret_value);
};

/* Tables that end with a row without name: one number each; many to one; of time. */
extern const struct math_function math_plain_functions[], math_reducing_functions[],
    math_time_functions[];

struct math_value math_number(double number);
/* An error that names the function. Returns -1. */
int math_refuse(const struct math_call *call, const char *what);
bool math_has_series(const struct math_value *value);
/* A series without points that has room for `count`, as one value. */
int math_make_series(const struct math_scope *scope, int64_t period_ms, size_t count,
                     struct math_value *ret_value, struct err *err);
/* Appends a point if it is a number; there is room. */
void math_add_point(struct math_series *series, int64_t start_ms, double value);

/* One series made of another; `out` has room for as many points and no points yet. */
typedef void math_series_map(const struct math_call *call, const struct math_series *in,
                             struct math_series *out);
/* Maps the series of the first argument one by one: a series gives a series, a list a list. */
int math_map_series(const struct math_call *call, math_series_map *map,
                    struct math_value *ret_value);

/* Combines two values point by point. */
int math_combine(const struct math_scope *scope, double (*operation)(double, double),
                 const struct math_value *left, const struct math_value *right,
                 struct math_value *ret_value, struct err *err);
/* The value of a series at a time; NAN if it has none. */
double math_at(const struct math_series *series, int64_t start_ms);

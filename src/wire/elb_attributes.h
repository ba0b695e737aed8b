/*
 * The attributes of load balancers, listeners and target groups: AWS's keys, defaults and ranges,
 * for the API, which validates them, and for the balancer, which acts on them. Pure.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A value is a word, a number of the range, or, where there is neither, any text. */
struct elb_attribute {
    const char *key, *initial;
    const char *words;        /* separated by '|'; NULL: none */
    int64_t minimum, maximum; /* of a number; both 0: it cannot be one */
    size_t size_max;          /* of any text */
    const char *works;        /* the words that have their effect here; NULL: whatever AWS takes */
    enum { ELB_ANY_TEXT, ELB_HEADER_NAME, ELB_HEADER_VALUE } form; /* of any text */
};

/* Tables end with a NULL key. */
extern const struct elb_attribute elb_load_balancer_attributes[];
extern const struct elb_attribute elb_listener_attributes[];
extern const struct elb_attribute elb_target_group_attributes[];

/* The row of `key`, or NULL. */
const struct elb_attribute *elb_attribute_find(const struct elb_attribute *table, const char *key);
/* Whether `value` is one that AWS takes; its default always is. Err with AWS's text if not. */
int elb_attribute_check(const struct elb_attribute *attribute, const char *value, struct err *err);
/* Whether a value that AWS takes has its effect here. Err if not. */
int elb_attribute_works(const struct elb_attribute *attribute, const char *value, struct err *err);
/* The place of a value among the words, from 0; -1 if it is none of them. */
int elb_attribute_word(const struct elb_attribute *attribute, const char *value);

/* The value of `key` among somebody's attributes, or NULL for the default. */
typedef const char *elb_attribute_reader(const void *attributes, const char *key);

/* What the attributes of one target group exclude of each other. Err if they contradict. */
int elb_target_group_check(elb_attribute_reader *read, const void *attributes, struct err *err);

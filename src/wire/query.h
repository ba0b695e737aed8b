/* Parameters of a query string or a form body (application/x-www-form-urlencoded). */
#pragma once

#include "base/buf.h"

#include <stddef.h>

enum { QUERY_PARAMS_MAX = 20000 };

struct query_param {
    const char *name, *value; /* decoded, NUL-terminated, without NUL inside */
};

struct query {
    struct query_param *params; /* in the order of the text */
    size_t count;
    struct buf bytes; /* what the params point into */
};

/*
 * Parses `text` into `query`, which must be zeroed (and finished, also after a failure).
 * Returns 0, or -1 if the coding is broken, a NUL is inside, or there are too many.
 */
int query_parse(struct query *query, const char *text, size_t size);
/* The value of the first parameter with this name, or NULL. */
const char *query_get(const struct query *query, const char *name);
void query_finish(struct query *query);
#define auto_query __attribute__((cleanup(query_finish))) struct query

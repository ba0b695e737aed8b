/*
 * Filters of Describe operations: a table says where in a document the values of a filter are.
 * Values of one filter are alternatives, several filters must all match, and `*`, `?` and `\` work
 * as patterns. tag:Key, tag-key and tag-value work for every kind.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * A path is member names joined by dots; where it meets a list, any element counts:
 * {"attachment.vpc-id", "Attachments.VpcId"}. A member that no document has (of what there is not
 * here, such as IPv6) finds nothing, as on AWS where nobody uses it. Numbers compare as decimals,
 * booleans as "true" and "false". A name may have several rows: any of them matches. The table ends
 * with a NULL name.
 */
struct ec2_filter {
    const char *name, *path;
    bool is_time; /* compares as "2026-01-02T03:04:05.678Z" */
};

/* Checks names and number of values of the request's `Filters` (NULL: none). */
int ec2_filters_check(const json_t *filters, const struct ec2_filter *table, struct err *err);
/* Whether the document matches filters that were checked. */
bool ec2_filters_match(const json_t *filters, const struct ec2_filter *table, const json_t *doc);
/* Whether any value at `path` of the document equals `text` exactly. */
bool ec2_path_has(const json_t *doc, const char *path, const char *text);

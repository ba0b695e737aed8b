/* Transforms of rules: the host, and path and query, as the target sees them. */
#pragma once

#include "balancer/rules.h"

/* Loads the array "Transforms" of a rule (NULL: none). */
int transforms_load(struct snapshot *snapshot, const json_t *transforms, struct rule *rule,
                    struct err *err);

enum transform_result {
    TRANSFORM_NONE, /* no expression matched: the request goes on as it came */
    TRANSFORM_DONE,
    TRANSFORM_FAILED, /* what came out is no host or no URL */
};

/* What a target gets in place of what the client said; empty: as it was. */
struct transformed {
    struct slice host, url;
};

/* Applies the transforms of the rule. What they make lies in `out`. */
enum transform_result transform_request(const struct rule *rule, const struct request_facts *facts,
                                        struct writer *out, struct transformed *made);

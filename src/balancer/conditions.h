/* Conditions of rules: one row for each kind, loaded from the API's words. */
#pragma once

#include "balancer/rules.h"
#include "wire/glob.h"
#include "wire/rule_pattern.h"

/* One of the values that a condition compares with. */
struct condition_value {
    struct slice text;
    struct glob glob;    /* of `text`, unless there is a regex */
    struct regex *regex; /* NULL: none */
    struct glob key;     /* query-string; without a pattern: any key */
    struct rule_block block;
};

struct rule_condition {
    enum rule_field field;
    struct slice header_name; /* lower case */
    struct condition_value values[RULE_VALUES_MAX];
    int value_count;
};

/* Whether one of its values matches. */
bool condition_matches(const struct rule_condition *condition, const struct request_facts *facts);

/* Loads the array "Conditions" of a rule. The cheapest to compare come first. */
int conditions_load(struct snapshot *snapshot, const json_t *conditions, struct rule *rule,
                    struct err *err);

#include "balancer/rules.h"

#include "balancer/conditions.h"

const struct rule *rules_choose(const struct listener *listener, const struct request_facts *facts)
{
    for (int i = 0; i < listener->rule_count; i++) {
        const struct rule *rule = &listener->rules[i];
        int met = 0;
        while (met < rule->condition_count && condition_matches(&rule->conditions[met], facts))
            met++;
        if (met == rule->condition_count)
            return rule;
    }
    return NULL;
}

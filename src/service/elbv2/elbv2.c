/* The table of Elastic Load Balancing's operations, and the limits of an account. */
#include "service/elbv2/limits.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "wire/rule_pattern.h"

#include <stdio.h>

static const struct service_operation operations[] = {
#define X(name) {#name, elb_##name},
    ELB_OPERATIONS(X)
#undef X
        {NULL, NULL}};

const struct service elbv2_service = {.name = "elbv2", .operations = operations};

static const struct limit {
    const char *name;
    int maximum;
} limits[] = {
    {"application-load-balancers", ELB_LOAD_BALANCERS_MAX},
    {"listeners-per-application-load-balancer", ELB_LISTENERS_MAX},
    {"certificates-per-application-load-balancer", ELB_CERTIFICATES_MAX},
    {"rules-per-application-load-balancer", ELB_RULES_MAX},
    {"condition-values-per-alb-rule", RULE_VALUES_MAX},
    {"condition-wildcards-per-alb-rule", RULE_WILDCARDS_MAX},
    {"target-groups", ELB_TARGET_GROUPS_MAX},
    {"target-groups-per-action-on-application-load-balancer", ELB_TARGET_GROUPS_PER_ACTION_MAX},
    {"target-groups-per-application-load-balancer", ELB_TARGET_GROUPS_PER_LOAD_BALANCER_MAX},
    {"targets-per-target-group", ELB_TARGETS_PER_GROUP_MAX},
    {"targets-per-application-load-balancer", ELB_TARGETS_PER_LOAD_BALANCER_MAX},
};

int elb_DescribeAccountLimits(struct call *call, struct err *err)
{
    json_auto_t *all = json_array();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char maximum[16];
        snprintf(maximum, sizeof maximum, "%d", limits[i].maximum);
        json_array_append_new(all, json_pack("{s:s, s:s}", "Name", limits[i].name, "Max", maximum));
    }
    return elb_page(call, all, "Limits", err);
}

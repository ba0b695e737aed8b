/* AWS's default quotas of Elastic Load Balancing. */
#pragma once

enum {
    ELB_LOAD_BALANCERS_MAX = 50, /* of a region */
    ELB_LISTENERS_MAX = 50,      /* of a load balancer */
    ELB_CERTIFICATES_MAX = 25,   /* of a load balancer, without default ones */
    ELB_RULES_MAX = 100,         /* of a load balancer, without default rules */
    ELB_PRIORITY_MAX = 50000,
    ELB_TARGET_GROUPS_MAX = 3000, /* of a region */
    ELB_TARGET_GROUPS_PER_ACTION_MAX = 5,
    ELB_TARGET_GROUPS_PER_LOAD_BALANCER_MAX = 100,
    ELB_TARGETS_PER_GROUP_MAX = 1000,
    ELB_TARGETS_PER_LOAD_BALANCER_MAX = 1000,
};

/* The operations of Elastic Load Balancing that work: each X is a handler `elb_X`. */
#pragma once

#include "service/call.h"

#define ELB_OPERATIONS(X)                                                                          \
    X(AddListenerCertificates)                                                                     \
    X(AddTags)                                                                                     \
    X(CreateListener)                                                                              \
    X(CreateLoadBalancer)                                                                          \
    X(CreateRule)                                                                                  \
    X(CreateTargetGroup)                                                                           \
    X(DeleteListener)                                                                              \
    X(DeleteLoadBalancer)                                                                          \
    X(DeleteRule)                                                                                  \
    X(DeleteTargetGroup)                                                                           \
    X(DeregisterTargets)                                                                           \
    X(DescribeAccountLimits)                                                                       \
    X(DescribeCapacityReservation)                                                                 \
    X(DescribeListenerAttributes)                                                                  \
    X(DescribeListenerCertificates)                                                                \
    X(DescribeListeners)                                                                           \
    X(DescribeLoadBalancerAttributes)                                                              \
    X(DescribeLoadBalancers)                                                                       \
    X(DescribeRules)                                                                               \
    X(DescribeSSLPolicies)                                                                         \
    X(DescribeTags)                                                                                \
    X(DescribeTargetGroupAttributes)                                                               \
    X(DescribeTargetGroups)                                                                        \
    X(DescribeTargetHealth)                                                                        \
    X(ModifyListener)                                                                              \
    X(ModifyListenerAttributes)                                                                    \
    X(ModifyLoadBalancerAttributes)                                                                \
    X(ModifyRule)                                                                                  \
    X(ModifyTargetGroup)                                                                           \
    X(ModifyTargetGroupAttributes)                                                                 \
    X(RegisterTargets)                                                                             \
    X(RemoveListenerCertificates)                                                                  \
    X(RemoveTags)                                                                                  \
    X(SetIpAddressType)                                                                            \
    X(SetRulePriorities)                                                                           \
    X(SetSecurityGroups)                                                                           \
    X(SetSubnets)

#define X(name) service_handler elb_##name;
ELB_OPERATIONS(X)
#undef X

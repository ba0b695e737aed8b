/* The operations of CloudWatch that work: each X is a handler `cloudwatch_X`. */
#pragma once

#include "service/call.h"

#define CLOUDWATCH_OPERATIONS(X)                                                                   \
    X(DeleteAlarms)                                                                                \
    X(DeleteDashboards)                                                                            \
    X(DescribeAlarmHistory)                                                                        \
    X(DescribeAlarms)                                                                              \
    X(DescribeAlarmsForMetric)                                                                     \
    X(DisableAlarmActions)                                                                         \
    X(EnableAlarmActions)                                                                          \
    X(GetDashboard)                                                                                \
    X(GetMetricData)                                                                               \
    X(GetMetricStatistics)                                                                         \
    X(ListDashboards)                                                                              \
    X(ListMetrics)                                                                                 \
    X(ListTagsForResource)                                                                         \
    X(PutCompositeAlarm)                                                                           \
    X(PutDashboard)                                                                                \
    X(PutMetricAlarm)                                                                              \
    X(PutMetricData)                                                                               \
    X(SetAlarmState)                                                                               \
    X(TagResource)                                                                                 \
    X(UntagResource)

#define X(name) service_handler cloudwatch_##name;
CLOUDWATCH_OPERATIONS(X)
#undef X

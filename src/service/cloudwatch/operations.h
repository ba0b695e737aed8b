/* The operations of CloudWatch that work: each X is a handler `cloudwatch_X`. */
#pragma once

#include "service/call.h"

#define CLOUDWATCH_OPERATIONS(X)                                                                   \
    X(DeleteAlarms)                                                                                \
    X(DescribeAlarmHistory)                                                                        \
    X(DescribeAlarms)                                                                              \
    X(DescribeAlarmsForMetric)                                                                     \
    X(DisableAlarmActions)                                                                         \
    X(EnableAlarmActions)                                                                          \
    X(GetMetricData)                                                                               \
    X(GetMetricStatistics)                                                                         \
    X(ListMetrics)                                                                                 \
    X(ListTagsForResource)                                                                         \
    X(PutMetricAlarm)                                                                              \
    X(PutMetricData)                                                                               \
    X(SetAlarmState)                                                                               \
    X(TagResource)                                                                                 \
    X(UntagResource)

#define X(name) service_handler cloudwatch_##name;
CLOUDWATCH_OPERATIONS(X)
#undef X

/* The operations of Auto Scaling that work: a name X is the handler autoscaling_X. */
#pragma once

#include "service/call.h"
#include "service/page.h"

#define AUTOSCALING_OPERATIONS(X)                                                                  \
    X(AttachInstances)                                                                             \
    X(AttachLoadBalancerTargetGroups)                                                              \
    X(AttachLoadBalancers)                                                                         \
    X(AttachTrafficSources)                                                                        \
    X(BatchDeleteScheduledAction)                                                                  \
    X(BatchPutScheduledUpdateGroupAction)                                                          \
    X(CancelInstanceRefresh)                                                                       \
    X(CompleteLifecycleAction)                                                                     \
    X(CreateAutoScalingGroup)                                                                      \
    X(CreateLaunchConfiguration)                                                                   \
    X(CreateOrUpdateTags)                                                                          \
    X(DeleteAutoScalingGroup)                                                                      \
    X(DeleteLaunchConfiguration)                                                                   \
    X(DeleteLifecycleHook)                                                                         \
    X(DeleteNotificationConfiguration)                                                             \
    X(DeletePolicy)                                                                                \
    X(DeleteScheduledAction)                                                                       \
    X(DeleteTags)                                                                                  \
    X(DeleteWarmPool)                                                                              \
    X(DescribeAccountLimits)                                                                       \
    X(DescribeAccountSettings)                                                                     \
    X(DescribeAdjustmentTypes)                                                                     \
    X(DescribeAutoScalingGroups)                                                                   \
    X(DescribeAutoScalingInstances)                                                                \
    X(DescribeAutoScalingNotificationTypes)                                                        \
    X(DescribeInstanceRefreshes)                                                                   \
    X(DescribeLaunchConfigurations)                                                                \
    X(DescribeLifecycleHookTypes)                                                                  \
    X(DescribeLifecycleHooks)                                                                      \
    X(DescribeLoadBalancerTargetGroups)                                                            \
    X(DescribeLoadBalancers)                                                                       \
    X(DescribeMetricCollectionTypes)                                                               \
    X(DescribeNotificationConfigurations)                                                          \
    X(DescribePolicies)                                                                            \
    X(DescribeScalingActivities)                                                                   \
    X(DescribeScalingProcessTypes)                                                                 \
    X(DescribeScheduledActions)                                                                    \
    X(DescribeTags)                                                                                \
    X(DescribeTerminationPolicyTypes)                                                              \
    X(DescribeTrafficSources)                                                                      \
    X(DescribeWarmPool)                                                                            \
    X(DetachInstances)                                                                             \
    X(DetachLoadBalancerTargetGroups)                                                              \
    X(DetachLoadBalancers)                                                                         \
    X(DetachTrafficSources)                                                                        \
    X(DisableMetricsCollection)                                                                    \
    X(EnableMetricsCollection)                                                                     \
    X(EnterStandby)                                                                                \
    X(ExecutePolicy)                                                                               \
    X(ExitStandby)                                                                                 \
    X(GetPredictiveScalingForecast)                                                                \
    X(PutAccountSetting)                                                                           \
    X(PutLifecycleHook)                                                                            \
    X(PutNotificationConfiguration)                                                                \
    X(PutScalingPolicy)                                                                            \
    X(PutScheduledUpdateGroupAction)                                                               \
    X(PutWarmPool)                                                                                 \
    X(RecordLifecycleActionHeartbeat)                                                              \
    X(ResumeProcesses)                                                                             \
    X(RollbackInstanceRefresh)                                                                     \
    X(SetDesiredCapacity)                                                                          \
    X(SetInstanceHealth)                                                                           \
    X(SetInstanceProtection)                                                                       \
    X(StartInstanceRefresh)                                                                        \
    X(SuspendProcesses)                                                                            \
    X(TerminateInstanceInAutoScalingGroup)                                                         \
    X(UpdateAutoScalingGroup)

#define X(name) service_handler autoscaling_##name;
AUTOSCALING_OPERATIONS(X)
#undef X

/* Pages of 50 and at most 100 (most), of 50 (instances), and of 100 (activities, target groups). */
extern const struct paging autoscaling_paging, autoscaling_short_paging, autoscaling_long_paging;

/* A request may name 50 at most in one of its lists; `what` ("group names") they are. */
int autoscaling_check_names(const struct call *call, const char *list, const char *what,
                            struct err *err);

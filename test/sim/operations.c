#include "operations.h"

#include "service/doc.h"

#include <stdio.h>
#include <string.h>

enum { CAPACITY_MAX = 8 };

static const char group_kind[] = "auto-scaling-group";

static char target_group_arn[SIM_GROUPS][256];

static int pick(struct simulated_cloud *cloud, int limit)
{
    return (int)cloud_random(cloud, (uint64_t)limit);
}

/* "'subnet-...', 'subnet-...'" of the first two subnets, and their VPC. */
static void find_subnets(struct simulated_cloud *cloud, char vpc[32], char subnets[128])
{
    subnets[0] = '\0';
    store_each (cursor, cloud->store, "subnet", cloud->region) {
        size_t used = strlen(subnets);
        snprintf(vpc, 32, "%s", doc_text(cursor.doc, "VpcId"));
        if (used < 30)
            snprintf(subnets + used, 128 - used, "%s'%s'", used ? ", " : "", cursor.id);
    }
}

static void make_target_group(struct simulated_cloud *cloud, int index, const char *vpc,
                              const char *balancer)
{
    json_auto_t *out =
        cloud_call(cloud, "elbv2", "CreateTargetGroup",
                   "{'Name': 't%d', 'Protocol': 'HTTP', 'Port': 80, 'VpcId': '%s'}", index, vpc);
    snprintf(target_group_arn[index], sizeof target_group_arn[index], "%s",
             doc_text(json_array_get(json_object_get(out, "TargetGroups"), 0), "TargetGroupArn"));
    cloud_ok(cloud, "elbv2", "CreateListener",
             "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': %d, 'DefaultActions': "
             "[{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
             balancer, 80 + index, target_group_arn[index]);
}

void sim_set_up(struct simulated_cloud *cloud)
{
    char vpc[32] = "", subnets[128];
    cloud_template(cloud);
    find_subnets(cloud, vpc, subnets);
    json_auto_t *out = cloud_call(cloud, "elbv2", "CreateLoadBalancer",
                                  "{'Name': 'lb', 'Subnets': [%s]}", subnets);
    const char *balancer =
        doc_text(json_array_get(json_object_get(out, "LoadBalancers"), 0), "LoadBalancerArn");
    for (int i = 0; i < SIM_GROUPS; i++)
        make_target_group(cloud, i, vpc, balancer);
}

static void call(struct simulated_cloud *cloud, const char *service, const char *operation,
                 const char *in)
{
    json_decref(cloud_call(cloud, service, operation, "%s", in));
}

/* A random member of a random group: its id, "" if there is none. */
static const char *pick_instance(struct simulated_cloud *cloud, int group)
{
    char name[8];
    snprintf(name, sizeof name, "g%d", group);
    const json_t *members =
        json_object_get(store_get(cloud->store, group_kind, cloud->region, name), "Instances");
    size_t count = json_array_size(members);
    return doc_text(json_array_get(members, (size_t)cloud_random(cloud, count)), "InstanceId");
}

static void create_group(struct simulated_cloud *cloud, int group)
{
    int max = pick(cloud, CAPACITY_MAX) + 1, min = pick(cloud, max + 1);
    char in[1024];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'LaunchTemplate': {'LaunchTemplateName': 'web'}, "
             "'AvailabilityZones': ['us-east-1a', 'us-east-1b'], 'MinSize': %d, 'MaxSize': %d, "
             "'HealthCheckType': '%s', 'HealthCheckGracePeriod': %d, 'DefaultInstanceWarmup': 60, "
             "'TargetGroupARNs': ['%s']}",
             group, min, max, pick(cloud, 2) ? "ELB" : "EC2", pick(cloud, 120),
             target_group_arn[group]);
    call(cloud, "autoscaling", "CreateAutoScalingGroup", in);
}

static void set_desired(struct simulated_cloud *cloud, int group)
{
    char in[128];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'DesiredCapacity': %d}", group,
             pick(cloud, CAPACITY_MAX + 1));
    call(cloud, "autoscaling", "SetDesiredCapacity", in);
}

static void change_bounds(struct simulated_cloud *cloud, int group)
{
    char in[128];
    int max = pick(cloud, CAPACITY_MAX) + 1;
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'MinSize': %d, 'MaxSize': %d}", group,
             pick(cloud, max + 1), max);
    call(cloud, "autoscaling", "UpdateAutoScalingGroup", in);
}

/* How replacements and launches that fail are dealt with. */
static void change_replacement(struct simulated_cloud *cloud, int group)
{
    char in[400], policy[100];
    bool clears = pick(cloud, 3) == 0;
    snprintf(policy, sizeof policy, "{'MinHealthyPercentage': %d, 'MaxHealthyPercentage': %d}",
             clears ? -1 : 50 + pick(cloud, 51), clears ? -1 : 100 + pick(cloud, 51));
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'InstanceMaintenancePolicy': %s, "
             "'MaxInstanceLifetime': %d, 'AvailabilityZoneDistribution': "
             "{'CapacityDistributionStrategy': 'balanced-%s'}}",
             group, policy, pick(cloud, 2) ? 86400 : 0, pick(cloud, 2) ? "only" : "best-effort");
    call(cloud, "autoscaling", "UpdateAutoScalingGroup", in);
}

static void change_zones(struct simulated_cloud *cloud, int group)
{
    static const char *const zones[] = {"'us-east-1b'", "'us-east-1a', 'us-east-1b'",
                                        "'us-east-1a', 'us-east-1b', 'us-east-1c'",
                                        "'us-east-1a', 'us-east-1c'"};
    char in[160];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'AvailabilityZones': [%s]}", group,
             zones[pick(cloud, 4)]);
    call(cloud, "autoscaling", "UpdateAutoScalingGroup", in);
}

/* Cloud time jumps, as when a user advances it: what falls due comes at once. */
static void advance_clock(struct simulated_cloud *cloud, int group)
{
    enum { HOUR_MS = 3600000 };
    (void)group;
    cloud->now_ms += (int64_t)cloud_random(cloud, 30) * HOUR_MS;
}

static void delete_group(struct simulated_cloud *cloud, int group)
{
    char in[128];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'ForceDelete': %s}", group,
             pick(cloud, 2) ? "true" : "false");
    call(cloud, "autoscaling", "DeleteAutoScalingGroup", in);
}

static void terminate_in_group(struct simulated_cloud *cloud, int group)
{
    char in[160];
    snprintf(in, sizeof in, "{'InstanceId': '%s', 'ShouldDecrementDesiredCapacity': %s}",
             pick_instance(cloud, group), pick(cloud, 2) ? "true" : "false");
    call(cloud, "autoscaling", "TerminateInstanceInAutoScalingGroup", in);
}

static void instance_operation(struct simulated_cloud *cloud, int group, const char *operation)
{
    char in[96];
    snprintf(in, sizeof in, "{'InstanceIds': ['%s']}", pick_instance(cloud, group));
    call(cloud, "ec2", operation, in);
}

static void terminate_instance(struct simulated_cloud *cloud, int group)
{
    instance_operation(cloud, group, "TerminateInstances");
}

static void stop_instance(struct simulated_cloud *cloud, int group)
{
    instance_operation(cloud, group, "StopInstances");
}

static void reboot_instance(struct simulated_cloud *cloud, int group)
{
    instance_operation(cloud, group, "RebootInstances");
}

static void deregister(struct simulated_cloud *cloud, int group)
{
    char in[400];
    snprintf(in, sizeof in, "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}",
             target_group_arn[group], pick_instance(cloud, group));
    call(cloud, "elbv2", "DeregisterTargets", in);
}

static void mark_unhealthy(struct simulated_cloud *cloud, int group)
{
    char in[128];
    snprintf(in, sizeof in, "{'InstanceId': '%s', 'HealthStatus': 'Unhealthy'}",
             pick_instance(cloud, group));
    call(cloud, "autoscaling", "SetInstanceHealth", in);
}

static void protect(struct simulated_cloud *cloud, int group)
{
    char in[200];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'InstanceIds': ['%s'], 'ProtectedFromScaleIn': %s}",
             group, pick_instance(cloud, group), pick(cloud, 3) ? "false" : "true");
    call(cloud, "autoscaling", "SetInstanceProtection", in);
}

static void suspend_or_resume(struct simulated_cloud *cloud, int group)
{
    static const char *const processes[] = {
        "Launch",           "Terminate",   "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer",
        "ScheduledActions", "AZRebalance",
    };
    char in[160];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'ScalingProcesses': ['%s']}", group,
             processes[pick(cloud, 7)]);
    call(cloud, "autoscaling", pick(cloud, 3) ? "ResumeProcesses" : "SuspendProcesses", in);
}

static void track_cpu(struct simulated_cloud *cloud, int group)
{
    char in[400];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'PolicyName': 'cpu', 'PolicyType': "
             "'TargetTrackingScaling', 'TargetTrackingConfiguration': {'TargetValue': 50.0, "
             "'PredefinedMetricSpecification': {'PredefinedMetricType': "
             "'ASGAverageCPUUtilization'}}}",
             group);
    call(cloud, "autoscaling", "PutScalingPolicy", in);
}

static void attach_or_detach(struct simulated_cloud *cloud, int group)
{
    char in[400];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'TargetGroupARNs': ['%s']}", group,
             target_group_arn[group]);
    call(cloud, "autoscaling",
         pick(cloud, 2) ? "AttachLoadBalancerTargetGroups" : "DetachLoadBalancerTargetGroups", in);
}

static void put_hook(struct simulated_cloud *cloud, int group)
{
    char in[400];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'LifecycleHookName': 'h%d', 'LifecycleTransition': "
             "'autoscaling:EC2_INSTANCE_%s', 'HeartbeatTimeout': %d, 'DefaultResult': '%s'}",
             group, pick(cloud, 2), pick(cloud, 2) ? "LAUNCHING" : "TERMINATING",
             30 + pick(cloud, 90), pick(cloud, 3) ? "CONTINUE" : "ABANDON");
    call(cloud, "autoscaling", "PutLifecycleHook", in);
}

static void delete_hook(struct simulated_cloud *cloud, int group)
{
    char in[128];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'LifecycleHookName': 'h%d'}", group,
             pick(cloud, 2));
    call(cloud, "autoscaling", "DeleteLifecycleHook", in);
}

/* What the last operation completed; no instance: nothing. */
static struct {
    char instance[32], hook[8];
    bool abandons;
} completed;

bool sim_has_continued(const char *instance_id, const char *hook)
{
    return !completed.abandons && !strcmp(completed.instance, instance_id) &&
           !strcmp(completed.hook, hook);
}

bool sim_has_abandoned(const char *instance_id)
{
    return completed.abandons && !strcmp(completed.instance, instance_id);
}

static void complete_action(struct simulated_cloud *cloud, int group)
{
    snprintf(completed.instance, sizeof completed.instance, "%s", pick_instance(cloud, group));
    snprintf(completed.hook, sizeof completed.hook, "h%d", pick(cloud, 2));
    completed.abandons = pick(cloud, 4) == 0;
    json_auto_t *out = cloud_call(
        cloud, "autoscaling", "CompleteLifecycleAction",
        "{'AutoScalingGroupName': 'g%d', 'LifecycleHookName': '%s', 'InstanceId': "
        "'%s', 'LifecycleActionResult': '%s'}",
        group, completed.hook, completed.instance, completed.abandons ? "ABANDON" : "CONTINUE");
    if (!out)
        completed.instance[0] = '\0';
}

/* Simple scaling: a policy that an alarm on the CPU runs, out or in. */
static void scale_simply(struct simulated_cloud *cloud, int group)
{
    bool out = pick(cloud, 2);
    char in[512];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'PolicyName': '" SIM_SIMPLE_POLICY "', "
             "'AdjustmentType': 'ChangeInCapacity', 'ScalingAdjustment': %d, 'Cooldown': %d}",
             group, out ? 1 + pick(cloud, 2) : -1, SIM_COOLDOWN_S);
    json_auto_t *policy = cloud_call(cloud, "autoscaling", "PutScalingPolicy", "%s", in);
    if (!policy)
        return;
    snprintf(in, sizeof in,
             "{'AlarmName': 'simple-g%d', 'Namespace': 'AWS/EC2', 'MetricName': 'CPUUtilization', "
             "'Dimensions': [{'Name': 'AutoScalingGroupName', 'Value': 'g%d'}], 'Statistic': "
             "'Average', 'Period': 60, 'EvaluationPeriods': 1, 'Threshold': 30.0, "
             "'ComparisonOperator': '%s', 'AlarmActions': ['%s']}",
             group, group, out ? "GreaterThanThreshold" : "LessThanThreshold",
             doc_text(policy, "PolicyARN"));
    call(cloud, "cloudwatch", "PutMetricAlarm", in);
}

static void scale_by_steps(struct simulated_cloud *cloud, int group)
{
    static const char *const types[] = {"ChangeInCapacity", "PercentChangeInCapacity"};
    char in[512];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'PolicyName': 'steps', 'PolicyType': 'StepScaling', "
             "'AdjustmentType': '%s', 'EstimatedInstanceWarmup': %d, 'StepAdjustments': "
             "[{'MetricIntervalUpperBound': 0, 'ScalingAdjustment': -%d}, "
             "{'MetricIntervalLowerBound': 0, 'MetricIntervalUpperBound': 20, "
             "'ScalingAdjustment': 1}, {'MetricIntervalLowerBound': 20, 'ScalingAdjustment': %d}]}",
             group, types[pick(cloud, 2)], pick(cloud, 120), 1 + pick(cloud, 60),
             1 + pick(cloud, 60));
    json_auto_t *policy = cloud_call(cloud, "autoscaling", "PutScalingPolicy", "%s", in);
    if (!policy)
        return;
    snprintf(in, sizeof in,
             "{'AlarmName': 'steps-g%d', 'Namespace': 'AWS/EC2', 'MetricName': 'CPUUtilization', "
             "'Dimensions': [{'Name': 'AutoScalingGroupName', 'Value': 'g%d'}], 'Statistic': "
             "'Average', 'Period': 60, 'EvaluationPeriods': 1, 'Threshold': 30.0, "
             "'ComparisonOperator': '%s', 'AlarmActions': ['%s']}",
             group, group, pick(cloud, 2) ? "GreaterThanThreshold" : "LessThanThreshold",
             doc_text(policy, "PolicyARN"));
    call(cloud, "cloudwatch", "PutMetricAlarm", in);
}

static void execute_steps(struct simulated_cloud *cloud, int group)
{
    char in[200];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'PolicyName': 'steps', 'MetricValue': %d, "
             "'BreachThreshold': 30}",
             group, pick(cloud, 100));
    call(cloud, "autoscaling", "ExecutePolicy", in);
}

static void execute_policy(struct simulated_cloud *cloud, int group)
{
    char in[160];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'PolicyName': '" SIM_SIMPLE_POLICY "', "
             "'HonorCooldown': %s}",
             group, pick(cloud, 2) ? "true" : "false");
    call(cloud, "autoscaling", "ExecutePolicy", in);
}

/* Into standby, out of it, or out of the group. */
static void move_aside(struct simulated_cloud *cloud, int group)
{
    static const char *const operations[] = {"EnterStandby", "DetachInstances", "ExitStandby",
                                             "ExitStandby"};
    const char *operation = operations[pick(cloud, 4)];
    char in[200];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'InstanceIds': ['%s']%s}", group,
             pick_instance(cloud, group),
             *operation != 'E' || operation[1] == 'n'
                 ? pick(cloud, 2) ? ", 'ShouldDecrementDesiredCapacity': true"
                                  : ", 'ShouldDecrementDesiredCapacity': false"
                 : "");
    call(cloud, "autoscaling", operation, in);
}

static void put_warm_pool(struct simulated_cloud *cloud, int group)
{
    char in[240], prepared[48] = "";
    if (pick(cloud, 2))
        snprintf(prepared, sizeof prepared, ", 'MaxGroupPreparedCapacity': %d",
                 pick(cloud, CAPACITY_MAX + 2) - 1);
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'MinSize': %d, 'PoolState': '%s', "
             "'InstanceReusePolicy': {'ReuseOnScaleIn': %s}%s}",
             group, pick(cloud, 3), pick(cloud, 3) ? "Stopped" : "Running",
             pick(cloud, 2) ? "true" : "false", prepared);
    call(cloud, "autoscaling", "PutWarmPool", in);
}

static void delete_warm_pool(struct simulated_cloud *cloud, int group)
{
    char in[80];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'ForceDelete': %s}", group,
             pick(cloud, 3) ? "true" : "false");
    call(cloud, "autoscaling", "DeleteWarmPool", in);
}

/* An instance that belongs to no group joins one. */
static void attach_instance(struct simulated_cloud *cloud, int group)
{
    char in[128] = "";
    store_each (cursor, cloud->store, "instance", cloud->region)
        if (!*doc_text(cursor.doc, "_group"))
            snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d', 'InstanceIds': ['%s']}", group,
                     cursor.id);
    if (*in)
        call(cloud, "autoscaling", "AttachInstances", in);
}

static void refresh(struct simulated_cloud *cloud, int group)
{
    char in[400];
    snprintf(in, sizeof in,
             "{'AutoScalingGroupName': 'g%d', 'Preferences': {'MinHealthyPercentage': %d, "
             "'MaxHealthyPercentage': %d, 'SkipMatching': %s}}",
             group, 50 + pick(cloud, 51), 100 + pick(cloud, 51), pick(cloud, 2) ? "true" : "false");
    call(cloud, "autoscaling", "StartInstanceRefresh", in);
}

static void cancel_refresh(struct simulated_cloud *cloud, int group)
{
    char in[64];
    snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d'}", group);
    call(cloud, "autoscaling", "CancelInstanceRefresh", in);
}

/* Due in a while, once or again and again, in a zone that moves its clocks or not. */
static void put_scheduled_action(struct simulated_cloud *cloud, int group)
{
    static const char *const schedules[] = {"* * * * *", "*/7 3-20 * * *", "30 * * * mon-fri"};
    static const char *const members[] = {"MinSize", "MaxSize", "DesiredCapacity"};
    char in[400], when[100];
    if (pick(cloud, 2))
        snprintf(when, sizeof when, "'StartTime': %lld",
                 (long long)cloud->now_ms / 1000 + pick(cloud, 600));
    else
        snprintf(when, sizeof when, "'Recurrence': '%s', 'EndTime': %lld",
                 schedules[pick(cloud, 3)], (long long)cloud->now_ms / 1000 + pick(cloud, 1800));
    snprintf(
        in, sizeof in,
        "{'AutoScalingGroupName': 'g%d', 'ScheduledActionName': 'a%d', %s, '%s': %d, '%s': %d}",
        group, pick(cloud, 3), when, members[pick(cloud, 3)], pick(cloud, CAPACITY_MAX + 1),
        members[pick(cloud, 3)], pick(cloud, CAPACITY_MAX + 1));
    call(cloud, "autoscaling", "PutScheduledUpdateGroupAction", in);
}

static void change_load(struct simulated_cloud *cloud, int group)
{
    (void)group;
    cloud->load = (double)cloud_random(cloud, 12);
}

static void new_version(struct simulated_cloud *cloud, int group)
{
    (void)group;
    cloud_template_version(cloud);
}

/* An interface of the simulation's own that nobody has; made if there is none. "": it cannot be. */
static void spare_interface(struct simulated_cloud *cloud, const char *subnet, char id[32])
{
    id[0] = '\0';
    store_each (cursor, cloud->store, "network-interface", cloud->region)
        if (doc_is(cursor.doc, "Status", "available") && doc_is(cursor.doc, "SubnetId", subnet))
            snprintf(id, 32, "%s", cursor.id);
    if (id[0])
        return;
    json_auto_t *out =
        cloud_call(cloud, "ec2", "CreateNetworkInterface", "{'SubnetId': '%s'}", subnet);
    snprintf(id, 32, "%s",
             doc_text(json_object_get(out, "NetworkInterface"), "NetworkInterfaceId"));
}

static void attach_interface(struct simulated_cloud *cloud, int group)
{
    char in[200], id[32];
    const char *instance = pick_instance(cloud, group);
    const json_t *doc = store_get(cloud->store, "instance", cloud->region, instance);
    spare_interface(cloud, doc_text(doc, "SubnetId"), id);
    snprintf(in, sizeof in, "{'NetworkInterfaceId': '%s', 'InstanceId': '%s', 'DeviceIndex': 1}",
             id, instance);
    call(cloud, "ec2", "AttachNetworkInterface", in);
}

static void detach_interface(struct simulated_cloud *cloud, int group)
{
    char in[96];
    const char *id = "";
    (void)group;
    store_each (cursor, cloud->store, "network-interface", cloud->region) {
        const json_t *attachment = json_object_get(cursor.doc, "Attachment");
        if (doc_is(cursor.doc, "_kind", "instance") && doc_number(attachment, "DeviceIndex") == 1)
            id = doc_text(attachment, "AttachmentId");
    }
    snprintf(in, sizeof in, "{'AttachmentId': '%s'}", id);
    call(cloud, "ec2", "DetachNetworkInterface", in);
}

const char *sim_operate(struct simulated_cloud *cloud)
{
    static const struct {
        const char *name;
        void (*operate)(struct simulated_cloud *cloud, int group);
        int weight;
    } table[] = {
        {"create group", create_group, 12},
        {"set desired capacity", set_desired, 20},
        {"change bounds", change_bounds, 8},
        {"change replacement", change_replacement, 4},
        {"change zones", change_zones, 4},
        {"advance clock", advance_clock, 2},
        {"delete group", delete_group, 3},
        {"terminate in group", terminate_in_group, 8},
        {"terminate instance", terminate_instance, 8},
        {"stop instance", stop_instance, 4},
        {"reboot instance", reboot_instance, 4},
        {"deregister target", deregister, 4},
        {"mark unhealthy", mark_unhealthy, 4},
        {"protect", protect, 3},
        {"suspend or resume", suspend_or_resume, 6},
        {"track CPU", track_cpu, 4},
        {"scale simply", scale_simply, 3},
        {"execute policy", execute_policy, 4},
        {"scale by steps", scale_by_steps, 5},
        {"execute steps", execute_steps, 6},
        {"attach or detach", attach_or_detach, 3},
        {"put hook", put_hook, 3},
        {"delete hook", delete_hook, 2},
        {"complete lifecycle action", complete_action, 8},
        {"move aside", move_aside, 8},
        {"put warm pool", put_warm_pool, 5},
        {"delete warm pool", delete_warm_pool, 2},
        {"attach instance", attach_instance, 3},
        {"attach interface", attach_interface, 4},
        {"detach interface", detach_interface, 3},
        {"start instance refresh", refresh, 3},
        {"cancel instance refresh", cancel_refresh, 1},
        {"put scheduled action", put_scheduled_action, 6},
        {"change load", change_load, 6},
        {"new template version", new_version, 1},
    };
    enum { ROWS = sizeof table / sizeof *table };
    int total = 0, row = 0;
    completed.instance[0] = '\0';
    if (!cloud_chance(cloud, 0.6))
        return NULL;
    for (int i = 0; i < ROWS; i++)
        total += table[i].weight;
    for (int at = pick(cloud, total); at >= table[row].weight; row++)
        at -= table[row].weight;
    table[row].operate(cloud, pick(cloud, SIM_GROUPS));
    return table[row].name;
}

void sim_let_go(struct simulated_cloud *cloud)
{
    char in[128];
    for (int group = 0; group < SIM_GROUPS; group++) {
        snprintf(in, sizeof in, "{'AutoScalingGroupName': 'g%d'}", group);
        call(cloud, "autoscaling", "ResumeProcesses", in);
        for (int hook = 0; hook < 2; hook++) {
            char named[128];
            snprintf(named, sizeof named,
                     "{'AutoScalingGroupName': 'g%d', 'LifecycleHookName': 'h%d'}", group, hook);
            call(cloud, "autoscaling", "DeleteLifecycleHook", named);
        }
        snprintf(in, sizeof in,
                 "{'AutoScalingGroupName': 'g%d', 'ScheduledActionNames': ['a0', 'a1', 'a2']}",
                 group);
        call(cloud, "autoscaling", "BatchDeleteScheduledAction", in);
        char name[8];
        snprintf(name, sizeof name, "g%d", group);
        json_auto_t *doc = /* as it was: each call makes a new one */
            json_incref(
                (json_t *)(uintptr_t)store_get(cloud->store, group_kind, cloud->region, name));
        const json_t *members = json_object_get(doc, "Instances");
        for (size_t i = 0; i < json_array_size(members); i++) {
            char protection[200];
            snprintf(protection, sizeof protection,
                     "{'AutoScalingGroupName': '%s', 'InstanceIds': ['%s'], "
                     "'ProtectedFromScaleIn': false}",
                     name, doc_text(json_array_get(members, i), "InstanceId"));
            call(cloud, "autoscaling", "SetInstanceProtection", protection);
        }
    }
}

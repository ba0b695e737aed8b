#include "group_stage.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int stage_set_up(void **state)
{
    struct simulated_cloud *cloud = cloud_create(1);
    cloud_template(cloud);
    *state = cloud;
    return 0;
}

int stage_tear_down(void **state)
{
    cloud_destroy(*state);
    return 0;
}

/* A group "g" in two zones; `more` are further members of the request. */
void create_group(struct simulated_cloud *cloud, int min, int desired, int max, const char *more)
{
    cloud_ok(cloud, "autoscaling", "CreateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web'}, "
             "'AvailabilityZones': ['us-east-1a', 'us-east-1b'], 'MinSize': %d, "
             "'DesiredCapacity': %d, 'MaxSize': %d%s}",
             min, desired, max, more);
    cloud_run(cloud, 30 * SECOND_MS);
}

const json_t *group_of(struct simulated_cloud *cloud)
{
    return store_get(cloud->store, "auto-scaling-group", cloud->region, "g");
}

int count_members(struct simulated_cloud *cloud, const char *member, const char *value)
{
    int found = 0;
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        found += doc_is(row, member, value);
    return found;
}

const char *instance_id(struct simulated_cloud *cloud, size_t index)
{
    return doc_text(json_array_get(json_object_get(group_of(cloud), "Instances"), index),
                    "InstanceId");
}

/* The newest activity whose description begins so. */
const json_t *newest_activity(struct simulated_cloud *cloud, const char *description)
{
    const json_t *newest = NULL;
    store_each (cursor, cloud->store, "scaling-activity", cloud->region)
        if (!strncmp(doc_text(cursor.doc, "Description"), description, strlen(description)))
            newest = cursor.doc;
    return newest;
}

void set_desired(struct simulated_cloud *cloud, int desired)
{
    cloud_ok(cloud, "autoscaling", "SetDesiredCapacity",
             "{'AutoScalingGroupName': 'g', 'DesiredCapacity': %d}", desired);
}

/* A load balancer with a target group, to which group "g" is attached. */
void attach_balancer(struct simulated_cloud *cloud, char arn[256])
{
    char vpc[32] = "", subnets[128] = "";
    store_each (cursor, cloud->store, "subnet", cloud->region) {
        snprintf(vpc, sizeof vpc, "%s", doc_text(cursor.doc, "VpcId"));
        size_t used = strlen(subnets);
        if (used < 60)
            snprintf(subnets + used, sizeof subnets - used, "%s'%s'", used ? ", " : "", cursor.id);
    }
    json_auto_t *group = cloud_call(cloud, "elbv2", "CreateTargetGroup",
                                    "{'Name': 'app', 'Protocol': 'HTTP', 'Port': 80, 'VpcId': "
                                    "'%s'}",
                                    vpc);
    json_auto_t *balancer = cloud_call(cloud, "elbv2", "CreateLoadBalancer",
                                       "{'Name': 'lb', 'Subnets': [%s]}", subnets);
    assert_non_null(group);
    assert_non_null(balancer);
    snprintf(arn, 256, "%s",
             doc_text(json_array_get(json_object_get(group, "TargetGroups"), 0), "TargetGroupArn"));
    cloud_ok(
        cloud, "elbv2", "CreateListener",
        "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': 80, 'DefaultActions': "
        "[{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
        doc_text(json_array_get(json_object_get(balancer, "LoadBalancers"), 0), "LoadBalancerArn"),
        arn);
    cloud_ok(cloud, "autoscaling", "AttachLoadBalancerTargetGroups",
             "{'AutoScalingGroupName': 'g', 'TargetGroupARNs': ['%s']}", arn);
    cloud_run(cloud, MINUTE_MS);
}

size_t count_targets(struct simulated_cloud *cloud, const char *arn)
{
    const json_t *group = store_get(cloud->store, "target-group", cloud->region, arn);
    return json_array_size(json_object_get(group, "_targets"));
}

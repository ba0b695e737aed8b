/* Traffic sources of a group, and the operations on Classic Load Balancers, of which there are
 * none. */
#include "service/autoscaling/traffic_sources.h"

#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/target_groups.h"

#include <string.h>

static const char elbv2_type[] = "elbv2";

int traffic_sources_refuse_classic(const json_t *names, struct err *err)
{
    if (!json_array_size(names))
        return 0;
    return err_aws(err, "ValidationError",
                   "Provided Load Balancers may not be valid. Please ensure they exist and try "
                   "again.");
}

json_t *traffic_sources_target_groups(const json_t *sources, struct err *err)
{
    json_auto_t *arns = json_array();
    size_t i;
    const json_t *source;
    json_array_foreach (sources, i, source) {
        const char *type = doc_text(source, "Type"), *id = doc_text(source, "Identifier");
        bool is_arn = !strncmp(id, "arn:", 4), is_lattice = strstr(id, ":vpc-lattice:");
        if (!strcmp(type, "vpc-lattice") || (!*type && is_lattice)) {
            err_aws(err, "UnsupportedOperation",
                    "Traffic sources of VPC Lattice are not supported by Pileus yet.");
            return NULL;
        }
        if (*type && strcmp(type, "elb") && strcmp(type, elbv2_type)) {
            err_aws(err, "ValidationError",
                    "Traffic source type must be one of [elb, elbv2, vpc-lattice].");
            return NULL;
        }
        if (!strcmp(type, "elb") || (!*type && !is_arn)) {
            traffic_sources_refuse_classic(sources, err);
            return NULL;
        }
        json_array_append(arns, json_object_get(source, "Identifier"));
    }
    return json_incref(arns);
}

json_t *traffic_sources_of_group(const json_t *group)
{
    json_t *sources = json_array();
    size_t i;
    json_t *arn;
    json_array_foreach (json_object_get(group, "TargetGroupARNs"), i, arn)
        json_array_append_new(sources,
                              json_pack("{s:O, s:s}", "Identifier", arn, "Type", elbv2_type));
    return sources;
}

int autoscaling_AttachTrafficSources(struct call *call, struct err *err)
{
    if (call_accept(call->in, "AutoScalingGroupName TrafficSources SkipZonalShiftValidation", err) <
        0)
        return -1;
    json_auto_t *arns =
        traffic_sources_target_groups(json_object_get(call->in, "TrafficSources"), err);
    if (!arns || target_groups_check_count(arns, err) < 0)
        return -1;
    return target_groups_attach(call, arns, err);
}

int autoscaling_DetachTrafficSources(struct call *call, struct err *err)
{
    json_auto_t *arns =
        traffic_sources_target_groups(json_object_get(call->in, "TrafficSources"), err);
    if (!arns || target_groups_check_count(arns, err) < 0)
        return -1;
    return target_groups_detach(call, arns, err);
}

int autoscaling_DescribeTrafficSources(struct call *call, struct err *err)
{
    const json_t *group = group_find(call, doc_text(call->in, "AutoScalingGroupName"), err);
    const char *type = doc_text(call->in, "TrafficSourceType");
    size_t i;
    json_t *row;
    if (!group)
        return -1;
    json_auto_t *all = *type && strcmp(type, elbv2_type)
                           ? json_array()
                           : target_groups_list(call, group, "Identifier");
    json_array_foreach (all, i, row) {
        json_object_set(row, "TrafficSource", json_object_get(row, "Identifier"));
        json_object_set_new(row, "Type", json_string(elbv2_type));
    }
    return call_page(call, &autoscaling_short_paging, all, "TrafficSources", err);
}

/* ---- Classic Load Balancers ---- */

int autoscaling_AttachLoadBalancers(struct call *call, struct err *err)
{
    if (!group_find(call, doc_text(call->in, "AutoScalingGroupName"), err))
        return -1;
    return traffic_sources_refuse_classic(json_object_get(call->in, "LoadBalancerNames"), err);
}

int autoscaling_DetachLoadBalancers(struct call *call, struct err *err)
{
    if (!group_find(call, doc_text(call->in, "AutoScalingGroupName"), err))
        return -1;
    if (!json_array_size(json_object_get(call->in, "LoadBalancerNames")))
        return 0;
    return err_aws(err, "ValidationError",
                   "Trying to remove Load Balancers that are not part of the group");
}

int autoscaling_DescribeLoadBalancers(struct call *call, struct err *err)
{
    json_auto_t *none = json_array();
    if (!group_find(call, doc_text(call->in, "AutoScalingGroupName"), err))
        return -1;
    return call_page(call, &autoscaling_long_paging, none, "LoadBalancers", err);
}

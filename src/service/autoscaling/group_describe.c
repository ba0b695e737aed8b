/* DescribeAutoScalingGroups. */
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/traffic_sources.h"
#include "service/autoscaling/warm_pool.h"

#include <string.h>

/* The filters of DescribeAutoScalingGroups look at tags only. */
static int group_passes(const json_t *group, const json_t *filter, bool *ret_passes,
                        struct err *err)
{
    const char *name = doc_text(filter, "Name");
    const json_t *values = json_object_get(filter, "Values");
    bool by_key = !strcmp(name, "tag-key"), by_value = !strcmp(name, "tag-value");
    bool by_pair = !strncmp(name, "tag:", 4);
    size_t i;
    const json_t *tag;
    if (!by_key && !by_value && !by_pair)
        return err_aws(err, "ValidationError", "Filter type %s is not correct.", name);
    *ret_passes = false;
    json_array_foreach (json_object_get(group, "Tags"), i, tag) {
        if (by_pair && strcmp(doc_text(tag, "Key"), name + 4))
            continue;
        *ret_passes |= doc_list_has(values, doc_text(tag, by_key ? "Key" : "Value"));
    }
    return 0;
}

static int group_is_asked(const struct call *call, const json_t *group, bool *ret_asked,
                          struct err *err)
{
    const json_t *names = json_object_get(call->in, "AutoScalingGroupNames");
    size_t i;
    const json_t *filter;
    *ret_asked =
        !json_array_size(names) || doc_list_has(names, doc_text(group, "AutoScalingGroupName"));
    json_array_foreach (json_object_get(call->in, "Filters"), i, filter) {
        bool passes = false;
        if (group_passes(group, filter, &passes, err) < 0)
            return -1;
        *ret_asked &= passes;
    }
    return 0;
}

/* As it is shown: what is in the warm pool is not among its instances. */
static json_t *describe_group(const json_t *group, bool with_instances)
{
    json_t *shown = json_copy((json_t *)group);
    json_t *members = warm_pool_members(group, false);
    size_t warm = json_array_size(json_object_get(group, "Instances")) - json_array_size(members);
    json_object_set_new(shown, "TrafficSources", traffic_sources_of_group(group));
    json_object_set_new(shown, "Instances", members);
    if (warm_pool_of(group))
        json_object_set_new(shown, "WarmPoolSize", json_integer((json_int_t)warm));
    if (!with_instances)
        json_object_del(shown, "Instances");
    return shown;
}

int autoscaling_DescribeAutoScalingGroups(struct call *call, struct err *err)
{
    json_auto_t *all = json_array();
    bool without_instances = json_is_false(json_object_get(call->in, "IncludeInstances"));
    if (autoscaling_check_names(call, "AutoScalingGroupNames", "group names", err) < 0)
        return -1;
    store_each (cursor, call->store, group_kind, call->region) {
        bool asked;
        if (group_is_asked(call, cursor.doc, &asked, err) < 0)
            return -1;
        if (asked)
            json_array_append_new(all, describe_group(cursor.doc, !without_instances));
    }
    return call_page(call, &autoscaling_paging, all, "AutoScalingGroups", err);
}

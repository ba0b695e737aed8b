/* DescribeAutoScalingGroups. */
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/traffic_sources.h"
#include "service/autoscaling/warm_pool.h"

#include <string.h>

/* The filters look at tags only: by key, by value, or by the value of one key. */
static int check_filters(const struct call *call, struct err *err)
{
    size_t i;
    const json_t *filter;
    json_array_foreach (json_object_get(call->in, "Filters"), i, filter) {
        const char *name = doc_text(filter, "Name");
        if (strcmp(name, "tag-key") && strcmp(name, "tag-value") && strncmp(name, "tag:", 4))
            return err_aws(err, "ValidationError", "Filter type %s is not correct.", name);
    }
    return 0;
}

static bool group_passes(const json_t *group, const json_t *filter)
{
    const char *name = doc_text(filter, "Name");
    const char *looked_at = strcmp(name, "tag-key") ? "Value" : "Key";
    bool by_pair = !strncmp(name, "tag:", 4);
    size_t i;
    const json_t *tag;
    json_array_foreach (json_object_get(group, "Tags"), i, tag)
        if ((!by_pair || doc_is(tag, "Key", name + 4)) &&
            doc_list_has(json_object_get(filter, "Values"), doc_text(tag, looked_at)))
            return true;
    return false;
}

static bool group_is_asked(const struct call *call, const json_t *group)
{
    const json_t *names = json_object_get(call->in, "AutoScalingGroupNames");
    size_t i;
    const json_t *filter;
    if (json_array_size(names) && !doc_list_has(names, doc_text(group, "AutoScalingGroupName")))
        return false;
    json_array_foreach (json_object_get(call->in, "Filters"), i, filter)
        if (!group_passes(group, filter))
            return false;
    return true;
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
    if (autoscaling_check_names(call, "AutoScalingGroupNames", "group names", err) < 0 ||
        check_filters(call, err) < 0)
        return -1;
    store_each (cursor, call->store, group_kind, call->region)
        if (group_is_asked(call, cursor.doc))
            json_array_append_new(all, describe_group(cursor.doc, !without_instances));
    return call_page(call, &autoscaling_paging, all, "AutoScalingGroups", err);
}

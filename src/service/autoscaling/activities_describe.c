/* DescribeScalingActivities: what is in progress first, then the newest. */
#include "service/autoscaling/activity.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"

#include <string.h>

static bool is_asked(const struct call *call, const json_t *activity)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    const json_t *ids = json_object_get(call->in, "ActivityIds");
    bool deleted = *doc_text(activity, "AutoScalingGroupState");
    if (deleted && !doc_flag(call->in, "IncludeDeletedGroups"))
        return false;
    if (*group && strcmp(group, doc_text(activity, "AutoScalingGroupName")))
        return false;
    return !json_array_size(ids) || doc_list_has(ids, doc_text(activity, "ActivityId"));
}

static int check_request(const struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    if (json_array_size(json_object_get(call->in, "Filters")))
        return err_aws(err, "UnsupportedOperation", "Filters are not supported by Pileus yet.");
    if (*group && !doc_flag(call->in, "IncludeDeletedGroups") && !group_find(call, group, err))
        return -1;
    return 0;
}

int autoscaling_DescribeScalingActivities(struct call *call, struct err *err)
{
    json_auto_t *running = json_array(), *ended = json_array();
    if (check_request(call, err) < 0)
        return -1;
    store_each (cursor, call->store, activity_kind, call->region) {
        if (!is_asked(call, cursor.doc))
            continue;
        bool has_ended = json_object_get(cursor.doc, "EndTime");
        json_array_append(has_ended ? ended : running, (json_t *)cursor.doc);
    }
    json_auto_t *all = json_array();
    for (size_t i = json_array_size(running); i-- > 0;)
        json_array_append(all, json_array_get(running, i));
    for (size_t i = json_array_size(ended); i-- > 0;)
        json_array_append(all, json_array_get(ended, i));
    return call_page(call, &autoscaling_long_paging, all, "Activities", err);
}

/* DescribeScalingActivities: what is in progress first, then the newest. */
#include "service/autoscaling/activity.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"

#include <string.h>
#include <time.h>

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

/* Whether a filter names the activity: by StatusCode, or by when it began. */
static int passes(const json_t *activity, const json_t *filter, bool *ret_passes, struct err *err)
{
    const char *name = doc_text(filter, "Name");
    const json_t *values = json_object_get(filter, "Values");
    bool lower = !strcmp(name, "StartTimeLowerBound");
    double start_s = json_number_value(json_object_get(activity, "StartTime"));
    struct tm parts = {0};
    if (!strcmp(name, "Status")) {
        *ret_passes = doc_list_has(values, doc_text(activity, "StatusCode"));
        return 0;
    }
    if (!lower && strcmp(name, "StartTimeUpperBound"))
        return err_aws(err, "ValidationError", "Filter type %s is not correct.", name);
    const char *text = json_string_value(json_array_get(values, 0));
    if (json_array_size(values) != 1 || !strptime(text, "%Y-%m-%dT%H:%M:%S", &parts))
        return err_aws(err, "ValidationError", "The filter %s must have one time as its value.",
                       name);
    double bound_s = (double)timegm(&parts);
    *ret_passes = lower ? start_s >= bound_s : start_s <= bound_s;
    return 0;
}

static int pass_all(const struct call *call, const json_t *activity, bool *ret_passes,
                    struct err *err)
{
    size_t i;
    const json_t *filter;
    *ret_passes = true;
    json_array_foreach (json_object_get(call->in, "Filters"), i, filter) {
        bool one = false;
        if (passes(activity, filter, &one, err) < 0)
            return -1;
        *ret_passes &= one;
    }
    return 0;
}

static int check_request(const struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    bool ignored;
    json_auto_t *none = json_object();
    if (autoscaling_check_names(call, "ActivityIds", "activity ids", err) < 0 ||
        pass_all(call, none, &ignored, err) < 0)
        return -1;
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
        bool passes_all;
        if (pass_all(call, cursor.doc, &passes_all, err) < 0)
            return -1;
        if (!passes_all || !is_asked(call, cursor.doc))
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

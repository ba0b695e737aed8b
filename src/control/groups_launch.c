/*
 * Launching what is missing: each in the zone that has the fewest. A launch that EC2 refuses is
 * undone, tried in the other zones, and then told as a Failed activity; the next one waits longer.
 */
#include "base/cleanup.h"
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/launch_configuration.h"
#include "service/autoscaling/warm_pool.h"
#include "service/ec2/tags.h"

#include <stdio.h>
#include <string.h>

enum {
    LAUNCHES_A_ROUND = 50,  /* of one group; the rest goes on in the next round */
    RETRY_FIRST_MS = 15000, /* doubled with each failure */
    RETRY_MAX_MS = 15 * 60000,
};

/* Where a launch may go, best first. */
struct place {
    const json_t *subnet; /* of the group's `_subnets` */
    int in_zone, in_subnet;
};

/* A round of launches of one group. */
struct launch_round {
    struct groups_pass pass;
    bool warm;        /* into the warm pool, not into service */
    int before;       /* instances there when the round began: what the Cause tells */
    struct err error; /* why the last launch failed */
};

/* Whether the desired capacity is there: what is launched all the same shall replace something. */
static bool has_enough(const json_t *group)
{
    return group_active_count(group) >= doc_number(group, "DesiredCapacity");
}

static struct place count_place(const json_t *group, const json_t *subnet, bool warm)
{
    struct place place = {subnet, 0, 0};
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        if (warm ? !member_is_warm(member)
                 : !member_is_active(member) || json_object_get(member, "_leaves"))
            continue;
        place.in_zone += doc_is(member, "AvailabilityZone", doc_text(subnet, "AvailabilityZone"));
        place.in_subnet += doc_is(member, "_subnet", doc_text(subnet, "SubnetId"));
    }
    return place;
}

static int fewest_in_zone(const json_t *group)
{
    int fewest = GROUP_CAPACITY_MAX;
    size_t i;
    const json_t *subnet;
    json_array_foreach (json_object_get(group, "_subnets"), i, subnet) {
        int in_zone = count_place(group, subnet, false).in_zone;
        fewest = in_zone < fewest ? in_zone : fewest;
    }
    return fewest;
}

/*
 * Whether only the zones with the fewest will do: where the group's distribution says so, or zones
 * are being evened out.
 */
static bool insists(const json_t *group)
{
    const json_t *distribution = json_object_get(group, "AvailabilityZoneDistribution");
    return doc_is(distribution, "CapacityDistributionStrategy", "balanced-only") ||
           (doc_flag(group, "_rebalancing") && has_enough(group));
}

bool groups_may_launch_in(const json_t *group, const char *zone)
{
    size_t i;
    const json_t *subnet;
    json_array_foreach (json_object_get(group, "_subnets"), i, subnet)
        if (doc_is(subnet, "AvailabilityZone", zone))
            return !insists(group) ||
                   count_place(group, subnet, false).in_zone == fewest_in_zone(group);
    return false;
}

/* The best place that is not in `tried` (an array of subnet ids); NULL if there is none left. */
static const json_t *choose_subnet(const json_t *group, const json_t *tried, bool warm)
{
    struct place best = {NULL, 0, 0};
    int fewest = fewest_in_zone(group);
    size_t i;
    const json_t *subnet;
    json_array_foreach (json_object_get(group, "_subnets"), i, subnet) {
        struct place place = count_place(group, subnet, warm);
        if (doc_list_has(tried, doc_text(subnet, "SubnetId")) ||
            (!warm && place.in_zone > fewest && insists(group)))
            continue;
        if (!best.subnet || place.in_zone < best.in_zone ||
            (place.in_zone == best.in_zone && place.in_subnet < best.in_subnet))
            best = place;
    }
    return best.subnet;
}

/* The group's tags that go to its instances. */
static json_t *propagated_tags(const json_t *group)
{
    json_t *tags = json_array();
    size_t i;
    const json_t *tag;
    json_array_foreach (json_object_get(group, "Tags"), i, tag)
        if (doc_flag(tag, "PropagateAtLaunch"))
            json_array_append_new(tags, json_pack("{s:O, s:O}", "Key", json_object_get(tag, "Key"),
                                                  "Value", json_object_get(tag, "Value")));
    return tags;
}

/* NULL: a launch configuration. An instance refresh may want something else than the group has. */
static const json_t *template_of(const json_t *group)
{
    const json_t *refreshed = json_object_get(group, "_refresh_template");
    return refreshed ? refreshed : json_object_get(group, "LaunchTemplate");
}

static json_t *template_input(const json_t *template, const char *subnet)
{
    return json_pack("{s:{s:O, s:O}, s:i, s:i, s:s}", "LaunchTemplate", "LaunchTemplateId",
                     json_object_get(template, "LaunchTemplateId"), "Version",
                     json_object_get(template, "Version"), "MinCount", 1, "MaxCount", 1, "SubnetId",
                     subnet);
}

static json_t *run_instances_input(const struct call *call, const json_t *group, const char *subnet)
{
    const json_t *template = template_of(group);
    const json_t *configuration = store_get(call->store, launch_configuration_kind, call->region,
                                            doc_text(group, "LaunchConfigurationName"));
    json_t *tags = propagated_tags(group);
    json_t *in = template ? template_input(template, subnet)
                          : launch_configuration_request(configuration, subnet);
    if (json_array_size(tags))
        json_object_set_new(in, "TagSpecifications",
                            json_pack("[{s:s, s:O}]", "ResourceType", "instance", "Tags", tags));
    json_decref(tags);
    return in;
}

/* The instance learns which group it belongs to. Returns the version it was launched from. */
static const char *adopt(struct groups_pass *pass, const char *id)
{
    json_t *instance = txn_edit(pass->call.txn, "instance", pass->call.region, id);
    group_adopt(groups_look(pass), instance);
    const char *version =
        ec2_tags_get(json_object_get(instance, "Tags"), "aws:ec2launchtemplate:version");
    return version ? version : "";
}

/*
 * Why: something is to be there before others go, or in place of what has gone, or the change of
 * the desired capacity.
 */
json_t *groups_launch_cause(const struct call *call, const json_t *group, int active)
{
    const char *surplus = doc_text(group, "_surplus_cause");
    const json_t *replacement = json_array_get(json_object_get(group, "_replacements"), 0);
    if (*surplus && has_enough(group))
        return cause_append(
            call, doc_flag(group, "_rebalancing") ? json_object_get(group, "_change") : NULL, "%s",
            surplus);
    if (replacement)
        return cause_append(call, NULL, "%s", json_string_value(replacement));
    if (doc_flag(group, "_refreshing") && !json_object_get(group, "_change"))
        return cause_append(call, NULL,
                            "an instance was launched in response to an instance refresh.");
    return cause_append(call, json_object_get(group, "_change"),
                        "an instance was started in response to a difference between desired and "
                        "actual capacity, increasing the capacity from %d to %lld.",
                        active, (long long)doc_number(group, "DesiredCapacity"));
}

static json_t *make_cause(const struct launch_round *round, const json_t *group)
{
    if (!round->warm)
        return groups_launch_cause(&round->pass.call, group, round->before);
    return cause_append(&round->pass.call, NULL,
                        "an instance was started in response to a difference between desired and "
                        "actual size of the warm pool, increasing its size from %d to %d.",
                        round->before, warm_pool_wanted(group));
}

static const char *describe_launch(const struct launch_round *round)
{
    return round->warm ? "Launching a new EC2 instance into warm pool"
                       : "Launching a new EC2 instance";
}

void groups_count_replacement(json_t *group)
{
    if (!has_enough(group))
        json_array_remove(json_object_get(group, "_replacements"), 0);
}

/* What its row says of where it came from. */
static void tell_source(json_t *member, const json_t *group, const char *version)
{
    const json_t *template = template_of(group);
    if (template)
        json_object_set_new(
            member, "LaunchTemplate",
            json_pack("{s:O, s:O, s:s}", "LaunchTemplateId",
                      json_object_get(template, "LaunchTemplateId"), "LaunchTemplateName",
                      json_object_get(template, "LaunchTemplateName"), "Version", version));
    else
        json_object_set(member, "LaunchConfigurationName",
                        json_object_get(group, "LaunchConfigurationName"));
}

static void add_member(struct launch_round *round, const json_t *instance, const json_t *subnet)
{
    struct groups_pass *pass = &round->pass;
    const char *id = doc_text(instance, "InstanceId");
    const char *version = adopt(pass, id);
    json_t *group = groups_edit(pass);
    const char *zone = doc_text(subnet, "AvailabilityZone");
    const char *subnet_id = doc_text(subnet, "SubnetId");
    char description[80];
    snprintf(description, sizeof description, "%s: %s", describe_launch(round), id);
    const char *activity =
        activity_begin(&pass->call, group, description, make_cause(round, group), zone, subnet_id);
    json_t *member =
        json_pack("{s:s, s:O, s:s, s:s, s:s, s:b, s:s, s:s, s:I}", "InstanceId", id, "InstanceType",
                  json_object_get(instance, "InstanceType"), "AvailabilityZone", zone,
                  "LifecycleState", round->warm ? "Warmed:Pending" : "Pending", "HealthStatus",
                  "Healthy", "ProtectedFromScaleIn", 0, "_activity", activity, "_subnet", subnet_id,
                  "_launched_ms", (json_int_t)pass->call.now_ms);
    tell_source(member, group, version);
    if (round->warm)
        groups_warm_begin(pass, id);
    else
        groups_count_replacement(group);
    json_array_append_new(json_object_get(group, "Instances"), member);
}

/* One launch in the open transaction. On failure what was written must be rolled back. */
static int launch_one(struct launch_round *round, const json_t *tried)
{
    struct groups_pass *pass = &round->pass;
    const json_t *subnet = choose_subnet(groups_look(pass), tried, round->warm);
    json_auto_t *place = json_deep_copy(subnet), *out = NULL;
    json_t *in = run_instances_input(&pass->call, groups_look(pass), doc_text(place, "SubnetId"));
    if (service_call(&pass->call, "ec2", "RunInstances", in, &out, &round->error) < 0)
        return -1;
    add_member(round, json_array_get(json_object_get(out, "Instances"), 0), place);
    return 0;
}

/*
 * Launches `count` in one transaction. Returns how many were launched: all or, after a failure,
 * none, with *ret_good saying how many would have gone well.
 */
static int launch_batch(struct control *control, const char *region, const char *name, int count,
                        const json_t *tried, struct launch_round *round, int *ret_good)
{
    auto_txn *txn = txn_begin(control->store);
    round->pass = (struct groups_pass){
        .control = control,
        .call = control_call(control, txn, region),
        .name = name,
    };
    for (*ret_good = 0; *ret_good < count; ++*ret_good)
        if (launch_one(round, tried) < 0)
            return 0;
    if (txn_commit(ptr_take(&txn), &round->error) < 0) {
        control_log(control, "cannot write a launch", &round->error);
        *ret_good = count;
        return 0;
    }
    return count;
}

/* The launch failed in every zone: an activity tells why, and the next one comes later. */
static void report_failure(struct launch_round *round, struct txn *txn)
{
    struct groups_pass *pass = &round->pass;
    pass->call = control_call(pass->control, txn, pass->call.region);
    json_t *group = groups_edit(pass);
    int64_t failures = doc_number(group, "_failures");
    int64_t delay_ms = failures > 6 ? RETRY_MAX_MS : (int64_t)RETRY_FIRST_MS << failures;
    char message[ERR_TEXT_SIZE + 64], description[ERR_TEXT_SIZE + 128];
    const json_t *subnet = choose_subnet(group, NULL, round->warm);
    size_t size = strlen(round->error.text);
    const char *stop = size > 0 && round->error.text[size - 1] == '.' ? "" : ".";
    snprintf(message, sizeof message, "%s%s Launching EC2 instance failed.", round->error.text,
             stop);
    snprintf(description, sizeof description, "%s.  Status Reason: %s", describe_launch(round),
             message);
    const char *activity =
        activity_begin(&pass->call, group, description, make_cause(round, group),
                       doc_text(subnet, "AvailabilityZone"), doc_text(subnet, "SubnetId"));
    activity_end(&pass->call, activity, "Failed", message, NULL);
    if (doc_flag(group, "_rebalancing") && has_enough(group)) {
        groups_give_up_rebalance(group, pass->call.now_ms);
        return;
    }
    json_object_set_new(group, "_failures", json_integer(failures + 1));
    json_object_set_new(group, "_retry_ms", json_integer(pass->call.now_ms + delay_ms));
}

/* One launch, in each place in turn until one works. */
static int launch_anywhere(struct control *control, const char *region, const char *name,
                           struct launch_round *round)
{
    json_auto_t *tried = json_array();
    struct err err = {0};
    int good;
    for (;;) {
        const json_t *group = store_get(control->store, group_kind, region, name);
        const json_t *subnet = choose_subnet(group, tried, round->warm);
        if (!subnet)
            break;
        json_auto_t *id = json_incref(json_object_get(subnet, "SubnetId"));
        if (launch_batch(control, region, name, 1, tried, round, &good))
            return 1;
        if (!*err.text)
            err = round->error;
        json_array_append(tried, id);
    }
    round->error = err;
    auto_txn *txn = txn_begin(control->store);
    report_failure(round, txn);
    if (txn_commit(ptr_take(&txn), &err) < 0)
        control_log(control, "cannot write a failed launch", &err);
    return 0;
}

/* How many may be launched of those that lack; *due_ms moves to when it may be tried again. */
static int launches_allowed(struct control *control, const json_t *group, int wanted,
                            int64_t *due_ms)
{
    int64_t retry_ms = doc_number(group, "_retry_ms");
    if (wanted <= 0 || group_suspends(group, "Launch") || doc_flag(group, "_deleting"))
        return 0;
    if (retry_ms > control_now(control)) {
        *due_ms = retry_ms < *due_ms ? retry_ms : *due_ms;
        return 0;
    }
    return wanted < LAUNCHES_A_ROUND ? wanted : LAUNCHES_A_ROUND;
}

static bool launch(struct control *control, const char *region, const char *name, int wanted,
                   struct launch_round *round)
{
    int good;
    if (!wanted)
        return false;
    if (launch_batch(control, region, name, wanted, NULL, round, &good))
        return true;
    if (good > 0 && good < wanted)
        return launch_batch(control, region, name, good, NULL, round, &good) > 0;
    launch_anywhere(control, region, name, round);
    return true;
}

bool groups_launch(struct control *control, const char *region, const char *name, int64_t *due_ms)
{
    const json_t *group = store_get(control->store, group_kind, region, name);
    struct launch_round round = {.before = group_active_count(group)};
    int desired = (int)(doc_number(group, "DesiredCapacity") + doc_number(group, "_surplus"));
    int wanted = launches_allowed(control, group, desired - round.before, due_ms);
    return launch(control, region, name, wanted, &round);
}

bool groups_launch_into_pool(struct control *control, const char *region, const char *name,
                             int64_t *due_ms)
{
    const json_t *group = store_get(control->store, group_kind, region, name);
    struct launch_round round = {.warm = true, .before = warm_pool_count(group)};
    int lacking = warm_pool_wanted(group) - round.before;
    return launch(control, region, name, launches_allowed(control, group, lacking, due_ms), &round);
}

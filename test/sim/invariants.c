#include "invariants.h"

#include "service/doc.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char broken[512];

static const char *say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(broken, sizeof broken, format, arguments);
    va_end(arguments);
    return broken;
}

static const json_t *members_of(const json_t *group)
{
    return json_object_get(group, "Instances");
}

/* Whether it is in a state, also where a hook holds it there. */
static bool is_phase(const json_t *member, const char *phase)
{
    return !strncmp(doc_text(member, "LifecycleState"), phase, strlen(phase));
}

static bool is_active(const json_t *member)
{
    return is_phase(member, "Pending") || is_phase(member, "InService");
}

static bool is_warm(const json_t *member)
{
    return is_phase(member, "Warmed:") && !is_phase(member, "Warmed:Terminating");
}

/* How many instances a group's warm pool should have. */
static int64_t warm_wanted(const json_t *group)
{
    const json_t *pool = json_object_get(group, "WarmPoolConfiguration");
    const json_t *prepared = json_object_get(pool, "MaxGroupPreparedCapacity");
    int64_t most = prepared ? json_integer_value(prepared) : doc_number(group, "MaxSize");
    int64_t wanted = most - doc_number(group, "DesiredCapacity");
    int64_t least = doc_number(pool, "MinSize");
    return !pool ? 0 : wanted > least ? wanted : least;
}

static bool has_state(const json_t *instance, const char *state)
{
    return doc_is(json_object_get(instance, "State"), "Name", state);
}

/* ---- always ---- */

/* No two network interfaces of a VPC have one address. */
static const char *addresses_are_unique(struct simulated_cloud *cloud)
{
    struct map seen = {0};
    const char *twice = NULL;
    store_each (cursor, cloud->store, "network-interface", cloud->region) {
        char key[80];
        snprintf(key, sizeof key, "%s %s", doc_text(cursor.doc, "VpcId"),
                 doc_text(cursor.doc, "PrivateIpAddress"));
        if (map_get(&seen, key))
            twice = say("address %s has two interfaces", key);
        map_set(&seen, key, cloud);
    }
    map_finish(&seen);
    return twice;
}

static const char *bounds_hold(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        int64_t min = doc_number(cursor.doc, "MinSize"), max = doc_number(cursor.doc, "MaxSize");
        int64_t desired = doc_number(cursor.doc, "DesiredCapacity");
        if (desired < min || desired > max)
            return say("group %s wants %lld of %lld to %lld", cursor.id, (long long)desired,
                       (long long)min, (long long)max);
    }
    return NULL;
}

/* A group never has more instances that stay than its greatest size (unless it may not end any). */
static const char *nothing_is_launched_in_excess(struct simulated_cloud *cloud)
{
    enum { GREATEST = 9 + 4 }; /* an instance refresh may go beyond by half */
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        int active = 0, warm = 0;
        size_t i;
        const json_t *member;
        json_array_foreach (members_of(cursor.doc), i, member)
            active += is_active(member), warm += is_warm(member);
        if (active > GREATEST || warm > GREATEST)
            return say("group %s has %d active and %d warm instances", cursor.id, active, warm);
    }
    return NULL;
}

/* How many may be there above the desired capacity while something is replaced. */
static int64_t surplus_max(const struct simulated_cloud *cloud, const json_t *group)
{
    const json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    int64_t desired = doc_number(group, "DesiredCapacity"), most = 0;
    if (doc_flag(group, "_refreshing")) {
        store_each (cursor, cloud->store, "instance-refresh", cloud->region)
            if (doc_is(cursor.doc, "AutoScalingGroupName", doc_text(group, "AutoScalingGroupName")))
                most = desired *
                       (doc_number(json_object_get(cursor.doc, "Preferences"),
                                   "MaxHealthyPercentage") -
                        100) /
                       100;
    } else if (policy) {
        most = desired * (doc_number(policy, "MaxHealthyPercentage") - 100) / 100;
    } else if (doc_flag(group, "_rebalancing")) {
        most = doc_number(group, "MaxSize") / 10;
    } else {
        return 0;
    }
    return most > 1 ? most : 1;
}

static const char *surplus_is_allowed(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region)
        if (doc_number(cursor.doc, "_surplus") > surplus_max(cloud, cursor.doc))
            return say("group %s has a surplus of %lld, not %lld", cursor.id,
                       (long long)doc_number(cursor.doc, "_surplus"),
                       (long long)surplus_max(cloud, cursor.doc));
    return NULL;
}

/* An instance that says it is of a group is in its list, or on its way out. */
static const char *instances_are_accounted_for(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "instance", cloud->region) {
        const char *name = doc_text(cursor.doc, "_group");
        const json_t *group = store_get(cloud->store, "auto-scaling-group", cloud->region, name);
        size_t i;
        const json_t *member;
        bool found = has_state(cursor.doc, "terminated") || has_state(cursor.doc, "shutting-down");
        json_array_foreach (members_of(group), i, member)
            found |= doc_is(member, "InstanceId", cursor.id);
        if (*name && !found)
            return say("instance %s is lost to group %s", cursor.id, name);
    }
    return NULL;
}

/* Every member that comes or goes has an activity in progress, and those that stay have none. */
static const char *activities_fit_members(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        size_t i;
        const json_t *member;
        json_array_foreach (members_of(cursor.doc), i, member) {
            const json_t *activity = store_get(cloud->store, "scaling-activity", cloud->region,
                                               doc_text(member, "_activity"));
            bool runs = activity && !json_object_get(activity, "EndTime");
            bool stays = is_phase(member, "InService") || is_phase(member, "Standby") ||
                         is_phase(member, "Warmed:Stopped") || is_phase(member, "Warmed:Running");
            bool failed = (is_phase(member, "Pending") || is_phase(member, "Warmed:Pending")) &&
                          doc_is(member, "HealthStatus", "Unhealthy");
            bool moves = !stays && !failed;
            if (runs != moves && !(failed && is_phase(member, "Warmed:")))
                return say("instance %s is %s and its activity is %s",
                           doc_text(member, "InstanceId"), doc_text(member, "LifecycleState"),
                           doc_text(activity, "StatusCode"));
        }
    }
    return NULL;
}

/* An activity that is in progress belongs to a member. */
static const char *activities_have_members(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "scaling-activity", cloud->region) {
        const json_t *group = store_get(cloud->store, "auto-scaling-group", cloud->region,
                                        doc_text(cursor.doc, "AutoScalingGroupName"));
        size_t i;
        const json_t *member;
        bool found = json_object_get(cursor.doc, "EndTime");
        json_array_foreach (members_of(group), i, member)
            found |= doc_is(member, "_activity", cursor.id);
        if (!found)
            return say("activity %s goes on without an instance: %s", cursor.id,
                       doc_text(cursor.doc, "Description"));
    }
    return NULL;
}

/* A scheduled action is of a group that exists, and never overdue. */
static const char *scheduled_actions_come(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "scheduled-action", cloud->region) {
        double start_s = json_number_value(json_object_get(cursor.doc, "StartTime"));
        if (!store_get(cloud->store, "auto-scaling-group", cloud->region,
                       doc_text(cursor.doc, "AutoScalingGroupName")))
            return say("scheduled action %s has no group", cursor.id);
        if (start_s * 1000 < (double)cloud->now_ms)
            return say("scheduled action %s did not come at %.0f", cursor.id, start_s);
    }
    return NULL;
}

/* The host runs nothing that is not an instance. */
static const char *machines_are_instances(struct simulated_cloud *cloud)
{
    map_each (entry, &cloud->machines) {
        const json_t *instance = store_get(cloud->store, "instance", cloud->region, entry->key);
        if (!instance && ((const struct machine *)entry->value)->running)
            return say("machine %s runs without an instance", entry->key);
    }
    return NULL;
}

const char *sim_broken_invariant(struct simulated_cloud *cloud)
{
    static const char *(*const invariants[])(struct simulated_cloud *) = {
        addresses_are_unique,
        bounds_hold,
        nothing_is_launched_in_excess,
        instances_are_accounted_for,
        activities_fit_members,
        activities_have_members,
        machines_are_instances,
        scheduled_actions_come,
        surplus_is_allowed,
    };
    for (size_t i = 0; i < sizeof invariants / sizeof *invariants; i++) {
        const char *text = invariants[i](cloud);
        if (text)
            return text;
    }
    return NULL;
}

/* ---- at rest ---- */

static const char *capacity_is_reached(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        size_t i, healthy = 0, aside = 0;
        const json_t *member;
        json_array_foreach (members_of(cursor.doc), i, member) {
            aside += is_phase(member, "Standby") || is_phase(member, "Warmed:");
            healthy += doc_is(member, "LifecycleState", "InService") &&
                       doc_is(member, "HealthStatus", "Healthy");
        }
        if (doc_flag(cursor.doc, "_deleting"))
            return say("group %s is still being deleted", cursor.id);
        if ((int64_t)healthy != doc_number(cursor.doc, "DesiredCapacity") ||
            healthy + aside != json_array_size(members_of(cursor.doc)))
            return say("group %s has %zu healthy of %zu instances, not %lld", cursor.id, healthy,
                       json_array_size(members_of(cursor.doc)),
                       (long long)doc_number(cursor.doc, "DesiredCapacity"));
    }
    return NULL;
}

static int count_in_zone(const json_t *group, const char *zone)
{
    int count = 0;
    size_t i;
    const json_t *member;
    json_array_foreach (members_of(group), i, member)
        count += is_active(member) && doc_is(member, "AvailabilityZone", zone);
    return count;
}

/* No instance is in a zone that its group has left, and the others differ by one at most. */
static const char *zones_are_even(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        int fewest = INT_MAX, most = 0, all = 0, active = 0;
        size_t i;
        const json_t *zone, *member;
        json_array_foreach (json_object_get(cursor.doc, "AvailabilityZones"), i, zone) {
            int count = count_in_zone(cursor.doc, json_string_value(zone));
            fewest = count < fewest ? count : fewest;
            most = count > most ? count : most;
            all += count;
        }
        json_array_foreach (members_of(cursor.doc), i, member)
            active += is_active(member);
        if (most - fewest > 1 || all < active || json_object_get(cursor.doc, "_surplus"))
            return say("group %s has %d to %d instances in a zone and %d in others", cursor.id,
                       fewest, most, active - all);
    }
    return NULL;
}

static const char *no_instance_is_too_old(struct simulated_cloud *cloud)
{
    enum { WITHIN_MS = 2 * 3600000 };
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        int64_t lifetime_ms = doc_number(cursor.doc, "MaxInstanceLifetime") * 1000;
        size_t i;
        const json_t *member;
        json_array_foreach (members_of(cursor.doc), i, member)
            if (lifetime_ms && is_active(member) &&
                doc_number(member, "_launched_ms") + lifetime_ms + WITHIN_MS < cloud->now_ms)
                return say("instance %s is too old", doc_text(member, "InstanceId"));
    }
    return NULL;
}

/* A warm pool is full of what is prepared, and what it keeps stopped has not been lost. */
static const char *pools_are_full(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        int64_t prepared = 0, all = 0;
        size_t i;
        const json_t *member;
        json_array_foreach (members_of(cursor.doc), i, member) {
            const json_t *instance =
                store_get(cloud->store, "instance", cloud->region, doc_text(member, "InstanceId"));
            bool stopped = is_phase(member, "Warmed:Stopped") && has_state(instance, "stopped");
            bool runs =
                (is_phase(member, "Warmed:Running") || is_phase(member, "Warmed:Stopped")) &&
                has_state(instance, "running");
            all += is_phase(member, "Warmed:");
            prepared += (stopped || runs) && doc_is(member, "HealthStatus", "Healthy");
        }
        if (all != prepared || all != warm_wanted(cursor.doc))
            return say("group %s has %lld prepared of %lld warm instances, not %lld", cursor.id,
                       (long long)prepared, (long long)all, (long long)warm_wanted(cursor.doc));
    }
    return NULL;
}

static const char *machines_run_as_instances_say(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "instance", cloud->region) {
        const struct machine *machine = cloud_machine(cloud, cursor.id);
        bool running = machine && machine->running;
        if (running != has_state(cursor.doc, "running"))
            return say("instance %s is %s and its machine is%s running", cursor.id,
                       doc_text(json_object_get(cursor.doc, "State"), "Name"),
                       running ? "" : " not");
        if (machine && has_state(cursor.doc, "terminated"))
            return say("the host still has instance %s, which is terminated", cursor.id);
    }
    return NULL;
}

static bool interface_exists(struct simulated_cloud *cloud, const char *id)
{
    return store_get(cloud->store, "network-interface", cloud->region, id);
}

/* The fabric has exactly the interfaces that there are: no rule for a dead one. */
static const char *fabrics_have_living_interfaces(struct simulated_cloud *cloud)
{
    size_t told = 0;
    map_each (entry, &cloud->fabrics) {
        const struct simulated_fabric *kept = entry->value;
        struct fabric head;
        memcpy(&head, kept->bytes, sizeof head);
        size_t at = kept->size - head.address_count * sizeof(struct fabric_address) -
                    head.interface_count * sizeof(struct fabric_interface);
        for (uint32_t i = 0; i < head.interface_count; i++) {
            struct fabric_interface interface;
            memcpy(&interface, kept->bytes + at + i * sizeof interface, sizeof interface);
            if (!interface_exists(cloud, interface.id))
                return say("fabric of %s has dead interface %s", entry->key, interface.id);
            told++;
        }
    }
    if (told < store_count(cloud->store, "network-interface", cloud->region))
        return say("the fabric lacks interfaces: %zu", told);
    return NULL;
}

/* What is attaching is attached, what is detaching has left, and the host knows it. */
static const char *interfaces_are_where_they_say(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "instance", cloud->region) {
        size_t i;
        const json_t *row, *rows = json_object_get(cursor.doc, "NetworkInterfaces");
        json_array_foreach (rows, i, row)
            if (!doc_is(json_object_get(row, "Attachment"), "Status", "attached"))
                return say("%s has an interface that is between", cursor.id);
        const struct machine *machine = cloud_machine(cloud, cursor.id);
        if (machine && machine->running && machine->interface_count != json_array_size(rows))
            return say("%s has other interfaces on its host", cursor.id);
    }
    return NULL;
}

/* Targets are instances that live. */
static const char *targets_live(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "target-group", cloud->region) {
        size_t i;
        const json_t *target;
        json_array_foreach (json_object_get(cursor.doc, "_targets"), i, target) {
            const json_t *instance =
                store_get(cloud->store, "instance", cloud->region, doc_text(target, "Id"));
            if (!instance || has_state(instance, "terminated"))
                return say("%s is a target and does not live", doc_text(target, "Id"));
        }
    }
    return NULL;
}

const char *sim_unsettled(struct simulated_cloud *cloud)
{
    static const char *(*const conditions[])(struct simulated_cloud *) = {
        capacity_is_reached,
        pools_are_full,
        zones_are_even,
        no_instance_is_too_old,
        machines_run_as_instances_say,
        fabrics_have_living_interfaces,
        interfaces_are_where_they_say,
        targets_live,
    };
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        const char *text = conditions[i](cloud);
        if (text)
            return text;
    }
    return NULL;
}

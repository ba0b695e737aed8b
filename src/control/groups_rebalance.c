/*
 * Zones that have become uneven: instances are launched in the zones with the fewest, and when they
 * are ready others go from those with the most, as scale-in takes them. Zones that the group has
 * left lose all. It begins only in a group that is at rest, and ends when anything else is to be
 * done.
 */
#include "control/groups.h"
#include "service/autoscaling/departure.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    ZONES_MAX = 16,
    RETRY_MS = 15 * 60000, /* after a launch that failed */
};

struct zone {
    const char *name; /* borrowed */
    bool is_left;     /* the group is not there any more */
    int count;        /* active members */
    int movable;      /* of them, those that scale-in may take */
};

struct zones {
    struct zone zones[ZONES_MAX];
    int count;
};

static struct zone *find_zone(struct zones *zones, const char *name)
{
    for (int i = 0; i < zones->count; i++)
        if (!strcmp(zones->zones[i].name, name))
            return &zones->zones[i];
    if (zones->count == ZONES_MAX)
        return NULL;
    zones->zones[zones->count] = (struct zone){.name = name, .is_left = true};
    return &zones->zones[zones->count++];
}

static struct zones count_zones(const struct groups_pass *pass, const json_t *group)
{
    struct zones zones = {.count = 0};
    size_t i;
    const json_t *name, *member;
    json_array_foreach (json_object_get(group, "AvailabilityZones"), i, name) {
        struct zone *zone = find_zone(&zones, json_string_value(name));
        if (zone)
            zone->is_left = false;
    }
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        struct zone *zone = member_is_active(member)
                                ? find_zone(&zones, doc_text(member, "AvailabilityZone"))
                                : NULL;
        if (!zone)
            continue;
        zone->count++;
        zone->movable += groups_may_scale_in(pass, member);
    }
    return zones;
}

/* The next move that makes zones more even; false if there is none. */
static bool find_move(struct zones *zones, struct zone **ret_from, struct zone **ret_to)
{
    struct zone *from = NULL, *to = NULL;
    for (int i = 0; i < zones->count; i++) {
        struct zone *zone = &zones->zones[i];
        if (!zone->is_left && (!to || zone->count < to->count))
            to = zone;
        bool is_fuller = from && from->is_left == zone->is_left ? zone->count > from->count
                                                                : !from || zone->is_left;
        if (zone->movable && is_fuller)
            from = zone;
    }
    *ret_from = from;
    *ret_to = to;
    return from && to && (from->is_left || from->count - to->count >= 2);
}

/* How many moves it takes; the names of the zones that get instances are written to `names`. */
static int count_moves(struct zones zones, char *names, size_t names_size)
{
    struct zone *from, *to;
    int moves = 0;
    names[0] = '\0';
    for (; find_move(&zones, &from, &to); moves++) {
        size_t used = strlen(names);
        if (!strstr(names, to->name))
            snprintf(names + used, names_size - used, "%s%s", used ? " " : "", to->name);
        from->count--;
        from->movable--;
        to->count++;
    }
    return moves;
}

/* How many may be there above the desired capacity: a tenth of the maximum, at least one. */
static int margin(const json_t *group, int moves)
{
    const json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    int64_t most = doc_number(group, "MaxSize") / 10;
    if (policy)
        most = doc_number(group, "DesiredCapacity") *
               (doc_number(policy, "MaxHealthyPercentage") - 100) / 100;
    if (most < 1)
        most = 1;
    return moves < most ? moves : (int)most;
}

/* Whether the group's bounds or maintenance policy still let so many come first. */
static bool may_exceed(const json_t *group)
{
    const json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    return doc_number(group, "_surplus") <= margin(group, INT_MAX) &&
           !(policy && doc_number(policy, "MaxHealthyPercentage") == 100);
}

/* "availability zones a b had 4 1 instances respectively. ..." */
static void describe_zones(const struct zones *zones, char *out, size_t size)
{
    char names[ZONES_MAX * 24] = "", counts[ZONES_MAX * 8] = "";
    for (int i = 0; i < zones->count; i++) {
        size_t names_used = strlen(names), counts_used = strlen(counts);
        snprintf(names + names_used, sizeof names - names_used, " %s", zones->zones[i].name);
        snprintf(counts + counts_used, sizeof counts - counts_used, " %d", zones->zones[i].count);
    }
    snprintf(
        out, size,
        "availability zones%s had%s instances respectively. An instance was launched to aid in "
        "balancing the group's zones.",
        names, counts);
}

/* All are in service and healthy, and as many as are wanted. */
static bool is_at_rest(const json_t *group)
{
    int active = 0;
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        if (!member_is_active(member))
            continue;
        if (!member_is(member, "InService") || !doc_is(member, "HealthStatus", "Healthy"))
            return false;
        active++;
    }
    return active == doc_number(group, "DesiredCapacity");
}

/* Where the maintenance policy lets none come first: those of the fullest zones go. */
static void take_out(struct groups_pass *pass, int moves, const char *sentence)
{
    const json_t *group = groups_look(pass);
    const json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    int desired = (int)doc_number(group, "DesiredCapacity");
    struct replacement replacement = {desired,
                                      desired,
                                      desired,
                                      moves,
                                      doc_number(policy, "MinHealthyPercentage"),
                                      doc_number(policy, "MaxHealthyPercentage")};
    int goers = replacement_goers(&replacement, 0);
    for (int i = 0; i < moves && i < goers; i++) {
        const json_t *chosen = groups_choose(pass, groups_look(pass), groups_may_scale_in);
        json_t *edited = groups_edit(pass);
        departure_begin(&pass->call, edited, group_instance(edited, doc_text(chosen, "InstanceId")),
                        cause_append(&pass->call, NULL,
                                     "an instance was taken out of service to aid in balancing the "
                                     "group's zones."));
        groups_push_replacement(edited, sentence);
    }
}

static void begin(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    const json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    char names[ZONES_MAX * 24], sentence[512];
    struct zones zones = count_zones(pass, group);
    int moves = is_at_rest(group) ? count_moves(zones, names, sizeof names) : 0;
    int64_t retry_ms = doc_number(group, "_rebalance_ms");
    if (!moves)
        return;
    if (retry_ms > pass->call.now_ms) {
        groups_wake_at(pass, retry_ms);
        return;
    }
    describe_zones(&zones, sentence, sizeof sentence);
    if (policy && doc_number(policy, "MaxHealthyPercentage") == 100) {
        if (!group_suspends(group, "Terminate"))
            take_out(pass, moves, sentence);
        return;
    }
    json_t *edited = groups_edit(pass);
    json_object_set_new(edited, "_rebalancing", json_true());
    json_object_set_new(
        edited, "_change",
        cause_append(&pass->call, NULL,
                     "instances were launched to balance instances in zones %s with "
                     "other zones resulting in more than desired number of "
                     "instances in the group.",
                     names));
    groups_set_surplus(pass, margin(group, moves), sentence);
}

static void end(json_t *group)
{
    json_object_del(group, "_rebalancing");
    json_object_del(group, "_surplus");
    json_object_del(group, "_surplus_cause");
}

/*
 * It ends when those that came are ready; scale-in takes others then. And when no longer so many
 * may come: what is uneven then is looked at anew.
 */
static void go_on(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass), *member;
    char names[ZONES_MAX * 24];
    int active = group_active_count(group), ready = 0;
    int wanted = (int)(doc_number(group, "DesiredCapacity") + doc_number(group, "_surplus"));
    bool is_even = !count_moves(count_zones(pass, group), names, sizeof names);
    size_t i;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        ready += member_is_active(member) && groups_is_ready(pass, member);
    if (!may_exceed(group) || (active < wanted ? is_even : ready == active))
        end(groups_edit(pass));
}

void groups_give_up_rebalance(json_t *group, int64_t now_ms)
{
    end(group);
    json_object_set_new(group, "_rebalance_ms", json_integer(now_ms + RETRY_MS));
}

void groups_rebalance(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    bool refreshing = doc_flag(group, "_refreshing");
    bool may = !doc_flag(group, "_deleting") && !refreshing && !groups_is_maintained(group) &&
               !group_suspends(group, "AZRebalance") && !group_suspends(group, "Launch");
    bool rebalances = doc_flag(group, "_rebalancing");
    if (may && rebalances)
        go_on(pass);
    else if (may)
        begin(pass);
    else if (rebalances && refreshing) /* the surplus is the refresh's now */
        json_object_del(groups_edit(pass), "_rebalancing");
    else if (rebalances)
        end(groups_edit(pass));
}

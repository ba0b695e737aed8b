/*
 * AWS/ApplicationELB: what each minute has, whether there was traffic or not. How many targets are
 * healthy, what that means for their zones, and what the load balancer would have cost.
 */
#include "control/metrics_meters.h"
#include "control/metrics_subject.h"
#include "control/scan.h"
#include "control/zone_health.h"
#include "service/billing/lcu.h"
#include "service/doc.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/usage.h"

#include <string.h>

/* ---- targets ---- */

static void add_hosts(const struct subject *subject, int set, const struct host_count *count)
{
    subject_add(subject, "HealthyHostCount", "Count", 1 << set, count->healthy, 1);
    subject_add(subject, "UnHealthyHostCount", "Count", 1 << set, count->unhealthy, 1);
    subject_add(subject, "AnomalousHostCount", "Count", 1 << set, count->anomalous, 1);
    subject_add(subject, "MitigatedHostCount", "Count", 1 << set, count->mitigated, 1);
}

static void count_hosts(struct subject *subject, const json_t *group, const json_t *user)
{
    const struct store *store = subject->control->store;
    size_t i;
    const json_t *node;
    struct host_count all = zone_health_count(store, subject->region, group, user, "");
    add_hosts(subject, LOAD_BALANCER | TARGET_GROUP, &all);
    json_array_foreach (json_object_get(user, "_nodes"), i, node) {
        subject->zone = doc_text(node, "AvailabilityZone");
        struct host_count zone =
            zone_health_count(store, subject->region, group, user, subject->zone);
        add_hosts(subject, LOAD_BALANCER | TARGET_GROUP | ZONE, &zone);
    }
    subject->zone = "";
}

/* In how many zones the group is healthy, for DNS and for routing. */
static void add_states(const struct subject *subject, int set, double zones, double dns,
                       double routing)
{
    subject_add(subject, "HealthyStateDNS", "Count", 1 << set, dns, 1);
    subject_add(subject, "UnhealthyStateDNS", "Count", 1 << set, zones - dns, 1);
    subject_add(subject, "HealthyStateRouting", "Count", 1 << set, routing, 1);
    subject_add(subject, "UnhealthyStateRouting", "Count", 1 << set, zones - routing, 1);
}

/*
 * With cross-zone load balancing the health of a group is one for all zones, else each zone has its
 * own. A RequestCount of zero says that there was no traffic: it changes no Sum.
 */
static void count_group(struct subject *subject, const json_t *group, const json_t *user)
{
    const struct store *store = subject->control->store;
    bool by_zone = zone_health_is_by_zone(group);
    double zones = 0, dns = 0, routing = 0;
    size_t i;
    const json_t *node;
    struct host_count all = zone_health_count(store, subject->region, group, user, "");
    count_hosts(subject, group, user);
    subject_add(subject, "RequestCount", "Count", BY_BALANCER | BY_GROUP, 0, 1);
    subject_add(subject, "RequestCountPerTarget", "Count", BY_GROUP | BY_GROUP_ALONE, 0, 1);
    json_array_foreach (json_object_get(user, "_nodes"), i, node) {
        subject->zone = doc_text(node, "AvailabilityZone");
        struct host_count zone =
            zone_health_count(store, subject->region, group, user, subject->zone);
        const struct host_count *decides = by_zone ? &zone : &all;
        bool dns_healthy = zone_health_meets_dns(group, decides);
        bool routed = zone_health_meets_routing(group, decides);
        add_states(subject, LOAD_BALANCER | TARGET_GROUP | ZONE, 1, dns_healthy, routed);
        zones++;
        dns += dns_healthy;
        routing += routed;
    }
    subject->zone = "";
    add_states(subject, LOAD_BALANCER | TARGET_GROUP, zones, dns, routing);
}

/* ---- load balancers ---- */

/* Capacity units, as if the hour went on like the minute. */
static double capacity_units(const struct balancer_meter *minute)
{
    struct lcu_dimensions used = {
        .new_connections = (double)minute->new_clients,
        .active_minutes = (double)minute->active_most,
        .bytes = (double)minute->processed_bytes,
        .evaluations = (double)minute->charged_evaluations,
    };
    return lcu_hours(&used) * 60;
}

static void count_balancer(struct subject *subject, struct map *meters, const json_t *balancer)
{
    struct balancer_meter all = {0};
    size_t i;
    const json_t *node;
    subject->load_balancer = doc_text(balancer, "_dimension");
    json_array_foreach (json_object_get(balancer, "_nodes"), i, node) {
        subject->zone = doc_text(node, "AvailabilityZone");
        struct balancer_meter zone = meters_read(meters, subject->load_balancer, subject->zone);
        if (zone.active_most > 0)
            subject_add(subject, "ActiveConnectionCount", "Count", BY_BALANCER,
                        (double)zone.active_most, 1);
        all.active_most += zone.active_most;
        all.new_clients += zone.new_clients;
        all.processed_bytes += zone.processed_bytes;
        all.charged_evaluations += zone.charged_evaluations;
    }
    subject->zone = "";
    subject_add(subject, "ConsumedLCUs", "Count", ONE_BALANCER, capacity_units(&all), 1);
}

/* ---- all regions ---- */

static void count_groups(struct subject *subject,
                         void (*count)(struct subject *, const json_t *, const json_t *))
{
    const struct store *store = subject->control->store;
    struct map users = {0};
    elb_users_of_all(store, subject->region, &users);
    store_each (cursor, store, elb_kind(ELB_TARGET_GROUP), subject->region) {
        const char *user = map_get(&users, cursor.id);
        const json_t *balancer =
            user ? store_get(store, elb_kind(ELB_LOAD_BALANCER), subject->region, user) : NULL;
        if (!balancer)
            continue;
        subject->target_group = doc_text(cursor.doc, "_dimension");
        subject->load_balancer = doc_text(balancer, "_dimension");
        count(subject, cursor.doc, balancer);
    }
    map_finish(&users);
}

void metrics_count_hosts(struct control *control)
{
    json_auto_t *regions = scan_regions(control->store, elb_kind(ELB_LOAD_BALANCER));
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region) {
        struct subject subject = {control, json_string_value(region), "", "",
                                  "",      control_now(control)};
        count_groups(&subject, count_hosts);
    }
}

void metrics_count_minute(struct control *control, struct map *meters, int64_t minute_ms)
{
    json_auto_t *regions = scan_regions(control->store, elb_kind(ELB_LOAD_BALANCER));
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region) {
        struct subject subject = {control, json_string_value(region), "", "", "", minute_ms};
        count_groups(&subject, count_group);
        /* What the meters hold came in the minute before the one that begins. */
        subject = (struct subject){control, json_string_value(region),    "", "",
                                   "",      minute_ms - METRICS_MINUTE_MS};
        store_each (cursor, control->store, elb_kind(ELB_LOAD_BALANCER), subject.region)
            count_balancer(&subject, meters, cursor.doc);
    }
    meters_finish(meters); /* what is left is of load balancers and zones that are no more */
}

#include "control/balancer_config.h"

#include "control/scan.h"
#include "control/zone_health.h"
#include "service/acm/certificates.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/elbv2/health.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/rules.h"
#include "service/elbv2/usage.h"

#include <stdio.h>
#include <string.h>

/* A new object with some members of another one. `members` ends with NULL. */
static json_t *pick(const json_t *from, const char *const members[])
{
    json_t *picked = json_object();
    for (size_t i = 0; members[i]; i++) {
        json_t *value = json_object_get(from, members[i]);
        if (value)
            json_object_set(picked, members[i], value);
    }
    return picked;
}

/* ---- load balancers ---- */

static json_t *nodes_of(const json_t *load_balancer)
{
    static const char *const members[] = {"Address", "AvailabilityZone", NULL};
    json_t *nodes = json_array();
    size_t i;
    const json_t *node;
    json_array_foreach (json_object_get(load_balancer, "_nodes"), i, node)
        json_array_append_new(nodes, pick(node, members));
    return nodes;
}

/*
 * What the security groups let in from addresses. Rules with a group as their source are left out:
 * the host, which is who asks, is a member of no group.
 */
static json_t *sources_of(const struct store *store, const char *region,
                          const json_t *load_balancer)
{
    json_t *sources = json_array();
    const json_t *groups = json_object_get(load_balancer, "SecurityGroups");
    store_each (cursor, store, "security-group-rule", region) {
        const json_t *rule = cursor.doc;
        bool all = doc_is(rule, "IpProtocol", "-1");
        if (doc_flag(rule, "IsEgress") || !*doc_text(rule, "CidrIpv4") ||
            !(all || doc_is(rule, "IpProtocol", "tcp")) ||
            !doc_list_has(groups, doc_text(rule, "GroupId")))
            continue;
        json_array_append_new(
            sources, json_pack("{s:s, s:I, s:I}", "Cidr", doc_text(rule, "CidrIpv4"), "FromPort",
                               (json_int_t)(all ? 0 : doc_number(rule, "FromPort")), "ToPort",
                               (json_int_t)(all ? 65535 : doc_number(rule, "ToPort"))));
    }
    return sources;
}

/* Adds a certificate with its key, if it is still there. */
static void add_certificate(const struct store *store, const char *region, const char *arn,
                            json_t *certificates)
{
    const json_t *doc = store_get(store, acm_certificate_kind, region, arn);
    if (doc)
        json_array_append_new(certificates,
                              json_pack("{s:s, s:O, s:O, s:O}", "CertificateArn", arn,
                                        "Certificate", json_object_get(doc, "_certificate"),
                                        "PrivateKey", json_object_get(doc, "_private_key"),
                                        "CertificateChain", json_object_get(doc, "_chain")));
}

/* The default one first, as the balancer wants them. */
static json_t *certificates_of(const struct store *store, const char *region,
                               const json_t *listener)
{
    json_t *certificates = json_array();
    size_t i;
    const json_t *arn;
    const char *first =
        doc_text(json_array_get(json_object_get(listener, "Certificates"), 0), "CertificateArn");
    add_certificate(store, region, first, certificates);
    json_array_foreach (json_object_get(listener, "_certificates"), i, arn)
        if (strcmp(json_string_value(arn), first) != 0)
            add_certificate(store, region, json_string_value(arn), certificates);
    return certificates;
}

static json_t *rules_of(const struct store *store, const char *region, const json_t *listener)
{
    static const char *const members[] = {"Priority", "Conditions", "Actions", "Transforms", NULL};
    json_t *shown = json_array();
    json_auto_t *rules = elb_rules_of(store, region, doc_text(listener, "ListenerArn"));
    size_t i;
    const json_t *rule;
    json_array_foreach (rules, i, rule)
        if (!doc_flag(rule, "IsDefault"))
            json_array_append_new(shown, pick(rule, members));
    return shown;
}

static json_t *listener_config(const struct store *store, const char *region,
                               const json_t *listener)
{
    static const char *const members[] = {"ListenerArn", "Protocol",       "Port",
                                          "SslPolicy",   "DefaultActions", NULL};
    json_t *config = pick(listener, members);
    if (doc_is(listener, "Protocol", "HTTPS"))
        json_object_set_new(config, "Certificates", certificates_of(store, region, listener));
    json_object_set(config, "Attributes", json_object_get(listener, "_attributes"));
    json_object_set_new(config, "Rules", rules_of(store, region, listener));
    return config;
}

static json_t *listeners_of(const struct store *store, const char *region,
                            const json_t *load_balancer)
{
    json_t *listeners = json_array();
    store_each (cursor, store, elb_kind(ELB_LISTENER), region)
        if (doc_is(cursor.doc, "LoadBalancerArn", doc_text(load_balancer, "LoadBalancerArn")))
            json_array_append_new(listeners, listener_config(store, region, cursor.doc));
    return listeners;
}

static json_t *load_balancer_config(const struct store *store, const char *region,
                                    const json_t *load_balancer)
{
    json_t *config = json_pack(
        "{s:s, s:s, s:s, s:O, s:o, s:o, s:o}", "Name", doc_text(load_balancer, "_dimension"),
        "DNSName", doc_text(load_balancer, "DNSName"), "Vpc", doc_text(load_balancer, "VpcId"),
        "Attributes", json_object_get(load_balancer, "_attributes"), "Nodes",
        nodes_of(load_balancer), "AllowedSources", sources_of(store, region, load_balancer),
        "Listeners", listeners_of(store, region, load_balancer));
    if (json_object_get(load_balancer, "_cookie_key"))
        json_object_set(config, "CookieKey", json_object_get(load_balancer, "_cookie_key"));
    return config;
}

/* ---- target groups ---- */

static json_t *target_config(const struct store *store, const char *region, const json_t *target)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:b, s:b}", "Id", doc_text(target, "Id"), "Address",
                     elb_target_address(store, region, target), "Port",
                     (json_int_t)doc_number(target, "Port"), "AvailabilityZone",
                     elb_target_zone(store, region, target), "Draining",
                     json_object_get(target, "_draining_until_ms") != NULL, "InvalidState",
                     (int)elb_target_is_down(store, region, target));
}

static json_t *targets_of(const struct store *store, const char *region, const json_t *group)
{
    json_t *targets = json_array();
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(group, "_targets"), i, target)
        if (*elb_target_address(store, region, target) &&
            !elb_target_is_load_balancer(store, region, group, target))
            json_array_append_new(targets, target_config(store, region, target));
    return targets;
}

static json_t *target_group_config(const struct store *store, const char *region,
                                   const json_t *group)
{
    static const char *const members[] = {"TargetGroupArn",
                                          "Protocol",
                                          "ProtocolVersion",
                                          "Port",
                                          "TargetType",
                                          "HealthCheckProtocol",
                                          "HealthCheckPort",
                                          "HealthCheckPath",
                                          "HealthCheckIntervalSeconds",
                                          "HealthCheckTimeoutSeconds",
                                          "HealthyThresholdCount",
                                          "UnhealthyThresholdCount",
                                          "Matcher",
                                          NULL};
    json_t *config = pick(group, members);
    json_object_set(config, "Name", json_object_get(group, "_dimension"));
    json_object_set(config, "Attributes", json_object_get(group, "_attributes"));
    json_object_set_new(config, "Targets", targets_of(store, region, group));
    return config;
}

/* ---- all regions ---- */

static void add_region(const struct store *store, const char *region, json_t *load_balancers,
                       json_t *groups)
{
    store_each (cursor, store, elb_kind(ELB_LOAD_BALANCER), region)
        if (json_array_size(json_object_get(cursor.doc, "_nodes")) > 0)
            json_array_append_new(load_balancers, load_balancer_config(store, region, cursor.doc));
    struct map users = {0};
    elb_users_of_all(store, region, &users);
    store_each (cursor, store, elb_kind(ELB_TARGET_GROUP), region)
        if (map_get(&users, cursor.id))
            json_array_append_new(groups, target_group_config(store, region, cursor.doc));
    map_finish(&users);
}

json_t *balancer_config(const struct store *store, uint32_t host_address)
{
    char address[16];
    cidr_format_address(host_address, address);
    json_t *load_balancers = json_array(), *groups = json_array();
    json_auto_t *regions = scan_regions(store, elb_kind(ELB_LOAD_BALANCER));
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        add_region(store, json_string_value(region), load_balancers, groups);
    return json_pack("{s:s, s:o, s:o}", "HostAddress", address, "LoadBalancers", load_balancers,
                     "TargetGroups", groups);
}

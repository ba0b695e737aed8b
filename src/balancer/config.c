/* Loads a configuration document into a snapshot; config.h has the schema. */
#include "balancer/config.h"

#include "balancer/conditions.h"
#include "balancer/config_actions.h"
#include "balancer/config_attributes.h"
#include "balancer/config_health.h"
#include "balancer/config_reader.h"
#include "balancer/config_stickiness.h"
#include "balancer/config_tls.h"
#include "balancer/transforms.h"
#include "os/random.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOAD_BALANCERS_MAX = 1000,
    LISTENERS_MAX = 50,
    RULES_MAX = 100,
    GROUPS_MAX = 3000,
    TARGETS_MAX = 1000,
    NODES_MAX = 16,
    SOURCES_MAX = 4000,
    WORKERS_MAX = 64,
    PRIORITY_MAX = 50000,
    CLOCK_SPEED_MAX = 10000,
};

/* ---- listeners and rules ---- */

static int load_rule(struct snapshot *snapshot, struct load_balancer *load_balancer,
                     const struct listener *listener, const json_t *json, struct rule *rule,
                     struct err *err)
{
    static const char *const members[] = {"Priority", "Conditions", "Actions", "Transforms", NULL};
    int64_t priority;
    if (reader_check(json, "a rule", members, err) < 0 ||
        reader_integer(json, "Priority", 1, PRIORITY_MAX, 0, &priority, err) < 0)
        return -1;
    if (!priority)
        return err_set(err, "Priority is missing");
    rule->priority = (unsigned)priority;
    if (conditions_load(snapshot, json_object_get(json, "Conditions"), rule, err) < 0 ||
        actions_load(snapshot, load_balancer, listener, json_object_get(json, "Actions"),
                     &rule->action, err) < 0 ||
        transforms_load(snapshot, json_object_get(json, "Transforms"), rule, err) < 0)
        return err_wrap(err, "rule %u", rule->priority);
    return 0;
}

static int by_priority(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    return (x->priority > y->priority) - (x->priority < y->priority);
}

static bool is_default_rule(const json_t *json)
{
    const char *priority = json_string_value(json_object_get(json, "Priority"));
    return priority && strcmp(priority, "default") == 0;
}

static int load_rules(struct snapshot *snapshot, struct load_balancer *load_balancer,
                      const json_t *rules, struct listener *listener, struct err *err)
{
    size_t count = json_array_size(rules), index;
    const json_t *json;
    if ((rules && !json_is_array(rules)) || count > RULES_MAX + 1)
        return err_set(err, "Rules must be an array of at most %d rules", RULES_MAX);
    listener->rules = snapshot_alloc(snapshot, count * sizeof *listener->rules);
    json_array_foreach (rules, index, json) {
        struct rule *rule = &listener->rules[listener->rule_count];
        if (is_default_rule(json))
            continue;
        if (load_rule(snapshot, load_balancer, listener, json, rule, err) < 0)
            return -1;
        listener->rule_count++;
    }
    qsort(listener->rules, (size_t)listener->rule_count, sizeof *listener->rules, by_priority);
    for (int i = 1; i < listener->rule_count; i++)
        if (listener->rules[i].priority == listener->rules[i - 1].priority)
            return err_set(err, "two rules have the priority %u", listener->rules[i].priority);
    return 0;
}

/* Alone, a listener is at an address of a zone: the number of that zone's node. */
static int find_zone(const struct load_balancer *load_balancer, const json_t *json, int *node,
                     struct err *err)
{
    const char *zone;
    if (reader_text(json, "AvailabilityZone", ID_SIZE - 1, &zone, err) < 0)
        return -1;
    for (*node = 0; *node < load_balancer->node_count; (*node)++)
        if (strcmp(load_balancer->nodes[*node].zone, zone ? zone : "") == 0)
            break;
    return 0;
}

static int load_listener(struct snapshot *snapshot, struct load_balancer *load_balancer,
                         const json_t *json, struct listener *listener, struct err *err)
{
    static const char *const members[] = {
        "Protocol",   "Address",   "Port",         "DefaultActions",
        "Rules",      "SslPolicy", "Certificates", "AvailabilityZone",
        "Attributes", NULL};
    const char *protocol, *address;
    int64_t port;
    if (reader_check(json, "a listener", members, err) < 0 ||
        reader_required_text(json, "Protocol", 16, &protocol, err) < 0 ||
        reader_integer(json, "Port", 1, 65535, 0, &port, err) < 0)
        return -1;
    if (strcmp(protocol, "HTTP") != 0 && strcmp(protocol, "HTTPS") != 0)
        return err_set(err, "the listener protocol '%s' is not supported", protocol);
    if (!port)
        return err_set(err, "Port is missing");
    listener->load_balancer = load_balancer;
    listener->port = (uint16_t)port;
    if (!snapshot->cloud && (reader_required_text(json, "Address", 64, &address, err) < 0 ||
                             reader_address(address, &listener->address, err) < 0 ||
                             find_zone(load_balancer, json, &listener->node, err) < 0))
        return -1;
    if ((strcmp(protocol, "HTTPS") == 0 ? tls_load_listener(snapshot, json, listener, err)
                                        : tls_refuse_listener(json, err)) < 0 ||
        attributes_load_listener(snapshot, json_object_get(json, "Attributes"),
                                 &listener->attributes, err) < 0)
        return -1;
    if (actions_load(snapshot, load_balancer, listener, json_object_get(json, "DefaultActions"),
                     &listener->default_action, err) < 0)
        return err_wrap(err, "DefaultActions");
    return load_rules(snapshot, load_balancer, json_object_get(json, "Rules"), listener, err);
}

static int load_listeners(struct snapshot *snapshot, struct load_balancer *load_balancer,
                          const json_t *listeners, struct err *err)
{
    size_t count = json_array_size(listeners), index;
    const json_t *json;
    if ((listeners && !json_is_array(listeners)) || count > LISTENERS_MAX)
        return err_set(err, "Listeners must be an array of at most %d listeners", LISTENERS_MAX);
    load_balancer->listeners = snapshot_alloc(snapshot, count * sizeof *load_balancer->listeners);
    json_array_foreach (listeners, index, json) {
        struct listener *listener = &load_balancer->listeners[load_balancer->listener_count++];
        if (load_listener(snapshot, load_balancer, json, listener, err) < 0)
            return err_wrap(err, "Listeners[%zu]", index);
    }
    return 0;
}

/* ---- load balancers ---- */

static int load_nodes(struct snapshot *snapshot, struct load_balancer *load_balancer,
                      const json_t *nodes, struct err *err)
{
    size_t count = json_array_size(nodes), index;
    const json_t *json;
    if (count < 1 || count > NODES_MAX)
        return err_set(err, "Nodes must be an array of 1 to %d nodes", NODES_MAX);
    load_balancer->nodes = snapshot_alloc(snapshot, count * sizeof *load_balancer->nodes);
    json_array_foreach (nodes, index, json) {
        static const char *const members[] = {"Address", "AvailabilityZone", NULL};
        struct node *node = &load_balancer->nodes[load_balancer->node_count++];
        const char *address, *zone;
        if (reader_check(json, "a node", members, err) < 0 ||
            reader_required_text(json, "Address", 64, &address, err) < 0 ||
            reader_required_text(json, "AvailabilityZone", ID_SIZE - 1, &zone, err) < 0 ||
            reader_address(address, &node->address, err) < 0)
            return err_wrap(err, "Nodes[%zu]", index);
        memcpy(node->zone, zone, strlen(zone) + 1);
    }
    return 0;
}

static int load_sources(struct snapshot *snapshot, struct load_balancer *load_balancer,
                        const json_t *sources, struct err *err)
{
    size_t count = json_array_size(sources), index;
    const json_t *json;
    if ((sources && !json_is_array(sources)) || count > SOURCES_MAX)
        return err_set(err, "AllowedSources must be an array of at most %d", SOURCES_MAX);
    load_balancer->sources = snapshot_alloc(snapshot, count * sizeof *load_balancer->sources);
    json_array_foreach (sources, index, json) {
        static const char *const members[] = {"Cidr", "FromPort", "ToPort", NULL};
        struct allowed_source *source = &load_balancer->sources[load_balancer->source_count++];
        int64_t from, to;
        const char *block;
        if (reader_check(json, "an allowed source", members, err) < 0 ||
            reader_required_text(json, "Cidr", 64, &block, err) < 0 ||
            reader_block(block, &source->network, &source->mask, err) < 0 ||
            reader_integer(json, "FromPort", 0, 65535, 0, &from, err) < 0 ||
            reader_integer(json, "ToPort", 0, 65535, 65535, &to, err) < 0)
            return err_wrap(err, "AllowedSources[%zu]", index);
        source->port_from = (uint16_t)from;
        source->port_to = (uint16_t)to;
    }
    return 0;
}

/* The load balancer's own words; its listeners come once the target groups are there. */
static int load_cloud_balancer(struct snapshot *snapshot, const json_t *json,
                               struct load_balancer *out, struct err *err)
{
    static const char *const members[] = {"Name",           "Vpc",       "Attributes", "Nodes",
                                          "AllowedSources", "Listeners", "CookieKey",  NULL};
    const char *name, *vpc, *dns_name;
    if (reader_check(json, "a load balancer", members, err) < 0 ||
        reader_required_text(json, "Name", DIMENSION_SIZE - 1, &name, err) < 0 ||
        reader_required_text(json, "Vpc", ID_SIZE - 1, &vpc, err) < 0 ||
        reader_required_text(json, "DNSName", 255, &dns_name, err) < 0 ||
        stickiness_load_key(json, out, err) < 0 ||
        attributes_load_balancer(json_object_get(json, "Attributes"), &out->attributes, err) < 0)
        return -1;
    memcpy(out->name, name, strlen(name) + 1);
    memcpy(out->vpc, vpc, strlen(vpc) + 1);
    out->dns_name = snapshot_text(snapshot, dns_name);
    for (char *at = out->dns_name; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    if (load_nodes(snapshot, out, json_object_get(json, "Nodes"), err) < 0)
        return -1;
    return load_sources(snapshot, out, json_object_get(json, "AllowedSources"), err);
}

static int load_cloud_balancers(struct snapshot *snapshot, const json_t *balancers, struct err *err)
{
    size_t count = json_array_size(balancers), index;
    const json_t *json;
    if (!json_is_array(balancers) || count > LOAD_BALANCERS_MAX)
        return err_set(err, "LoadBalancers must be an array of at most %d", LOAD_BALANCERS_MAX);
    snapshot->load_balancers = snapshot_alloc(snapshot, count * sizeof *snapshot->load_balancers);
    json_array_foreach (balancers, index, json) {
        struct load_balancer *load_balancer =
            &snapshot->load_balancers[snapshot->load_balancer_count++];
        if (load_cloud_balancer(snapshot, json, load_balancer, err) < 0)
            return err_wrap(err, "LoadBalancers[%zu]", index);
    }
    return 0;
}

/* Alone: a node for each zone that a listener is in; one without a name if there is none. */
static int load_zones(struct snapshot *snapshot, const json_t *listeners, struct load_balancer *out,
                      struct err *err)
{
    size_t index;
    const json_t *json;
    int node;
    out->nodes = snapshot_alloc(snapshot, NODES_MAX * sizeof *out->nodes);
    json_array_foreach (listeners, index, json) {
        if (find_zone(out, json, &node, err) < 0)
            return err_wrap(err, "Listeners[%zu]", index);
        const char *zone = json_string_value(json_object_get(json, "AvailabilityZone"));
        if (node == NODES_MAX)
            return err_set(err, "listeners must be in at most %d zones", NODES_MAX);
        if (node < out->node_count)
            continue;
        memcpy(out->nodes[out->node_count++].zone, zone ? zone : "", zone ? strlen(zone) + 1 : 1);
    }
    out->node_count += !out->node_count;
    return 0;
}

/* Whoever runs the balancer opens the file. */
static int load_log_file(const json_t *root, const char *name, bool *out, struct err *err)
{
    const char *path = NULL;
    if (json_object_get(root, name) && reader_required_text(root, name, PATH_MAX, &path, err) < 0)
        return -1;
    *out = path != NULL;
    return 0;
}

static int load_alone_balancer(struct snapshot *snapshot, const json_t *root, struct err *err)
{
    struct load_balancer *load_balancer = snapshot_alloc(snapshot, sizeof *load_balancer);
    snapshot->load_balancers = load_balancer;
    snapshot->load_balancer_count = 1;
    memcpy(load_balancer->name, "alone", 6);
    load_balancer->dns_name = snapshot_text(snapshot, "");
    if (load_zones(snapshot, json_object_get(root, "Listeners"), load_balancer, err) < 0 ||
        stickiness_load_key(root, load_balancer, err) < 0)
        return -1;
    struct balancer_attributes *attributes = &load_balancer->attributes;
    if (attributes_load_balancer(json_object_get(root, "Attributes"), attributes, err) < 0)
        return -1;
    if (attributes->access_log || attributes->connection_log || attributes->health_check_log)
        return err_set(err, "there is no S3 here: name files as AccessLog, ConnectionLog and "
                            "HealthCheckLog");
    return load_log_file(root, "AccessLog", &attributes->access_log, err) < 0 ||
                   load_log_file(root, "ConnectionLog", &attributes->connection_log, err) < 0 ||
                   load_log_file(root, "HealthCheckLog", &attributes->health_check_log, err) < 0
               ? -1
               : 0;
}

/* ---- target groups ---- */

static int load_version(const char *text, enum target_version *out, struct err *err)
{
    *out = TARGETS_HTTP1;
    for (size_t i = 0; text && i < TARGET_VERSIONS; i++)
        if (strcmp(text, target_version_names[i]) == 0) {
            *out = (enum target_version)i;
            return 0;
        }
    return text ? err_set(err, "the ProtocolVersion '%s' is not valid", text) : 0;
}

static int load_group(struct snapshot *snapshot, const json_t *json, struct target_group *group,
                      struct err *err)
{
    static const char *const members[] = {"Name",
                                          "Protocol",
                                          "ProtocolVersion",
                                          "Port",
                                          "Attributes",
                                          "Targets",
                                          "Matcher",
                                          "HealthCheckPort",
                                          "HealthCheckProtocol",
                                          "HealthCheckPath",
                                          "HealthCheckIntervalSeconds",
                                          "HealthCheckTimeoutSeconds",
                                          "HealthCheckEnabled",
                                          "HealthyThresholdCount",
                                          "UnhealthyThresholdCount",
                                          NULL};
    const char *key, *name, *protocol, *version;
    int64_t port;
    const char *key_name = snapshot->cloud ? "TargetGroupArn" : "TargetGroupName";
    if (reader_check(json, "a target group", members, err) < 0 ||
        reader_required_text(json, key_name, 512, &key, err) < 0 ||
        reader_text(json, "Name", DIMENSION_SIZE - 1, &name, err) < 0 ||
        reader_required_text(json, "Protocol", 16, &protocol, err) < 0 ||
        reader_text(json, "ProtocolVersion", 16, &version, err) < 0 ||
        reader_integer(json, "Port", 1, 65535, 0, &port, err) < 0)
        return -1;
    group->https = strcmp(protocol, "HTTPS") == 0;
    if (!group->https && strcmp(protocol, "HTTP") != 0)
        return err_set(err, "the target group protocol '%s' is not supported", protocol);
    if (load_version(version, &group->version, err) < 0)
        return -1;
    group->key = snapshot_text(snapshot, key);
    strncpy(group->name, name ? name : key, sizeof group->name - 1);
    group->port = (uint16_t)port;
    if (attributes_load_group(json_object_get(json, "Attributes"), &group->attributes, err) < 0)
        return -1;
    group->session = session_hash(group->name, strlen(group->name));
    return health_load_settings(snapshot, json, group, err);
}

static int load_groups(struct snapshot *snapshot, const json_t *groups, struct err *err)
{
    size_t count = json_array_size(groups), index;
    const json_t *json;
    if ((groups && !json_is_array(groups)) || count > GROUPS_MAX)
        return err_set(err, "TargetGroups must be an array of at most %d", GROUPS_MAX);
    snapshot->groups = snapshot_alloc(snapshot, count * sizeof *snapshot->groups);
    json_array_foreach (groups, index, json) {
        struct target_group *group = &snapshot->groups[snapshot->group_count++];
        if (load_group(snapshot, json, group, err) < 0)
            return err_wrap(err, "TargetGroups[%zu]", index);
        for (struct target_group *other = snapshot->groups; other < group; other++)
            if (strcmp(other->key, group->key) == 0)
                return err_set(err, "two target groups are called '%s'", group->key);
    }
    return 0;
}

/* ---- targets ---- */

/* Connections to a target come from the node in its zone, or else from any. */
static struct source source_in_zone(const struct target_group *group, const char *zone)
{
    struct source source = {.vpc = ""};
    const struct load_balancer *user = group->user;
    if (!user || !user->vpc[0])
        return source;
    const struct node *node = &user->nodes[0];
    for (int i = 0; zone && i < user->node_count; i++)
        if (strcmp(user->nodes[i].zone, zone) == 0)
            node = &user->nodes[i];
    memcpy(source.vpc, user->vpc, sizeof source.vpc);
    source.address = node->address;
    return source;
}

static int load_target(struct snapshot *snapshot, const json_t *json, struct target_group *group,
                       struct member *member, struct err *err)
{
    static const char *const members[] = {"Id",       "Address",      "Port", "AvailabilityZone",
                                          "Draining", "InvalidState", NULL};
    const char *id, *address, *zone;
    uint32_t number;
    int64_t port;
    if (reader_check(json, "a target", members, err) < 0 ||
        reader_required_text(json, "Id", 63, &id, err) < 0 ||
        reader_text(json, "Address", 64, &address, err) < 0 ||
        reader_text(json, "AvailabilityZone", ID_SIZE - 1, &zone, err) < 0 ||
        reader_integer(json, "Port", 1, 65535, group->port, &port, err) < 0 ||
        reader_flag(json, "Draining", &member->draining, err) < 0 ||
        reader_flag(json, "InvalidState", &member->invalid, err) < 0)
        return -1;
    if (!port)
        return err_set(err, "Port is missing");
    /* A target that does not run may have no address. */
    if (member->invalid && !address)
        number = 0;
    else if (reader_address(address ? address : id, &number, err) < 0)
        return -1;
    member->zone = zone ? snapshot_text(snapshot, zone) : "";
    struct source source = source_in_zone(group, zone);
    member->target =
        target_get(snapshot->targets, group->name, id, number, (uint16_t)port, &source);
    return member->target ? 0 : err_set(err, "out of memory");
}

static int load_targets(struct snapshot *snapshot, const json_t *targets,
                        struct target_group *group, struct err *err)
{
    size_t count = json_array_size(targets), index;
    const json_t *json;
    if ((targets && !json_is_array(targets)) || count > TARGETS_MAX)
        return err_set(err, "Targets must be an array of at most %d", TARGETS_MAX);
    group->members = snapshot_alloc(snapshot, count * sizeof *group->members);
    group->routable = snapshot_alloc(snapshot, count * sizeof(struct target *));
    json_array_foreach (targets, index, json) {
        struct member *member = &group->members[group->member_count++];
        if (load_target(snapshot, json, group, member, err) < 0)
            return err_wrap(err, "Targets[%zu]", index);
        if (member->target->load == snapshot->targets->load)
            return err_set(err, "the target %s is there twice", member->target->id);
        member->target->load = snapshot->targets->load;
        if (!member->draining && !member->invalid)
            group->routable[group->routable_count++] = member->target;
    }
    return 0;
}

/* The pool of a zone, or of all if it is NULL. */
static void load_pool(struct snapshot *snapshot, const struct target_group *group, const char *zone,
                      struct pool *pool)
{
    pool->targets = snapshot_alloc(snapshot, (size_t)group->routable_count * sizeof *pool->targets);
    for (int i = 0; i < group->member_count; i++) {
        const struct member *member = &group->members[i];
        if (!member->draining && !member->invalid && (!zone || strcmp(member->zone, zone) == 0))
            pool->targets[pool->count++] = member->target;
    }
    pool_prepare(pool, snapshot);
}

static void load_pools(struct snapshot *snapshot, struct target_group *group)
{
    const struct load_balancer *user = group->user;
    bool by_node = user && group->attributes.own_zone_only;
    group->pool_count = by_node ? user->node_count : 1;
    group->pools = snapshot_alloc(snapshot, (size_t)group->pool_count * sizeof *group->pools);
    for (int i = 0; i < group->pool_count; i++)
        load_pool(snapshot, group, by_node ? user->nodes[i].zone : NULL, &group->pools[i]);
}

/* ---- endpoints ---- */

static struct endpoint *endpoint_at(struct snapshot *snapshot, const char *vpc, uint32_t address,
                                    uint16_t port)
{
    for (int i = 0; i < snapshot->endpoint_count; i++) {
        struct endpoint *endpoint = &snapshot->endpoints[i];
        if (endpoint->address == address && endpoint->port == port &&
            strcmp(endpoint->vpc, vpc) == 0)
            return endpoint;
    }
    struct endpoint *endpoint = &snapshot->endpoints[snapshot->endpoint_count++];
    memcpy(endpoint->vpc, vpc, strlen(vpc) + 1);
    endpoint->address = address;
    endpoint->port = port;
    endpoint->listeners =
        snapshot_alloc(snapshot, (size_t)snapshot->load_balancer_count * sizeof(struct listener *));
    return endpoint;
}

static int add_listener(struct endpoint *endpoint, const struct listener *listener, int node,
                        struct err *err)
{
    for (int i = 0; i < endpoint->listener_count; i++)
        if (node >= 0 || endpoint->listeners[i]->load_balancer == listener->load_balancer)
            return err_set(err, "two listeners have the port %u", listener->port);
    endpoint->node = node;
    endpoint->tls |= listener->tls != NULL;
    endpoint->listeners[endpoint->listener_count++] = listener;
    return 0;
}

static int make_endpoints(struct snapshot *snapshot, const struct load_balancer *load_balancer,
                          struct err *err)
{
    enum { LOOPBACK = 0x7f000001 };
    for (int i = 0; i < load_balancer->listener_count; i++) {
        const struct listener *listener = &load_balancer->listeners[i];
        if (!snapshot->cloud) {
            if (add_listener(endpoint_at(snapshot, "", listener->address, listener->port), listener,
                             listener->node, err) < 0)
                return -1;
            continue;
        }
        if (add_listener(endpoint_at(snapshot, "", LOOPBACK, listener->port), listener, -1, err) <
            0)
            return -1;
        for (int node = 0; node < load_balancer->node_count; node++)
            if (add_listener(endpoint_at(snapshot, load_balancer->vpc,
                                         load_balancer->nodes[node].address, listener->port),
                             listener, node, err) < 0)
                return -1;
    }
    return 0;
}

static int load_endpoints(struct snapshot *snapshot, struct err *err)
{
    size_t count = 0;
    for (int i = 0; i < snapshot->load_balancer_count; i++)
        count += (size_t)snapshot->load_balancers[i].listener_count *
                 (size_t)(snapshot->load_balancers[i].node_count + 1);
    snapshot->endpoints = snapshot_alloc(snapshot, count * sizeof *snapshot->endpoints);
    for (int i = 0; i < snapshot->load_balancer_count; i++)
        if (make_endpoints(snapshot, &snapshot->load_balancers[i], err) < 0)
            return err_wrap(err, "%s", snapshot->load_balancers[i].name);
    return 0;
}

/* ---- the document ---- */

static int load_clock(const json_t *clock, struct snapshot *snapshot, struct err *err)
{
    static const char *const members[] = {"Speed", "AdvanceSeconds", NULL};
    int64_t speed = 1, advance_s = 0;
    if (clock && (reader_check(clock, "Clock", members, err) < 0 ||
                  reader_integer(clock, "Speed", 1, CLOCK_SPEED_MAX, 1, &speed, err) < 0 ||
                  reader_integer(clock, "AdvanceSeconds", 0, INT32_MAX, 0, &advance_s, err) < 0))
        return -1;
    snapshot->clock_speed = (int)speed;
    snapshot->clock_advance_ms = advance_s * 1000;
    return 0;
}

static int load_head(struct snapshot *snapshot, const json_t *root, struct err *err)
{
    static const char *const cloud[] = {"HostAddress", "LoadBalancers", "TargetGroups", NULL};
    static const char *const alone[] = {
        "Workers",   "Attributes",   "AccessLog", "ConnectionLog", "HealthCheckLog",
        "Listeners", "TargetGroups", "CookieKey", "Clock",         NULL};
    const char *address;
    int64_t workers;
    snapshot->cloud = json_object_get(root, "LoadBalancers") != NULL;
    if (reader_check(root, "the configuration", snapshot->cloud ? cloud : alone, err) < 0 ||
        reader_integer(root, "Workers", 1, WORKERS_MAX, 0, &workers, err) < 0)
        return -1;
    snapshot->worker_count = (int)workers;
    if (!snapshot->cloud)
        return load_clock(json_object_get(root, "Clock"), snapshot, err) < 0
                   ? -1
                   : load_alone_balancer(snapshot, root, err);
    if (reader_required_text(root, "HostAddress", 64, &address, err) < 0 ||
        reader_address(address, &snapshot->host_address, err) < 0)
        return -1;
    return load_cloud_balancers(snapshot, json_object_get(root, "LoadBalancers"), err);
}

/* Target groups first, as listeners name them; targets last, as they ask who uses their group. */
static int load_document(struct snapshot *snapshot, const json_t *root, struct err *err)
{
    const json_t *groups = json_object_get(root, "TargetGroups");
    const json_t *balancers = json_object_get(root, "LoadBalancers");
    if (load_head(snapshot, root, err) < 0 || load_groups(snapshot, groups, err) < 0)
        return -1;
    for (int i = 0; i < snapshot->load_balancer_count; i++) {
        struct load_balancer *load_balancer = &snapshot->load_balancers[i];
        const json_t *json = snapshot->cloud ? json_array_get(balancers, (size_t)i) : root;
        for (int n = 0; n < load_balancer->node_count; n++)
            load_balancer->nodes[n].cell =
                snapshot_cell(snapshot, load_balancer->name, "", load_balancer->nodes[n].zone);
        if (load_listeners(snapshot, load_balancer, json_object_get(json, "Listeners"), err) < 0)
            return err_wrap(err, "%s", load_balancer->name);
    }
    for (int i = 0; i < snapshot->group_count; i++) {
        const json_t *json = json_array_get(groups, (size_t)i);
        struct target_group *group = &snapshot->groups[i];
        tls_load_group(group);
        if (load_targets(snapshot, json_object_get(json, "Targets"), group, err) < 0)
            return err_wrap(err, "%s", group->name);
        load_pools(snapshot, group);
    }
    return load_endpoints(snapshot, err);
}

struct snapshot *snapshot_load(const char *text, size_t size, struct traffic_table *traffic,
                               struct target_table *targets, struct tls_store *tls, struct err *err)
{
    json_error_t error;
    json_auto_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        err_set(err, "line %d: %s", error.line, error.text);
        return NULL;
    }
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot) {
        err_set(err, "out of memory");
        return NULL;
    }
    list_init(&snapshot->blocks);
    list_init(&snapshot->regexes);
    random_bytes(&snapshot->seed, sizeof snapshot->seed);
    snapshot->traffic = traffic;
    snapshot->targets = targets;
    targets->load++;
    snapshot->tls = tls;
    if (load_document(snapshot, root, err) < 0) {
        snapshot_destroy(snapshot);
        return NULL;
    }
    return snapshot;
}

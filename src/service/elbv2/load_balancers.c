/* Load balancers: an application load balancer has a node, with a network interface, per subnet. */
#include "service/elbv2/load_balancers.h"
#include "base/cleanup.h"
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/interface.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/tags.h"
#include "wire/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The hosted zone of Elastic Load Balancing's names in us-east-1; nothing here depends on it. */
static const char HOSTED_ZONE[] = "Z35SXDOTRQ7X7K";

/* ---- subnets and security groups ---- */

/* The ids of Subnets or SubnetMappings: a new array; NULL and err if a mapping asks for more. */
static json_t *asked_subnets(const struct call *call, struct err *err)
{
    json_t *ids = json_deep_copy(json_object_get(call->in, "Subnets"));
    if (!ids)
        ids = json_array();
    size_t i;
    const json_t *mapping;
    json_array_foreach (json_object_get(call->in, "SubnetMappings"), i, mapping) {
        if (call_accept(mapping, "SubnetId", err) < 0) {
            json_decref(ids);
            return NULL;
        }
        json_array_append(ids, json_object_get(mapping, "SubnetId"));
    }
    return ids;
}

static bool has_internet_gateway(const struct call *call, const char *vpc)
{
    size_t i;
    const json_t *attachment;
    store_each (cursor, call->store, "internet-gateway", call->region)
        json_array_foreach (json_object_get(cursor.doc, "Attachments"), i, attachment)
            if (doc_is(attachment, "VpcId", vpc))
                return true;
    return false;
}

static int check_zones(const json_t *subnets, struct err *err)
{
    size_t i, j;
    const json_t *subnet, *other;
    json_array_foreach (subnets, i, subnet) {
        json_array_foreach (subnets, j, other) {
            if (!doc_is(subnet, "VpcId", doc_text(other, "VpcId")))
                return err_aws(err, "InvalidConfigurationRequest",
                               "All subnets must belong to the same VPC: '%s'",
                               doc_text(json_array_get(subnets, 0), "VpcId"));
            if (j < i && doc_is(subnet, "AvailabilityZone", doc_text(other, "AvailabilityZone")))
                return err_aws(err, "InvalidConfigurationRequest",
                               "A load balancer cannot be attached to multiple subnets in the same "
                               "Availability Zone");
        }
    }
    if (json_array_size(subnets) < 2)
        return err_aws(
            err, "ValidationError",
            "At least two subnets in two different Availability Zones must be specified");
    return 0;
}

/* The documents of the asked subnets: a new array; NULL and err if a load balancer cannot use them.
 */
static json_t *resolve_subnets(const struct call *call, bool internet_facing, struct err *err)
{
    json_auto_t *ids = asked_subnets(call, err);
    if (!ids)
        return NULL;
    json_auto_t *subnets = json_array();
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const char *text = json_string_value(id) ? json_string_value(id) : "";
        const json_t *subnet = store_get(call->store, "subnet", call->region, text);
        if (!subnet) {
            err_aws(err, "SubnetNotFound", "The subnet ID '%.100s' does not exist", text);
            return NULL;
        }
        json_array_append(subnets, (json_t *)subnet);
    }
    if (check_zones(subnets, err) < 0)
        return NULL;
    const char *vpc = doc_text(json_array_get(subnets, 0), "VpcId");
    if (internet_facing && !has_internet_gateway(call, vpc)) {
        err_aws(err, "InvalidSubnet", "VPC %s has no internet gateway", vpc);
        return NULL;
    }
    return json_incref(subnets);
}

/* The asked security groups, or the VPC's default one: a new array; NULL and err if invalid. */
static json_t *resolve_groups(const struct call *call, const char *vpc, struct err *err)
{
    const json_t *asked = json_object_get(call->in, "SecurityGroups");
    if (json_array_size(asked) == 0) {
        const json_t *doc = store_get(call->store, "vpc", call->region, vpc);
        return json_pack("[s]", doc_text(doc, "_default_group"));
    }
    size_t i;
    const json_t *id;
    json_array_foreach (asked, i, id) {
        const json_t *group =
            store_get(call->store, "security-group", call->region, json_string_value(id));
        if (!group || !doc_is(group, "VpcId", vpc)) {
            err_aws(err, "InvalidConfigurationRequest", "One or more security groups are invalid");
            return NULL;
        }
    }
    return json_deep_copy(asked);
}

/* ---- nodes ---- */

static bool is_internet_facing(const json_t *load_balancer)
{
    return doc_is(load_balancer, "Scheme", "internet-facing");
}

/* Adds a node with a network interface of its own in a subnet. */
static int add_node(struct call *call, json_t *load_balancer, const json_t *subnet, struct err *err)
{
    char description[128], id[32];
    snprintf(description, sizeof description, "ELB %s", doc_text(load_balancer, "_dimension"));
    struct ec2_interface_spec spec = {
        .subnet = subnet,
        .group_ids = json_object_get(load_balancer, "SecurityGroups"),
        .want_public = is_internet_facing(load_balancer),
        .kind = "balancer",
        .owner = doc_text(load_balancer, "LoadBalancerArn"),
        .description = description,
    };
    if (ec2_interface_create(call, &spec, id, err) < 0)
        return -1;
    const json_t *interface = store_get(call->store, "network-interface", call->region, id);
    const char *zone = doc_text(subnet, "AvailabilityZone");
    json_t *node = json_pack("{s:s, s:s, s:s, s:s}", "SubnetId", doc_text(subnet, "SubnetId"),
                             "AvailabilityZone", zone, "NetworkInterfaceId", id, "Address",
                             doc_text(interface, "PrivateIpAddress"));
    const char *public_ip = doc_text(json_object_get(interface, "Association"), "PublicIp");
    if (*public_ip)
        json_object_set_new(node, "PublicAddress", json_string(public_ip));
    json_array_append_new(json_object_get(load_balancer, "_nodes"), node);
    json_array_append_new(json_object_get(load_balancer, "AvailabilityZones"),
                          json_pack("{s:s, s:s, s:[]}", "ZoneName", zone, "SubnetId",
                                    doc_text(subnet, "SubnetId"), "LoadBalancerAddresses"));
    return 0;
}

static void remove_node(struct call *call, json_t *load_balancer, size_t index)
{
    json_t *nodes = json_object_get(load_balancer, "_nodes");
    ec2_interface_delete(call, doc_text(json_array_get(nodes, index), "NetworkInterfaceId"));
    json_array_remove(nodes, index);
    json_array_remove(json_object_get(load_balancer, "AvailabilityZones"), index);
}

/* Whether any object of a list has this subnet. */
static bool has_subnet(const json_t *list, const char *subnet_id)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (doc_is(item, "SubnetId", subnet_id))
            return true;
    return false;
}

/* ---- creation ---- */

static bool same_settings(const json_t *load_balancer, const json_t *subnets, const json_t *groups,
                          const char *scheme)
{
    const json_t *nodes = json_object_get(load_balancer, "_nodes");
    size_t i;
    const json_t *subnet;
    json_array_foreach (subnets, i, subnet)
        if (!has_subnet(nodes, doc_text(subnet, "SubnetId")))
            return false;
    return json_array_size(nodes) == json_array_size(subnets) &&
           json_equal(json_object_get(load_balancer, "SecurityGroups"), groups) &&
           doc_is(load_balancer, "Scheme", scheme);
}

/* 32 random bytes in base64: what the cookies of the load balancer are sealed with. */
static json_t *new_cookie_key(const struct call *call)
{
    unsigned char bytes[32];
    call->world->random(call->world->arg, bytes, sizeof bytes);
    auto_free char *text = base64_encode(bytes, sizeof bytes);
    return json_string(text ? text : "");
}

/* A new document without nodes; takes over `groups` and `tags`. */
static json_t *new_load_balancer(const struct call *call, const char *name, const char *scheme,
                                 const char *vpc, json_t *groups, json_t *tags)
{
    char hex[17], dimension[80], path[128], arn[ELB_ARN_SIZE], dns_name[160];
    call_make_hex16(call, hex);
    snprintf(dimension, sizeof dimension, "app/%s/%s", name, hex);
    snprintf(path, sizeof path, "loadbalancer/%s", dimension);
    elb_make_arn(call, path, arn);
    call_make_hex16(call, hex);
    snprintf(dns_name, sizeof dns_name, "%s%s-%010llu.%s.elb.localhost",
             strcmp(scheme, "internal") == 0 ? "internal-" : "", name,
             strtoull(hex, NULL, 16) % 10000000000ULL, call->region);
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:{s:s}, s:s, s:[], s:o, s:s, s:o, s:[], "
                     "s:s, s:o, s:o}",
                     "LoadBalancerArn", arn, "DNSName", dns_name, "CanonicalHostedZoneId",
                     HOSTED_ZONE, "CreatedTime", call_now(call), "LoadBalancerName", name, "Scheme",
                     scheme, "VpcId", vpc, "State", "Code", "provisioning", "Type", "application",
                     "AvailabilityZones", "SecurityGroups", groups, "IpAddressType", "ipv4",
                     "_attributes", elb_default_attributes(ELB_LOAD_BALANCER), "_nodes",
                     "_dimension", dimension, "_tags", tags, "_cookie_key", new_cookie_key(call));
}

static int create(struct call *call, const char *name, const char *scheme, const json_t *subnets,
                  json_t *groups, struct err *err)
{
    if (store_count(call->store, elb_kind(ELB_LOAD_BALANCER), call->region) >=
        ELB_LOAD_BALANCERS_MAX)
        return err_aws(err, "TooManyLoadBalancers",
                       "The maximum number of load balancers has been reached");
    json_t *tags = elb_tags_on_creation(call, err);
    if (!tags)
        return -1;
    const char *vpc = doc_text(json_array_get(subnets, 0), "VpcId");
    json_auto_t *load_balancer =
        new_load_balancer(call, name, scheme, vpc, json_incref(groups), tags);
    size_t i;
    const json_t *subnet;
    json_array_foreach (subnets, i, subnet)
        if (add_node(call, load_balancer, subnet, err) < 0)
            return -1;
    txn_put(call->txn, elb_kind(ELB_LOAD_BALANCER), call->region,
            doc_text(load_balancer, "LoadBalancerArn"), json_incref(load_balancer));
    return elb_output_one(call, "LoadBalancers", load_balancer);
}

static int check_name(const char *name, struct err *err)
{
    if (elb_check_name("Load balancer", name, err) < 0)
        return -1;
    if (strncmp(name, "internal-", 9) == 0)
        return err_aws(err, "ValidationError",
                       "Load balancer name '%s' cannot begin with 'internal-'", name);
    return 0;
}

int elb_CreateLoadBalancer(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "Name");
    const char *scheme = doc_text(call->in, "Scheme");
    if (!*scheme)
        scheme = "internet-facing";
    if (call_accept(call->in,
                    "Name Subnets SubnetMappings SecurityGroups Scheme Tags Type=application "
                    "IpAddressType=ipv4",
                    err) < 0 ||
        check_name(name, err) < 0)
        return -1;
    json_auto_t *subnets = resolve_subnets(call, strcmp(scheme, "internal") != 0, err);
    if (!subnets)
        return -1;
    const char *vpc = doc_text(json_array_get(subnets, 0), "VpcId");
    json_auto_t *groups = resolve_groups(call, vpc, err);
    if (!groups)
        return -1;
    const json_t *existing = elb_by_name(call, ELB_LOAD_BALANCER, name);
    if (!existing)
        return create(call, name, scheme, subnets, groups, err);
    if (same_settings(existing, subnets, groups, scheme))
        return elb_output_one(call, "LoadBalancers", existing);
    return err_aws(err, "DuplicateLoadBalancerName",
                   "A load balancer with the same name '%s' exists, but with different settings",
                   name);
}

/* ---- description and deletion ---- */

static json_t *all_load_balancers(const struct call *call)
{
    json_t *all = json_array();
    store_each (cursor, call->store, elb_kind(ELB_LOAD_BALANCER), call->region)
        json_array_append(all, (json_t *)cursor.doc);
    return all;
}

static json_t *load_balancers_by_name(const struct call *call, const json_t *names, struct err *err)
{
    json_t *found = json_array();
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        const json_t *doc = elb_by_name(call, ELB_LOAD_BALANCER, json_string_value(name));
        if (!doc) {
            elb_not_found(ELB_LOAD_BALANCER, json_string_value(name), err);
            json_decref(found);
            return NULL;
        }
        json_array_append(found, (json_t *)doc);
    }
    return found;
}

int elb_DescribeLoadBalancers(struct call *call, struct err *err)
{
    const json_t *arns = json_object_get(call->in, "LoadBalancerArns");
    const json_t *names = json_object_get(call->in, "Names");
    if (json_array_size(arns) > 0 && json_array_size(names) > 0)
        return err_aws(err, "ValidationError",
                       "Load balancer names and ARNs cannot be specified at the same time");
    json_auto_t *selected = json_array_size(arns) > 0
                                ? elb_by_arns(call, ELB_LOAD_BALANCER, arns, err)
                            : json_array_size(names) > 0 ? load_balancers_by_name(call, names, err)
                                                         : all_load_balancers(call);
    return selected ? elb_page(call, selected, "LoadBalancers", err) : -1;
}

int elb_DeleteLoadBalancer(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "LoadBalancerArn");
    const json_t *found = store_get(call->store, elb_kind(ELB_LOAD_BALANCER), call->region, arn);
    if (!found)
        return 0;
    if (strcmp(elb_attribute(found, "deletion_protection.enabled"), "true") == 0)
        return err_aws(
            err, "OperationNotPermitted",
            "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn);
    json_auto_t *listeners = elb_listeners_of(call, arn);
    size_t i;
    const json_t *listener;
    json_array_foreach (listeners, i, listener)
        elb_delete_listener(call, doc_text(listener, "ListenerArn"));
    json_t *load_balancer = elb_edit(call, ELB_LOAD_BALANCER, arn, err);
    while (json_array_size(json_object_get(load_balancer, "_nodes")) > 0)
        remove_node(call, load_balancer, 0);
    txn_delete(call->txn, elb_kind(ELB_LOAD_BALANCER), call->region, arn);
    return 0;
}

/* ---- changes ---- */

int elb_SetSecurityGroups(struct call *call, struct err *err)
{
    if (call_accept(call->in, "LoadBalancerArn SecurityGroups", err) < 0)
        return -1;
    json_t *load_balancer =
        elb_edit(call, ELB_LOAD_BALANCER, doc_text(call->in, "LoadBalancerArn"), err);
    if (!load_balancer)
        return -1;
    if (json_array_size(json_object_get(call->in, "SecurityGroups")) == 0)
        return err_aws(err, "ValidationError", "At least one security group must be specified");
    json_t *groups = resolve_groups(call, doc_text(load_balancer, "VpcId"), err);
    if (!groups)
        return -1;
    json_object_set_new(load_balancer, "SecurityGroups", groups);
    size_t i;
    const json_t *node;
    json_array_foreach (json_object_get(load_balancer, "_nodes"), i, node)
        if (ec2_interface_set_groups(call, doc_text(node, "NetworkInterfaceId"), groups, err) < 0)
            return -1;
    json_object_set(call->out, "SecurityGroupIds", groups);
    return 0;
}

int elb_SetSubnets(struct call *call, struct err *err)
{
    if (call_accept(call->in, "LoadBalancerArn Subnets SubnetMappings IpAddressType=ipv4", err) < 0)
        return -1;
    json_t *load_balancer =
        elb_edit(call, ELB_LOAD_BALANCER, doc_text(call->in, "LoadBalancerArn"), err);
    if (!load_balancer)
        return -1;
    json_auto_t *subnets = resolve_subnets(call, is_internet_facing(load_balancer), err);
    if (!subnets)
        return -1;
    if (!doc_is(json_array_get(subnets, 0), "VpcId", doc_text(load_balancer, "VpcId")))
        return err_aws(err, "InvalidSubnet", "The subnets must belong to the VPC '%s'",
                       doc_text(load_balancer, "VpcId"));
    json_t *nodes = json_object_get(load_balancer, "_nodes");
    for (size_t i = json_array_size(nodes); i > 0; i--)
        if (!has_subnet(subnets, doc_text(json_array_get(nodes, i - 1), "SubnetId")))
            remove_node(call, load_balancer, i - 1);
    size_t i;
    const json_t *subnet;
    json_array_foreach (subnets, i, subnet)
        if (!has_subnet(nodes, doc_text(subnet, "SubnetId")) &&
            add_node(call, load_balancer, subnet, err) < 0)
            return -1;
    json_object_set(call->out, "AvailabilityZones",
                    json_object_get(load_balancer, "AvailabilityZones"));
    json_object_set_new(call->out, "IpAddressType", json_string("ipv4"));
    return 0;
}

/* There is no IPv6, so there is nothing to change. */
int elb_SetIpAddressType(struct call *call, struct err *err)
{
    if (call_accept(call->in, "LoadBalancerArn IpAddressType=ipv4", err) < 0 ||
        !elb_find(call, ELB_LOAD_BALANCER, doc_text(call->in, "LoadBalancerArn"), err))
        return -1;
    return json_object_set_new(call->out, "IpAddressType", json_string("ipv4"));
}

/* Nothing is reserved: a load balancer here has what the machine has. */
int elb_DescribeCapacityReservation(struct call *call, struct err *err)
{
    if (!elb_find(call, ELB_LOAD_BALANCER, doc_text(call->in, "LoadBalancerArn"), err))
        return -1;
    return json_object_set_new(call->out, "CapacityReservationState", json_array());
}

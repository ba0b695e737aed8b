/*
 * Interface endpoints: network interfaces in subnets of a VPC at which a service of AWS answers.
 * Kind `vpc-endpoint`, shape VpcEndpoint. `_names`: DNS names of its own to addresses;
 * `_private_names`: the service's, for the VPC where PrivateDnsEnabled is. What is listed of its
 * interfaces follows from these.
 */
#include "model/model.h"
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_endpoint_gateway.h"
#include "service/ec2/zones.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "vpc-endpoint";

enum { ENDPOINTS_MAX = 50, NAME_SIZE = 192 };

static const char *domain_of(const struct call *call)
{
    return strncmp(call->region, "cn-", 3) ? "amazonaws.com" : "amazonaws.com.cn";
}

/* ---- services ---- */

static void service_full_name(const struct call *call, const char *service, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "com.amazonaws.%s.%s", call->region, service);
}

/* "ec2" of "com.amazonaws.ap-south-1.ec2"; NULL and err if there is no such service here. */
static const char *find_service(const struct call *call, const char *full_name, struct err *err)
{
    char known[NAME_SIZE];
    for (size_t i = 0; model_services[i]; i++) {
        service_full_name(call, model_services[i]->signing_name, known);
        if (!strcmp(known, full_name))
            return model_services[i]->signing_name;
    }
    err_aws(err, "InvalidServiceName", "The Vpc Endpoint Service '%.128s' does not exist",
            full_name);
    return NULL;
}

/* ---- names and interfaces ---- */

static void add_entry(json_t *endpoint, const char *name)
{
    json_array_append_new(json_object_get(endpoint, "DnsEntries"),
                          json_pack("{s:s, s:s}", "DnsName", name, "HostedZoneId", "Z00000000000"));
}

/* A name in `names` leads to one more address. */
static void add_name(json_t *endpoint, const char *names, const char *name, const char *address)
{
    json_t *known = json_object_get(endpoint, names);
    json_t *addresses = json_object_get(known, name);
    if (!addresses) {
        addresses = json_array();
        json_object_set_new(known, name, addresses);
    }
    json_array_append_new(addresses, json_string(address));
}

static void add_interface(const struct call *call, json_t *endpoint, const json_t *interface)
{
    char name[NAME_SIZE];
    const char *service = ec2_text(endpoint, "_service"),
               *address = ec2_text(interface, "PrivateIpAddress");
    const char *own = ec2_text(endpoint, "_name");
    json_array_append(json_object_get(endpoint, "NetworkInterfaceIds"),
                      json_object_get(interface, "NetworkInterfaceId"));
    json_array_append(json_object_get(endpoint, "SubnetIds"),
                      json_object_get(interface, "SubnetId"));
    snprintf(name, sizeof name, "%s.%s.%s.vpce.%s", own, service, call->region, domain_of(call));
    add_name(endpoint, "_names", name, address);
    snprintf(name, sizeof name, "%s-%s.%s.%s.vpce.%s", own, ec2_text(interface, "AvailabilityZone"),
             service, call->region, domain_of(call));
    add_name(endpoint, "_names", name, address);
    snprintf(name, sizeof name, "%s.%s.%s", service, call->region, domain_of(call));
    add_name(endpoint, "_private_names", name, address);
    snprintf(name, sizeof name, "%s.%s.api.aws", service, call->region);
    add_name(endpoint, "_private_names", name, address);
}

/* Writes what follows from the endpoint's interfaces. */
static void list_interfaces(const struct call *call, json_t *endpoint)
{
    static const char *const lists[] = {"NetworkInterfaceIds", "SubnetIds", "DnsEntries"};
    const char *id = ec2_text(endpoint, "VpcEndpointId"), *name;
    json_t *addresses;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        json_object_set_new(endpoint, lists[i], json_array());
    json_object_set_new(endpoint, "_names", json_object());
    json_object_set_new(endpoint, "_private_names", json_object());
    store_each (cursor, call->store, "network-interface", call->region)
        if (doc_is(cursor.doc, "_owner", id))
            add_interface(call, endpoint, cursor.doc);
    json_object_foreach (json_object_get(endpoint, "_names"), name, addresses)
        add_entry(endpoint, name);
    if (doc_flag(endpoint, "PrivateDnsEnabled"))
        json_object_foreach (json_object_get(endpoint, "_private_names"), name, addresses)
            add_entry(endpoint, name);
}

static json_t *group_ids(const json_t *endpoint)
{
    json_t *ids = json_array();
    size_t i;
    const json_t *group;
    json_array_foreach (json_object_get(endpoint, "Groups"), i, group)
        json_array_append(ids, json_object_get(group, "GroupId"));
    return ids;
}

/* An interface in a subnet of the endpoint's VPC, in a zone where it has none yet. */
static int add_subnet(struct call *call, const json_t *endpoint, const char *subnet_id,
                      struct err *err)
{
    char interface_id[32], description[64];
    const char *id = ec2_text(endpoint, "VpcEndpointId");
    const json_t *subnet = ec2_find(call, "subnet", subnet_id, err);
    if (!subnet)
        return -1;
    if (strcmp(ec2_text(subnet, "VpcId"), ec2_text(endpoint, "VpcId")))
        return err_aws(err, "InvalidParameter", "The subnet %s is not in the VPC %s", subnet_id,
                       ec2_text(endpoint, "VpcId"));
    store_each (cursor, call->store, "network-interface", call->region)
        if (doc_is(cursor.doc, "_owner", id) &&
            doc_is(cursor.doc, "AvailabilityZone", ec2_text(subnet, "AvailabilityZone")))
            return err_aws(err, "DuplicateSubnetsInSameZone",
                           "Found another VPC endpoint subnet in the availability zone of %s. VPC "
                           "endpoint subnets should be in different availability zones supported "
                           "by the VPC endpoint service.",
                           subnet_id);
    json_auto_t *groups = group_ids(endpoint);
    snprintf(description, sizeof description, "VPC Endpoint Interface %s", id);
    const struct ec2_interface_spec spec = {.subnet = subnet,
                                            .group_ids = groups,
                                            .kind = "endpoint",
                                            .owner = id,
                                            .description = description};
    return ec2_interface_create(call, &spec, interface_id, err);
}

static int add_subnets(struct call *call, const json_t *endpoint, const char *member,
                       struct err *err)
{
    size_t i;
    const json_t *subnet;
    json_array_foreach (json_object_get(call->in, member), i, subnet)
        if (add_subnet(call, endpoint, json_string_value(subnet), err) < 0)
            return -1;
    return 0;
}

/* Deletes the interfaces in a subnet, or all of them. */
static void remove_interfaces(struct call *call, const char *id, const char *subnet)
{
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *interface;
    store_each (cursor, call->store, "network-interface", call->region)
        if (doc_is(cursor.doc, "_owner", id) && (!subnet || doc_is(cursor.doc, "SubnetId", subnet)))
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, interface)
        ec2_interface_delete(call, json_string_value(interface));
}

/* The groups of a request that are there, as Groups; the VPC's default one if there are none. */
static json_t *find_groups(const struct call *call, const json_t *ids, const char *vpc_id,
                           struct err *err)
{
    json_auto_t *groups = json_array();
    const json_t *vpc = store_get(call->store, "vpc", call->region, vpc_id), *item;
    json_auto_t *wanted = json_array_size(ids)
                              ? json_incref((json_t *)(uintptr_t)ids)
                              : json_pack("[O]", json_object_get(vpc, "_default_group"));
    size_t i;
    json_array_foreach (wanted, i, item) {
        const json_t *group = ec2_find(call, "security-group", json_string_value(item), err);
        if (!group)
            return NULL;
        if (strcmp(ec2_text(group, "VpcId"), vpc_id)) {
            err_aws(err, "InvalidParameter", "The security group %s is not in the VPC %s",
                    json_string_value(item), vpc_id);
            return NULL;
        }
        json_array_append_new(groups,
                              json_pack("{s:O, s:O}", "GroupId", json_object_get(group, "GroupId"),
                                        "GroupName", json_object_get(group, "GroupName")));
    }
    return json_incref(groups);
}

/* ---- private DNS ---- */

static int check_private_dns(const struct call *call, const json_t *endpoint, struct err *err)
{
    const char *vpc_id = ec2_text(endpoint, "VpcId"), *id = ec2_text(endpoint, "VpcEndpointId");
    const json_t *vpc = store_get(call->store, "vpc", call->region, vpc_id);
    if (!doc_flag(endpoint, "PrivateDnsEnabled"))
        return 0;
    if (json_is_false(json_object_get(vpc, "_dns_support")) || !doc_flag(vpc, "_dns_hostnames"))
        return err_aws(err, "InvalidParameter",
                       "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames "
                       "VPC attributes set to true for %s",
                       vpc_id);
    store_each (cursor, call->store, kind, call->region)
        if (strcmp(cursor.id, id) && doc_is(cursor.doc, "VpcId", vpc_id) &&
            doc_flag(cursor.doc, "PrivateDnsEnabled") &&
            doc_is(cursor.doc, "_service", ec2_text(endpoint, "_service")))
            return err_aws(err, "InvalidParameter",
                           "private-dns-enabled cannot be set because there is already a "
                           "conflicting DNS domain for %s.%s.%s in the VPC %s",
                           ec2_text(endpoint, "_service"), call->region, domain_of(call), vpc_id);
    return 0;
}

/* ---- CreateVpcEndpoint ---- */

static json_t *make_document(const struct call *call, const char *vpc, const char *service,
                             json_t *groups, json_t *tags)
{
    char id[32], full_name[NAME_SIZE], hex[17];
    const json_t *private = json_object_get(call->in, "PrivateDnsEnabled");
    call_make_id(call, "vpce", id);
    call_make_hex16(call, hex);
    service_full_name(call, service, full_name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:o, s:O, s:s, s:s, s:[], s:o}",
                     "VpcEndpointId", id, "VpcEndpointType", "Interface", "VpcId", vpc,
                     "ServiceName", full_name, "State", "pending", "IpAddressType", "ipv4",
                     "PrivateDnsEnabled", !private || json_is_true(private), "RequesterManaged", 0,
                     "Groups", groups, "CreationTimestamp", call_now(call), "Tags", tags, "OwnerId",
                     call->account, "_service", service, "RouteTableIds", "_name",
                     json_sprintf("%s-%.8s", id, hex));
}

int ec2_CreateVpcEndpoint(struct call *call, struct err *err)
{
    const char *type = ec2_text(call->in, "VpcEndpointType");
    if (!type || !strcmp(type, "Gateway"))
        return ec2_gateway_endpoint_create(call, err);
    if (call_accept(call->in,
                    "VpcEndpointType=Interface VpcId ServiceName SubnetIds SecurityGroupIds "
                    "PrivateDnsEnabled IpAddressType=ipv4 TagSpecifications",
                    err) < 0)
        return -1;
    const char *vpc = ec2_required(call, "VpcId", err);
    const char *full_name = vpc ? ec2_required(call, "ServiceName", err) : NULL;
    if (!full_name || !ec2_find(call, "vpc", vpc, err))
        return -1;
    const char *service = find_service(call, full_name, err);
    if (!service ||
        ec2_limit(call, kind, "VpcId", vpc, ENDPOINTS_MAX, "VpcEndpointLimitExceeded", err) < 0)
        return -1;
    json_auto_t *groups =
        find_groups(call, json_object_get(call->in, "SecurityGroupIds"), vpc, err);
    json_auto_t *tags = groups ? ec2_tags_on_creation(call, kind, kind, err) : NULL;
    if (!tags)
        return -1;
    json_t *endpoint = make_document(call, vpc, service, groups, tags);
    const char *id = ec2_text(endpoint, "VpcEndpointId");
    txn_put(call->txn, kind, call->region, id, endpoint);
    if (check_private_dns(call, endpoint, err) < 0 ||
        add_subnets(call, endpoint, "SubnetIds", err) < 0)
        return -1;
    list_interfaces(call, endpoint);
    json_object_set(call->out, "VpcEndpoint", endpoint);
    return 0;
}

/* ---- ModifyVpcEndpoint, DeleteVpcEndpoints ---- */

static int change_groups(struct call *call, json_t *endpoint, struct err *err)
{
    json_auto_t *ids = group_ids(endpoint);
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(call->in, "AddSecurityGroupIds"), i, id)
        if (!doc_list_has(ids, json_string_value(id)))
            json_array_append(ids, (json_t *)(uintptr_t)id);
    json_array_foreach (json_object_get(call->in, "RemoveSecurityGroupIds"), i, id)
        doc_list_remove(ids, json_string_value(id));
    if (!json_array_size(ids))
        return err_aws(err, "InvalidParameter",
                       "An interface endpoint must have at least one security group");
    json_t *groups = find_groups(call, ids, ec2_text(endpoint, "VpcId"), err);
    if (!groups)
        return -1;
    json_object_set_new(endpoint, "Groups", groups);
    json_array_foreach (json_object_get(endpoint, "NetworkInterfaceIds"), i, id)
        if (ec2_interface_set_groups(call, json_string_value(id), ids, err) < 0)
            return -1;
    return 0;
}

int ec2_ModifyVpcEndpoint(struct call *call, struct err *err)
{
    size_t i;
    const json_t *subnet;
    const char *id = ec2_required(call, "VpcEndpointId", err);
    if (id && ec2_is_gateway_endpoint(call, id))
        return ec2_gateway_endpoint_modify(call, id, err);
    if (!id || call_accept(call->in,
                           "VpcEndpointId AddSubnetIds RemoveSubnetIds AddSecurityGroupIds "
                           "RemoveSecurityGroupIds PrivateDnsEnabled IpAddressType=ipv4",
                           err) < 0)
        return -1;
    json_t *endpoint = ec2_edit(call, kind, id, err);
    const json_t *private = json_object_get(call->in, "PrivateDnsEnabled");
    if (!endpoint || change_groups(call, endpoint, err) < 0)
        return -1;
    json_array_foreach (json_object_get(call->in, "RemoveSubnetIds"), i, subnet)
        remove_interfaces(call, id, json_string_value(subnet));
    if (private)
        json_object_set_new(endpoint, "PrivateDnsEnabled", json_boolean(json_is_true(private)));
    if (check_private_dns(call, endpoint, err) < 0 ||
        add_subnets(call, endpoint, "AddSubnetIds", err) < 0)
        return -1;
    list_interfaces(call, endpoint);
    json_object_set_new(call->out, "Return", json_true());
    return 0;
}

/* Those that cannot be deleted are told of; the others are. */
int ec2_DeleteVpcEndpoints(struct call *call, struct err *err)
{
    json_t *unsuccessful = json_array();
    size_t i;
    const json_t *item;
    json_object_set_new(call->out, "Unsuccessful", unsuccessful);
    if (call_accept(call->in, "VpcEndpointIds", err) < 0)
        return -1;
    json_array_foreach (json_object_get(call->in, "VpcEndpointIds"), i, item) {
        struct err failure = {0};
        const char *id = json_string_value(item);
        if (ec2_find(call, kind, id, &failure)) {
            remove_interfaces(call, id, NULL);
            ec2_gateway_endpoint_remove_routes(call, id);
            txn_delete(call->txn, kind, call->region, id);
            continue;
        }
        json_array_append_new(unsuccessful,
                              json_pack("{s:s, s:{s:s, s:s}}", "ResourceId", id, "Error", "Code",
                                        failure.code, "Message", failure.text));
    }
    return 0;
}

/* ---- describing ---- */

int ec2_DescribeVpcEndpoints(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"ip-address-type", "IpAddressType"},
        {"service-name", "ServiceName"},
        {"vpc-endpoint-id", "VpcEndpointId"},
        {"vpc-endpoint-state", "State"},
        {"vpc-endpoint-type", "VpcEndpointType"},
        {"vpc-id", "VpcId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "VpcEndpoints",
        .selectors = {{"VpcEndpointIds", "VpcEndpointId", kind}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters VpcEndpointIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

static json_t *describe_service(const struct call *call, const char *service)
{
    char full_name[NAME_SIZE], zone[32];
    json_t *zones = json_array();
    service_full_name(call, service, full_name);
    for (int i = 0; i < EC2_ZONES; i++) {
        ec2_zone_name(call->region, i, zone);
        json_array_append_new(zones, json_string(zone));
    }
    return json_pack(
        "{s:s, s:[{s:s}], s:o, s:s, s:s, s:[o], s:o, s:b, s:b, s:b, s:[s]}", "ServiceName",
        full_name, "ServiceType", "ServiceType", "Interface", "AvailabilityZones", zones, "Owner",
        "amazon", "ServiceRegion", call->region, "BaseEndpointDnsNames",
        json_sprintf("%s.%s.vpce.%s", service, call->region, domain_of(call)), "PrivateDnsName",
        json_sprintf("%s.%s.%s", service, call->region, domain_of(call)),
        "VpcEndpointPolicySupported", 0, "AcceptanceRequired", 0, "ManagesVpcEndpoints", 0,
        "SupportedIpAddressTypes", "ipv4");
}

int ec2_DescribeVpcEndpointServices(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"owner", "Owner"},
        {"service-name", "ServiceName"},
        {"service-type", "ServiceType.ServiceType"},
        {NULL, NULL},
    };
    const json_t *wanted = json_object_get(call->in, "ServiceNames"), *item;
    size_t k;
    if (call_accept(call->in, "ServiceNames Filters", err) < 0 ||
        ec2_filters_check(json_object_get(call->in, "Filters"), filters, err) < 0)
        return -1;
    json_array_foreach (wanted, k, item)
        if (!find_service(call, json_string_value(item), err))
            return -1;
    json_t *names = json_array(), *details = json_array();
    for (size_t i = 0; model_services[i]; i++) {
        json_auto_t *detail = describe_service(call, model_services[i]->signing_name);
        const char *name = ec2_text(detail, "ServiceName");
        if ((json_array_size(wanted) && !doc_list_has(wanted, name)) ||
            !ec2_filters_match(json_object_get(call->in, "Filters"), filters, detail))
            continue;
        json_array_append_new(names, json_string(name));
        json_array_append(details, detail);
    }
    json_object_set_new(call->out, "ServiceNames", names);
    json_object_set_new(call->out, "ServiceDetails", details);
    return 0;
}

/* The documents of network interfaces: made, changed and deleted. */
#include "service/ec2/ids.h"
#include "service/ec2/interface_impl.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "network-interface";

const struct interface_kind *interface_kind_find(const char *name)
{
    static const struct interface_kind kinds[] = {
        {"instance", "interface", "eni-attach", NULL, 0, true},
        {"balancer", "interface", "ela-attach", "amazon-elb", 1, true},
        {"nat", "nat_gateway", "ela-attach", "amazon-aws", 1, false},
        {"endpoint", "vpc_endpoint", "ela-attach", "amazon-aws", 1, true},
    };
    const struct interface_kind *row = kinds;
    while (strcmp(row->name, name))
        row++;
    return row;
}

enum { GROUPS_PER_INTERFACE_MAX = 5 };

/* ---- security groups ---- */

/* The Groups of an interface in this VPC; NULL and err if a group cannot be used there. */
static json_t *make_groups(struct call *call, const char *vpc, const json_t *group_ids,
                           struct err *err)
{
    json_auto_t *groups = json_array();
    size_t i;
    const json_t *item;
    if (json_array_size(group_ids) > GROUPS_PER_INTERFACE_MAX) {
        err_aws(err, "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.");
        return NULL;
    }
    json_array_foreach (group_ids, i, item) {
        const char *id = json_string_value(item);
        const json_t *group = ec2_find(call, "security-group", id, err);
        if (!group)
            return NULL;
        if (strcmp(ec2_text(group, "VpcId"), vpc)) {
            err_aws(err, "InvalidParameter",
                    "Security group %s and the network interface belong to different networks.",
                    id);
            return NULL;
        }
        json_array_append_new(groups, json_pack("{s:s, s:s}", "GroupId", id, "GroupName",
                                                ec2_text(group, "GroupName")));
    }
    return json_incref(groups);
}

int ec2_interface_set_groups(struct call *call, const char *id, const json_t *group_ids,
                             struct err *err)
{
    const json_t *found = ec2_find(call, kind, id, err);
    if (!found)
        return -1;
    json_auto_t *groups = make_groups(call, ec2_text(found, "VpcId"), group_ids, err);
    if (!groups)
        return -1;
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set(interface, "Groups", groups);
    interface_show_owner(call, interface);
    return 0;
}

/* ---- what may be changed ---- */

void ec2_interface_set_check(struct call *call, const char *id, bool is_checked)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(interface, "SourceDestCheck", json_boolean(is_checked));
    interface_show_owner(call, interface);
}

void ec2_interface_set_deletion(struct call *call, const char *id, bool is_deleted)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(json_object_get(interface, "Attachment"), "DeleteOnTermination",
                        json_boolean(is_deleted));
    interface_show_owner(call, interface);
}

void ec2_interface_set_public(struct call *call, const char *id, bool is_public)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(interface, "_public", json_boolean(is_public));
}

void ec2_interface_set_description(struct call *call, const char *id, const char *description)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(interface, "Description", json_string(description));
    interface_show_owner(call, interface);
}

/* ---- its life ---- */

/* A unicast, locally administered address, as EC2's are. */
static void make_mac(const struct call *call, char out[18])
{
    uint8_t bytes[6];
    call->world->random(call->world->arg, bytes, sizeof bytes);
    snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", (bytes[0] & 0x0c) | 0x02, bytes[1], bytes[2],
             bytes[3], bytes[4], bytes[5]);
}

static json_t *make_document(const struct call *call, const struct ec2_interface_spec *spec,
                             const char *id, const char *address, json_t *groups)
{
    char mac[18], name[96];
    const struct interface_kind *row = interface_kind_find(spec->kind);
    make_mac(call, mac);
    ec2_private_name(call, address, name);
    json_t *doc = json_pack(
        "{s:s, s:O, s:O, s:O, s:O, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:b, s:O, s:s, s:[], "
        "s:[{s:b, s:s, s:s}]}",
        "NetworkInterfaceId", id, "SubnetId", json_object_get(spec->subnet, "SubnetId"), "VpcId",
        json_object_get(spec->subnet, "VpcId"), "AvailabilityZone",
        json_object_get(spec->subnet, "AvailabilityZone"), "AvailabilityZoneId",
        json_object_get(spec->subnet, "AvailabilityZoneId"), "Description", spec->description,
        "OwnerId", call->account, "RequesterManaged", row->requester != NULL, "Status",
        spec->owner ? "in-use" : "available", "MacAddress", mac, "PrivateIpAddress", address,
        "PrivateDnsName", name, "SourceDestCheck", row->checks_addresses, "Groups", groups,
        "InterfaceType", row->type, "Ipv6Addresses", "PrivateIpAddresses", "Primary", 1,
        "PrivateDnsName", name, "PrivateIpAddress", address);
    if (spec->owner)
        json_object_set_new(doc, "Attachment", interface_make_attachment(call, spec));
    json_object_set_new(doc, "TagSet", spec->tags ? json_deep_copy(spec->tags) : json_array());
    if (row->requester)
        json_object_set_new(doc, "RequesterId", json_string(row->requester));
    json_object_set_new(doc, "_kind", json_string(spec->kind));
    json_object_set_new(doc, "_owner", json_string(spec->owner ? spec->owner : ""));
    json_object_set_new(doc, "_public", json_boolean(spec->want_public));
    return doc;
}

/* The addresses besides the primary one. */
static int add_secondary(struct call *call, const struct ec2_interface_spec *spec, const char *id,
                         struct err *err)
{
    const struct ec2_assignment secondary = {
        .addresses = spec->secondary, .count = spec->secondary_count, .most = spec->addresses_max};
    if (!secondary.count && !json_array_size(secondary.addresses))
        return 0;
    return ec2_interface_assign(call, id, &secondary, err);
}

int ec2_interface_create(struct call *call, const struct ec2_interface_spec *spec, char ret_id[32],
                         struct err *err)
{
    char address[16];
    const char *subnet_id = ec2_text(spec->subnet, "SubnetId");
    json_auto_t *groups =
        spec->group_ids ? make_groups(call, ec2_text(spec->subnet, "VpcId"), spec->group_ids, err)
                        : json_array();
    if (!groups)
        return -1;
    json_t *subnet = txn_edit(call->txn, "subnet", call->region, subnet_id);
    if (!subnet)
        return ec2_id_not_found("subnet", subnet_id, err);
    if (interface_take_private(call, subnet, spec->private_ip, address, err) < 0)
        return -1;
    call_make_id(call, "eni", ret_id);
    txn_put(call->txn, kind, call->region, ret_id,
            make_document(call, spec, ret_id, address, groups));
    if (add_secondary(call, spec, ret_id, err) >= 0 &&
        ec2_interface_acquire_public(call, ret_id, err) >= 0)
        return 0;
    ec2_interface_delete(call, ret_id);
    return -1;
}

void ec2_interface_delete(struct call *call, const char *id)
{
    if (!store_get(call->store, kind, call->region, id))
        return;
    interface_drop_public(call, id);
    interface_give_private(call, store_get(call->store, kind, call->region, id));
    txn_delete(call->txn, kind, call->region, id);
}

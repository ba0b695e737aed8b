#include "service/ec2/interface.h"

#include "service/ec2/cidr.h"
#include "service/ec2/ids.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "network-interface";

/* What differs by what an interface belongs to. */
static const struct interface_kind {
    const char *name, *type, *attachment_prefix;
    const char *requester; /* who else than the account made it; NULL: the account */
    int device_index;
    bool deleted_on_termination, checks_addresses;
} interface_kinds[] = {
    {"instance", "interface", "eni-attach", NULL, 0, true, true},
    {"balancer", "interface", "ela-attach", "amazon-elb", 1, false, true},
    {"nat", "nat_gateway", "ela-attach", "amazon-aws", 1, false, false},
};

static const struct interface_kind *find_kind(const char *name)
{
    const struct interface_kind *row = interface_kinds;
    while (strcmp(row->name, name))
        row++;
    return row;
}

enum { GROUPS_PER_INTERFACE_MAX = 5, RESERVED_FIRST = 4, RESERVED_LAST = 1 };

/* ---- what its owner shows ---- */

/* The association as an Instance shows it: without the ids of an elastic address. */
static json_t *shown_association(const json_t *interface)
{
    const json_t *association = json_object_get(interface, "Association");
    if (!association)
        return NULL;
    json_t *shown = json_copy((json_t *)(uintptr_t)association);
    json_object_del(shown, "AllocationId");
    json_object_del(shown, "AssociationId");
    return shown;
}

static json_t *shown_interface(const json_t *interface)
{
    static const char *const copied[] = {
        "Description",        "Groups",  "Ipv6Addresses",  "MacAddress",
        "NetworkInterfaceId", "OwnerId", "PrivateDnsName", "PrivateIpAddress",
        "SourceDestCheck",    "Status",  "SubnetId",       "VpcId",
        "InterfaceType",
    };
    json_t *shown = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_object_set(shown, copied[i], json_object_get(interface, copied[i]));
    json_t *attachment = json_copy(json_object_get(interface, "Attachment"));
    json_object_del(attachment, "InstanceId");
    json_object_del(attachment, "InstanceOwnerId");
    json_object_set_new(shown, "Attachment", attachment);
    json_auto_t *association = shown_association(interface);
    json_t *address = json_pack("{s:b, s:O, s:O}", "Primary", 1, "PrivateDnsName",
                                json_object_get(interface, "PrivateDnsName"), "PrivateIpAddress",
                                json_object_get(interface, "PrivateIpAddress"));
    if (association) {
        json_object_set(shown, "Association", association);
        json_object_set(address, "Association", association);
    }
    json_object_set_new(shown, "PrivateIpAddresses", json_pack("[o]", address));
    return shown;
}

void ec2_interface_show(const struct call *call, const json_t *interface, json_t *instance)
{
    (void)call;
    const json_t *association = json_object_get(interface, "Association");
    const char *public_name = ec2_text(association, "PublicDnsName");
    static const char *const copied[] = {"PrivateIpAddress", "PrivateDnsName", "SubnetId", "VpcId",
                                         "SourceDestCheck"};
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_object_set(instance, copied[i], json_object_get(interface, copied[i]));
    json_object_set(instance, "SecurityGroups", json_object_get(interface, "Groups"));
    json_object_set_new(instance, "PublicDnsName", json_string(public_name ? public_name : ""));
    if (association)
        json_object_set(instance, "PublicIpAddress", json_object_get(association, "PublicIp"));
    else
        json_object_del(instance, "PublicIpAddress");
    json_object_set_new(instance, "NetworkInterfaces",
                        json_pack("[o]", shown_interface(interface)));
}

/* Writes a change of the interface to the instance that it belongs to. */
static void show_owner(struct call *call, const json_t *interface)
{
    if (strcmp(ec2_text(interface, "_kind"), "instance"))
        return;
    json_t *instance = txn_edit(call->txn, "instance", call->region, ec2_text(interface, "_owner"));
    if (instance)
        ec2_interface_show(call, interface, instance);
}

/* ---- private addresses ---- */

static struct cidr subnet_cidr(const json_t *subnet)
{
    struct cidr cidr = {0};
    cidr_parse(ec2_text(subnet, "CidrBlock"), &cidr);
    return cidr;
}

static bool is_private_taken(const struct call *call, const json_t *subnet, const char *address)
{
    const char *subnet_id = ec2_text(subnet, "SubnetId");
    store_each (cursor, call->store, kind, call->region) {
        if (!strcmp(ec2_text(cursor.doc, "SubnetId"), subnet_id) &&
            !strcmp(ec2_text(cursor.doc, "PrivateIpAddress"), address))
            return true;
    }
    return false;
}

int ec2_interface_check_address(const struct call *call, const json_t *subnet, const char *wanted,
                                struct err *err)
{
    struct cidr cidr = subnet_cidr(subnet);
    uint32_t address;
    if (!cidr_parse_address(wanted, &address))
        return err_aws(err, "InvalidParameterValue", "invalid value for parameter address: %.100s",
                       wanted);
    if (!cidr_contains(cidr, address))
        return err_aws(err, "InvalidParameterValue",
                       "Address %s does not fall within the subnet's address range", wanted);
    if (address - cidr.network < RESERVED_FIRST || cidr_last(cidr) - address < RESERVED_LAST)
        return err_aws(err, "InvalidParameterValue",
                       "Address %s is in subnet's reserved address range", wanted);
    if (is_private_taken(call, subnet, wanted))
        return err_aws(err, "InvalidIPAddress.InUse", "Address %s is in use.", wanted);
    return 0;
}

/* Marks the host numbers of a subnet that are taken; a subnet has at most 65,536. */
static void mark_taken(const struct call *call, const json_t *subnet, uint8_t taken[8192])
{
    struct cidr cidr = subnet_cidr(subnet);
    const char *subnet_id = ec2_text(subnet, "SubnetId");
    store_each (cursor, call->store, kind, call->region) {
        uint32_t address;
        if (strcmp(ec2_text(cursor.doc, "SubnetId"), subnet_id) ||
            !cidr_parse_address(ec2_text(cursor.doc, "PrivateIpAddress"), &address))
            continue;
        uint32_t host = (address - cidr.network) & 0xffff;
        taken[host / 8] |= (uint8_t)(1u << host % 8);
    }
}

/* Addresses are given in order, so that one that was given back is not used again at once. */
static int take_free_address(const struct call *call, json_t *subnet, char ret_address[16],
                             struct err *err)
{
    uint8_t taken[8192] = {0};
    struct cidr cidr = subnet_cidr(subnet);
    uint32_t end = cidr_last(cidr) - cidr.network - RESERVED_LAST + 1;
    uint32_t next = (uint32_t)json_integer_value(json_object_get(subnet, "_next_host"));
    mark_taken(call, subnet, taken);
    for (uint32_t i = RESERVED_FIRST; i < end; i++, next++) {
        if (next < RESERVED_FIRST || next >= end)
            next = RESERVED_FIRST;
        if (taken[next / 8] & 1u << next % 8)
            continue;
        cidr_format_address(cidr.network + next, ret_address);
        json_object_set_new(subnet, "_next_host", json_integer(next + 1));
        return 0;
    }
    return err_aws(err, "InsufficientFreeAddressesInSubnet",
                   "There are not enough free addresses in subnet '%s' to satisfy the requested "
                   "number of instances.",
                   ec2_text(subnet, "SubnetId"));
}

/* Keeps the number that DescribeSubnets shows. */
static void count_free(json_t *subnet, int change)
{
    json_int_t free_count =
        json_integer_value(json_object_get(subnet, "AvailableIpAddressCount")) + change;
    json_object_set_new(subnet, "AvailableIpAddressCount", json_integer(free_count));
}

/* ---- public addresses ---- */

/* Associates `address`; the ids are NULL for one that is auto-assigned. */
static void set_association(struct call *call, json_t *interface, const char *address,
                            const char *owner, const char *allocation, const char *association_id)
{
    char name[96] = "";
    const json_t *vpc = store_get(call->store, "vpc", call->region, ec2_text(interface, "VpcId"));
    if (json_is_true(json_object_get(vpc, "_dns_hostnames")))
        ec2_public_name(call, address, name);
    json_auto_t *association =
        json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "IpOwnerId", owner, "PublicDnsName", name,
                  "PublicIp", address, "AllocationId", allocation, "AssociationId", association_id);
    json_t *primary = json_array_get(json_object_get(interface, "PrivateIpAddresses"), 0);
    json_object_set(interface, "Association", association);
    json_object_set(primary, "Association", association);
    show_owner(call, interface);
}

static void clear_association(struct call *call, json_t *interface)
{
    json_object_del(interface, "Association");
    json_object_del(json_array_get(json_object_get(interface, "PrivateIpAddresses"), 0),
                    "Association");
    show_owner(call, interface);
}

/* The allocation id of its elastic address; NULL if it has none. */
static const char *elastic_of(const json_t *interface)
{
    return ec2_text(json_object_get(interface, "Association"), "AllocationId");
}

int ec2_interface_acquire_public(struct call *call, const char *id, struct err *err)
{
    char address[16];
    const json_t *interface = store_get(call->store, kind, call->region, id);
    if (!json_is_true(json_object_get(interface, "_public")) ||
        json_object_get(interface, "Association"))
        return 0;
    if (ec2_public_address_take(call, id, address, err) < 0)
        return -1;
    set_association(call, txn_edit(call->txn, kind, call->region, id), address, "amazon", NULL,
                    NULL);
    return 0;
}

void ec2_interface_release_public(struct call *call, const char *id)
{
    const json_t *interface = store_get(call->store, kind, call->region, id);
    const json_t *association = json_object_get(interface, "Association");
    if (!association || elastic_of(interface))
        return;
    ec2_public_address_give(call, ec2_text(association, "PublicIp"));
    clear_association(call, txn_edit(call->txn, kind, call->region, id));
}

/* An elastic address stays allocated, but is associated with nothing any more. */
static void forget_interface(struct call *call, const char *allocation)
{
    static const char *const members[] = {
        "AssociationId",    "NetworkInterfaceId", "NetworkInterfaceOwnerId",
        "PrivateIpAddress", "InstanceId",
    };
    json_t *address = txn_edit(call->txn, "address", call->region, allocation);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_del(address, members[i]);
}

/* Ids of a new association; both documents tell of each other. */
static void remember_interface(const struct call *call, json_t *address, const json_t *interface)
{
    char id[32];
    call_make_id(call, "eipassoc", id);
    json_object_set_new(address, "AssociationId", json_string(id));
    json_object_set(address, "NetworkInterfaceId",
                    json_object_get(interface, "NetworkInterfaceId"));
    json_object_set(address, "NetworkInterfaceOwnerId", json_object_get(interface, "OwnerId"));
    json_object_set(address, "PrivateIpAddress", json_object_get(interface, "PrivateIpAddress"));
    if (!strcmp(ec2_text(interface, "_kind"), "instance"))
        json_object_set(address, "InstanceId", json_object_get(interface, "_owner"));
}

void ec2_interface_set_elastic(struct call *call, const char *id, const char *allocation)
{
    ec2_interface_release_public(call, id);
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    if (elastic_of(interface)) {
        forget_interface(call, elastic_of(interface));
        clear_association(call, interface);
    }
    if (!allocation)
        return;
    json_t *address = txn_edit(call->txn, "address", call->region, allocation);
    remember_interface(call, address, interface);
    set_association(call, interface, ec2_text(address, "PublicIp"), call->account, allocation,
                    ec2_text(address, "AssociationId"));
}

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
    show_owner(call, interface);
    return 0;
}

/* ---- what may be changed ---- */

void ec2_interface_set_check(struct call *call, const char *id, bool is_checked)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(interface, "SourceDestCheck", json_boolean(is_checked));
    show_owner(call, interface);
}

void ec2_interface_set_deletion(struct call *call, const char *id, bool is_deleted)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(json_object_get(interface, "Attachment"), "DeleteOnTermination",
                        json_boolean(is_deleted));
    show_owner(call, interface);
}

void ec2_interface_set_description(struct call *call, const char *id, const char *description)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(interface, "Description", json_string(description));
    show_owner(call, interface);
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

static json_t *make_attachment(const struct call *call, const struct ec2_interface_spec *spec)
{
    char attachment_id[32];
    const struct interface_kind *row = find_kind(spec->kind);
    call_make_id(call, row->attachment_prefix, attachment_id);
    return json_pack("{s:s, s:o, s:b, s:i, s:i, s:s, s:s, s:s*}", "AttachmentId", attachment_id,
                     "AttachTime", call_now(call), "DeleteOnTermination",
                     row->deleted_on_termination, "DeviceIndex", row->device_index,
                     "NetworkCardIndex", 0, "InstanceOwnerId",
                     row->requester ? row->requester : call->account, "Status", "attached",
                     "InstanceId", row->requester ? NULL : spec->owner);
}

static json_t *make_document(const struct call *call, const struct ec2_interface_spec *spec,
                             const char *id, const char *address, json_t *groups)
{
    char mac[18], name[96];
    const struct interface_kind *row = find_kind(spec->kind);
    make_mac(call, mac);
    ec2_private_name(call, address, name);
    json_t *doc = json_pack(
        "{s:s, s:O, s:O, s:O, s:O, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:b, s:O, s:s, s:[], "
        "s:[{s:b, s:s, s:s}]}",
        "NetworkInterfaceId", id, "SubnetId", json_object_get(spec->subnet, "SubnetId"), "VpcId",
        json_object_get(spec->subnet, "VpcId"), "AvailabilityZone",
        json_object_get(spec->subnet, "AvailabilityZone"), "AvailabilityZoneId",
        json_object_get(spec->subnet, "AvailabilityZoneId"), "Description", spec->description,
        "OwnerId", call->account, "RequesterManaged", row->requester != NULL, "Status", "in-use",
        "MacAddress", mac, "PrivateIpAddress", address, "PrivateDnsName", name, "SourceDestCheck",
        row->checks_addresses, "Groups", groups, "InterfaceType", row->type, "Ipv6Addresses",
        "PrivateIpAddresses", "Primary", 1, "PrivateDnsName", name, "PrivateIpAddress", address);
    json_object_set_new(doc, "Attachment", make_attachment(call, spec));
    json_object_set_new(doc, "TagSet", spec->tags ? json_deep_copy(spec->tags) : json_array());
    if (row->requester)
        json_object_set_new(doc, "RequesterId", json_string(row->requester));
    json_object_set_new(doc, "_kind", json_string(spec->kind));
    json_object_set_new(doc, "_owner", json_string(spec->owner));
    json_object_set_new(doc, "_public", json_boolean(spec->want_public));
    return doc;
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
    if (spec->private_ip) {
        if (ec2_interface_check_address(call, subnet, spec->private_ip, err) < 0)
            return -1;
        snprintf(address, sizeof address, "%s", spec->private_ip);
    } else if (take_free_address(call, subnet, address, err) < 0) {
        return -1;
    }
    count_free(subnet, -1);
    call_make_id(call, "eni", ret_id);
    txn_put(call->txn, kind, call->region, ret_id,
            make_document(call, spec, ret_id, address, groups));
    return ec2_interface_acquire_public(call, ret_id, err);
}

void ec2_interface_delete(struct call *call, const char *id)
{
    const json_t *interface = store_get(call->store, kind, call->region, id);
    if (!interface)
        return;
    ec2_interface_set_elastic(call, id, NULL);
    interface = store_get(call->store, kind, call->region, id);
    json_t *subnet = txn_edit(call->txn, "subnet", call->region, ec2_text(interface, "SubnetId"));
    if (subnet)
        count_free(subnet, 1);
    txn_delete(call->txn, kind, call->region, id);
}

const json_t *ec2_interface_of(const struct call *call, const char *owner)
{
    store_each (cursor, call->store, kind, call->region) {
        if (!strcmp(ec2_text(cursor.doc, "_owner"), owner))
            return cursor.doc;
    }
    return NULL;
}

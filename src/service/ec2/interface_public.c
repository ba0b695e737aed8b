/* Public addresses of interfaces: assigned ones, and elastic ones of any private address. */
#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface_impl.h"

#include <string.h>

static const char kind[] = "network-interface";

/* The public DNS name of an address in a VPC; "" where there are none. */
static void name_in_vpc(const struct call *call, const char *vpc_id, const char *address,
                        char name[96])
{
    const json_t *vpc = store_get(call->store, "vpc", call->region, vpc_id);
    name[0] = '\0';
    if (json_is_true(json_object_get(vpc, "_dns_hostnames")))
        ec2_public_name(call, address, name);
}

/* Associates `address` with a private one; the ids are NULL for one that is assigned. */
static void set_association(struct call *call, json_t *interface, json_t *row, const char *address,
                            const char *owner, const char *allocation, const char *association_id)
{
    char name[96];
    name_in_vpc(call, ec2_text(interface, "VpcId"), address, name);
    json_auto_t *association =
        json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "IpOwnerId", owner, "PublicDnsName", name,
                  "PublicIp", address, "AllocationId", allocation, "AssociationId", association_id);
    json_object_set(row, "Association", association);
    if (doc_flag(row, "Primary"))
        json_object_set(interface, "Association", association);
    interface_show_owner(call, interface);
}

static void clear_association(struct call *call, json_t *interface, json_t *row)
{
    json_object_del(row, "Association");
    if (doc_flag(row, "Primary"))
        json_object_del(interface, "Association");
    interface_show_owner(call, interface);
}

/* The allocation id of the elastic address of an interface or of one of its rows; NULL: none. */
static const char *elastic_of(const json_t *holder)
{
    return ec2_text(json_object_get(holder, "Association"), "AllocationId");
}

static bool has_association(const json_t *interface)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (json_object_get(row, "Association"))
            return true;
    return false;
}

int ec2_interface_acquire_public(struct call *call, const char *id, struct err *err)
{
    char address[16];
    const json_t *interface = store_get(call->store, kind, call->region, id);
    if (!json_is_true(json_object_get(interface, "_public")) || has_association(interface))
        return 0;
    if (ec2_public_address_take(call, id, address, err) < 0)
        return -1;
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    set_association(call, edited, interface_row(edited, ec2_text(edited, "PrivateIpAddress")),
                    address, "amazon", NULL, NULL);
    return 0;
}

void ec2_interface_release_public(struct call *call, const char *id)
{
    const json_t *interface = store_get(call->store, kind, call->region, id);
    const json_t *association = json_object_get(interface, "Association");
    if (!association || elastic_of(interface))
        return;
    ec2_public_address_give(call, ec2_text(association, "PublicIp"));
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    clear_association(call, edited, interface_row(edited, ec2_text(edited, "PrivateIpAddress")));
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

/* Both documents tell of each other. */
static void remember_interface(json_t *address, const json_t *interface, const json_t *row)
{
    json_object_set(address, "NetworkInterfaceId",
                    json_object_get(interface, "NetworkInterfaceId"));
    json_object_set(address, "NetworkInterfaceOwnerId", json_object_get(interface, "OwnerId"));
    json_object_set(address, "PrivateIpAddress", json_object_get(row, "PrivateIpAddress"));
    json_object_del(address, "InstanceId");
    if (!strcmp(ec2_text(interface, "_kind"), "instance") &&
        json_object_get(interface, "Attachment"))
        json_object_set(address, "InstanceId", json_object_get(interface, "_owner"));
}

void interface_tell_elastic(struct call *call, const json_t *interface)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (elastic_of(row))
            remember_interface(txn_edit(call->txn, "address", call->region, elastic_of(row)),
                               interface, row);
}

void ec2_interface_set_elastic(struct call *call, const char *id, const char *private_ip,
                               const char *allocation)
{
    char association_id[32];
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_t *row =
        interface_row(interface, private_ip ? private_ip : ec2_text(interface, "PrivateIpAddress"));
    if (doc_flag(row, "Primary"))
        ec2_interface_release_public(call, id);
    if (elastic_of(row)) {
        forget_interface(call, elastic_of(row));
        clear_association(call, interface, row);
    }
    if (!allocation)
        return;
    json_t *address = txn_edit(call->txn, "address", call->region, allocation);
    call_make_id(call, "eipassoc", association_id);
    json_object_set_new(address, "AssociationId", json_string(association_id));
    remember_interface(address, interface, row);
    set_association(call, interface, row, ec2_text(address, "PublicIp"), call->account, allocation,
                    association_id);
}

void interface_drop_public(struct call *call, const char *id)
{
    ec2_interface_release_public(call, id);
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (elastic_of(row)) {
            forget_interface(call, elastic_of(row));
            clear_association(call, interface, row);
        }
}

static void name_association(const struct call *call, const json_t *interface, json_t *row)
{
    char name[96];
    json_t *association = json_object_get(row, "Association");
    if (!association)
        return;
    name_in_vpc(call, ec2_text(interface, "VpcId"), ec2_text(association, "PublicIp"), name);
    json_object_set_new(association, "PublicDnsName", json_string(name));
}

void ec2_interface_name_public(struct call *call, const char *vpc)
{
    json_auto_t *ids = json_array();
    size_t i, k;
    json_t *id, *row;
    store_each (cursor, call->store, "network-interface", call->region)
        if (!strcmp(ec2_text(cursor.doc, "VpcId"), vpc) &&
            json_object_get(cursor.doc, "Association"))
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, id) {
        json_t *interface =
            txn_edit(call->txn, "network-interface", call->region, json_string_value(id));
        name_association(call, interface, interface);
        json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), k, row)
            name_association(call, interface, row);
        interface_show_owner(call, interface);
    }
}

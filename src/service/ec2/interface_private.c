/* Private addresses: which a subnet has free, and those of an interface besides its primary one. */
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface_impl.h"

#include <string.h>

static const char kind[] = "network-interface";

enum { RESERVED_FIRST = 4, RESERVED_LAST = 1 };

static struct cidr subnet_cidr(const json_t *subnet)
{
    struct cidr cidr = {0};
    cidr_parse(ec2_text(subnet, "CidrBlock"), &cidr);
    return cidr;
}

json_t *interface_row(const json_t *interface, const char *private_ip)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (doc_is(row, "PrivateIpAddress", private_ip))
            return row;
    return NULL;
}

int interface_address_count(const json_t *interface)
{
    return (int)json_array_size(json_object_get(interface, "PrivateIpAddresses"));
}

/* The interface in a subnet that has an address; NULL: it is free. */
static const json_t *holder_of(const struct call *call, const json_t *subnet, const char *address)
{
    const char *subnet_id = ec2_text(subnet, "SubnetId");
    store_each (cursor, call->store, kind, call->region) {
        if (doc_is(cursor.doc, "SubnetId", subnet_id) && interface_row(cursor.doc, address))
            return cursor.doc;
    }
    return NULL;
}

/* Whether an address can be anyone's in the subnet. */
static int check_range(const json_t *subnet, const char *wanted, struct err *err)
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
    return 0;
}

int ec2_interface_check_address(const struct call *call, const json_t *subnet, const char *wanted,
                                struct err *err)
{
    if (check_range(subnet, wanted, err) < 0)
        return -1;
    if (holder_of(call, subnet, wanted))
        return err_aws(err, "InvalidIPAddress.InUse", "Address %s is in use.", wanted);
    return 0;
}

/* Marks the host numbers of a subnet that are taken; a subnet has at most 65,536. */
static void mark_taken(const struct call *call, const json_t *subnet, uint8_t taken[8192])
{
    struct cidr cidr = subnet_cidr(subnet);
    const char *subnet_id = ec2_text(subnet, "SubnetId");
    store_each (cursor, call->store, kind, call->region) {
        size_t i;
        const json_t *row;
        if (!doc_is(cursor.doc, "SubnetId", subnet_id))
            continue;
        json_array_foreach (json_object_get(cursor.doc, "PrivateIpAddresses"), i, row) {
            uint32_t address = 0;
            cidr_parse_address(doc_text(row, "PrivateIpAddress"), &address);
            uint32_t host = (address - cidr.network) & 0xffff;
            taken[host / 8] |= (uint8_t)(1u << host % 8);
        }
    }
}

/* Addresses are given in order, so that one that was given back is not used again at once. */
static int find_free(const struct call *call, json_t *subnet, char ret_address[16], struct err *err)
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

int interface_take_private(const struct call *call, json_t *subnet, const char *wanted,
                           char ret_address[16], struct err *err)
{
    if (!wanted && find_free(call, subnet, ret_address, err) < 0)
        return -1;
    if (wanted && ec2_interface_check_address(call, subnet, wanted, err) < 0)
        return -1;
    if (wanted)
        snprintf(ret_address, 16, "%s", wanted);
    count_free(subnet, -1);
    return 0;
}

static void give(struct call *call, const json_t *interface, int count)
{
    json_t *subnet = txn_edit(call->txn, "subnet", call->region, ec2_text(interface, "SubnetId"));
    if (subnet)
        count_free(subnet, count);
}

void interface_give_private(struct call *call, const json_t *interface)
{
    give(call, interface, interface_address_count(interface));
}

/* ---- assigning ---- */

static void add_row(const struct call *call, json_t *interface, const char *address)
{
    char name[96];
    ec2_private_name(call, address, name);
    json_array_append_new(json_object_get(interface, "PrivateIpAddresses"),
                          json_pack("{s:b, s:s, s:s}", "Primary", 0, "PrivateDnsName", name,
                                    "PrivateIpAddress", address));
}

static void remove_row(json_t *interface, const char *address)
{
    json_t *rows = json_object_get(interface, "PrivateIpAddresses");
    for (size_t i = json_array_size(rows); i-- > 0;)
        if (doc_is(json_array_get(rows, i), "PrivateIpAddress", address))
            json_array_remove(rows, i);
}

static int check_number(const json_t *interface, size_t more, int most, struct err *err)
{
    if ((size_t)interface_address_count(interface) + more <= (size_t)most)
        return 0;
    return err_aws(err, "PrivateIpAddressLimitExceeded",
                   "Number of private addresses will exceed limit.");
}

/* Takes a secondary address from the interface that has it, with its elastic address. */
static int move_here(struct call *call, const char *id, const json_t *holder, const char *address,
                     struct err *err)
{
    const char *holder_id = ec2_text(holder, "NetworkInterfaceId");
    if (json_is_true(json_object_get(interface_row(holder, address), "Primary")) ||
        json_is_true(json_object_get(holder, "RequesterManaged")))
        return err_aws(err, "InvalidParameterValue",
                       "Address %s cannot be reassigned: it is the primary address of interface %s",
                       address, holder_id);
    if (!strcmp(holder_id, id))
        return 0;
    json_t *from = txn_edit(call->txn, kind, call->region, holder_id);
    json_t *to = txn_edit(call->txn, kind, call->region, id);
    json_array_append(json_object_get(to, "PrivateIpAddresses"), interface_row(from, address));
    remove_row(from, address);
    interface_tell_elastic(call, to);
    interface_show_owner(call, from);
    return 0;
}

static int assign_one(struct call *call, const char *id, const char *address, bool reassign,
                      struct err *err)
{
    char taken[16];
    const json_t *interface = store_get(call->store, kind, call->region, id);
    const char *subnet_id = ec2_text(interface, "SubnetId");
    json_t *subnet = txn_edit(call->txn, "subnet", call->region, subnet_id);
    if (address && check_range(subnet, address, err) < 0)
        return -1;
    const json_t *holder = address && reassign ? holder_of(call, subnet, address) : NULL;
    if (holder)
        return move_here(call, id, holder, address, err);
    if (interface_take_private(call, subnet, address, taken, err) < 0)
        return -1;
    add_row(call, txn_edit(call->txn, kind, call->region, id), taken);
    return 0;
}

int ec2_interface_assign(struct call *call, const char *id, const struct ec2_assignment *assignment,
                         struct err *err)
{
    const json_t *interface = store_get(call->store, kind, call->region, id);
    size_t named = json_array_size(assignment->addresses);
    size_t count = (size_t)assignment->count, before = (size_t)interface_address_count(interface);
    if (check_number(interface, named + count, assignment->most, err) < 0)
        return -1;
    for (size_t i = 0; i < named + count; i++) {
        const char *address = json_string_value(json_array_get(assignment->addresses, i));
        if (assign_one(call, id, address, assignment->reassign, err) < 0)
            return -1;
    }
    interface = store_get(call->store, kind, call->region, id);
    interface_show_owner(call, interface);
    const json_t *rows = json_object_get(interface, "PrivateIpAddresses");
    for (size_t i = before; assignment->ret_rows && i < json_array_size(rows); i++)
        json_array_append_new(
            assignment->ret_rows,
            json_pack("{s:O}", "PrivateIpAddress",
                      json_object_get(json_array_get(rows, i), "PrivateIpAddress")));
    return 0;
}

static int check_unassign(const json_t *interface, const char *address, struct err *err)
{
    const json_t *row = interface_row(interface, address);
    if (!row)
        return err_aws(err, "InvalidParameterValue",
                       "Some of [%.100s] are not assigned to interface %s", address,
                       ec2_text(interface, "NetworkInterfaceId"));
    if (json_is_true(json_object_get(row, "Primary")))
        return err_aws(err, "InvalidParameterValue",
                       "The primary private IP address %s cannot be unassigned", address);
    return 0;
}

int ec2_interface_unassign(struct call *call, const char *id, const json_t *addresses,
                           struct err *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (addresses, i, item) {
        const char *address = json_string_value(item);
        const json_t *interface = store_get(call->store, kind, call->region, id);
        if (check_unassign(interface, address, err) < 0)
            return -1;
        ec2_interface_set_elastic(call, id, address, NULL);
        json_t *edited = txn_edit(call->txn, kind, call->region, id);
        remove_row(edited, address);
        give(call, edited, 1);
    }
    interface_show_owner(call, store_get(call->store, kind, call->region, id));
    return 0;
}

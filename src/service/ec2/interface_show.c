/* What an instance shows of its network interfaces: a row each, the primary one first. */
#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface_impl.h"

#include <string.h>

/* The association as an Instance shows it: without the ids of an elastic address. */
static void strip_association(json_t *holder)
{
    const json_t *association = json_object_get(holder, "Association");
    if (!association)
        return;
    json_t *shown = json_copy((json_t *)(uintptr_t)association);
    json_object_del(shown, "AllocationId");
    json_object_del(shown, "AssociationId");
    json_object_set_new(holder, "Association", shown);
}

static json_t *shown_addresses(const json_t *interface)
{
    json_t *rows = json_array();
    size_t i;
    json_t *address;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, address) {
        json_t *row = json_copy(address);
        strip_association(row);
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *shown_interface(const json_t *interface)
{
    static const char *const copied[] = {
        "Description",        "Groups",      "Ipv6Addresses",  "MacAddress",
        "NetworkInterfaceId", "OwnerId",     "PrivateDnsName", "PrivateIpAddress",
        "SourceDestCheck",    "Status",      "SubnetId",       "VpcId",
        "InterfaceType",      "Association",
    };
    json_t *shown = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (json_object_get(interface, copied[i]))
            json_object_set(shown, copied[i], json_object_get(interface, copied[i]));
    json_t *attachment = json_copy(json_object_get(interface, "Attachment"));
    json_object_del(attachment, "InstanceId");
    json_object_del(attachment, "InstanceOwnerId");
    json_object_set_new(shown, "Attachment", attachment);
    strip_association(shown);
    json_object_set_new(shown, "PrivateIpAddresses", shown_addresses(interface));
    return shown;
}

/* What an instance shows besides the rows is of its primary interface. */
static void show_primary(const json_t *interface, json_t *instance)
{
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
}

static int64_t device_index(const json_t *interface)
{
    return doc_number(json_object_get(interface, "Attachment"), "DeviceIndex");
}

void interface_hide(json_t *instance, const char *id)
{
    json_t *rows = json_object_get(instance, "NetworkInterfaces");
    for (size_t i = json_array_size(rows); i-- > 0;)
        if (doc_is(json_array_get(rows, i), "NetworkInterfaceId", id))
            json_array_remove(rows, i);
}

void ec2_interface_show(const json_t *interface, json_t *instance)
{
    size_t place = 0;
    json_t *rows = json_object_get(instance, "NetworkInterfaces");
    if (!rows)
        json_object_set_new(instance, "NetworkInterfaces", rows = json_array());
    interface_hide(instance, doc_text(interface, "NetworkInterfaceId"));
    while (place < json_array_size(rows) &&
           device_index(json_array_get(rows, place)) < device_index(interface))
        place++;
    json_array_insert_new(rows, place, shown_interface(interface));
    if (device_index(interface) == 0)
        show_primary(interface, instance);
}

void interface_show_owner(struct call *call, const json_t *interface)
{
    if (strcmp(ec2_text(interface, "_kind"), "instance") ||
        !json_object_get(interface, "Attachment"))
        return;
    json_t *instance = txn_edit(call->txn, "instance", call->region, ec2_text(interface, "_owner"));
    if (instance)
        ec2_interface_show(interface, instance);
}

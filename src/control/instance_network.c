/*
 * The network interfaces of instances: the host is told all of an instance's before it starts, and
 * again whenever they change. What is attaching is attached, and what is detaching is gone, when
 * the host has done what it was told last, or the instance does not run.
 */
#include "control/instances_impl.h"

#include "service/doc.h"
#include "service/ec2/cidr.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 2000 };

static void copy_mac(uint8_t out[6], const char *text)
{
    unsigned bytes[6] = {0};
    sscanf(text, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
           &bytes[5]);
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)bytes[i];
}

static void add_address(struct instance_interface *row, const json_t *holder)
{
    if (row->address_count < INTERFACE_ADDRESSES_MAX &&
        cidr_parse_address(doc_text(holder, "PrivateIpAddress"),
                           &row->addresses[row->address_count]))
        row->address_count++;
}

static void fill_row(const struct store *store, const char *region, const json_t *interface,
                     struct instance_interface *row)
{
    struct cidr block = {0};
    size_t i;
    const json_t *address;
    const json_t *subnet = store_get(store, "subnet", region, doc_text(interface, "SubnetId"));
    cidr_parse(doc_text(subnet, "CidrBlock"), &block);
    snprintf(row->id, ID_SIZE, "%s", doc_text(interface, "NetworkInterfaceId"));
    snprintf(row->vpc, ID_SIZE, "%s", doc_text(interface, "VpcId"));
    copy_mac(row->mac, doc_text(interface, "MacAddress"));
    row->device_index =
        (uint32_t)doc_number(json_object_get(interface, "Attachment"), "DeviceIndex");
    row->gateway = block.network + 1;
    row->prefix = (uint32_t)block.prefix;
    add_address(row, interface);
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, address)
        if (!doc_flag(address, "Primary"))
            add_address(row, address);
}

/* Without a generation. The document has the primary interface first. */
static struct message_instance_network compose(const struct store *store, const char *region,
                                               const json_t *instance)
{
    struct message_instance_network network = {0};
    size_t i;
    const json_t *interface;
    snprintf(network.instance, ID_SIZE, "%s", doc_text(instance, "InstanceId"));
    json_array_foreach (json_object_get(instance, "NetworkInterfaces"), i, interface)
        if (network.interface_count < INSTANCE_INTERFACES_MAX &&
            !doc_is(json_object_get(interface, "Attachment"), "Status", "detaching"))
            fill_row(store, region, interface, &network.interfaces[network.interface_count++]);
    return network;
}

static bool was_told(const struct instance_entry *entry,
                     const struct message_instance_network *network)
{
    struct message_instance_network sent;
    if (entry->network.size != sizeof sent)
        return false;
    memcpy(&sent, entry->network.data, sizeof sent);
    sent.generation = 0;
    return memcmp(&sent, network, sizeof sent) == 0;
}

void instance_tell_network(struct control *control, struct instance_entry *entry,
                           const json_t *instance)
{
    struct message_instance_network network = compose(control->store, entry->region, instance);
    if (was_told(entry, &network))
        return;
    network.generation = ++control->instances->network_generation;
    entry->network_generation = network.generation;
    entry->network_done = false;
    buf_reset(&entry->network);
    buf_append(&entry->network, &network, sizeof network);
    control->world->send(control->world->arg, MESSAGE_INSTANCE_NETWORK, &network, sizeof network,
                         NULL, 0);
}

bool instance_has_its_network(struct control *control, const struct instance_entry *entry,
                              const json_t *instance)
{
    struct message_instance_network network = compose(control->store, entry->region, instance);
    return entry->network_done && was_told(entry, &network);
}

struct instance_entry *instance_network_report(struct control *control,
                                               const struct message_instance_network_done *done)
{
    char id[ID_SIZE + 1], what[64];
    struct err err;
    struct instances_control *instances = control->instances;
    snprintf(id, sizeof id, "%.*s", ID_SIZE, done->instance);
    struct instance_entry *entry = map_get(&instances->entries, id);
    if (!entry || entry->network_generation != done->generation)
        return NULL;
    entry->network_done = !done->failed;
    if (!done->failed)
        return entry;
    err_set(&err, "%.*s", (int)sizeof done->text, done->text);
    snprintf(what, sizeof what, "network of %s", id);
    control_log(control, what, &err);
    entry->network_retry_ms = control_now(control) + RETRY_MS;
    if (entry->network_retry_ms < instances->next_network_ms)
        instances->next_network_ms = entry->network_retry_ms;
    return NULL;
}

bool instance_network_is_due(const struct control *control, struct instance_entry *entry)
{
    if (!entry->network_retry_ms || entry->network_retry_ms > control_now(control))
        return false;
    entry->network_retry_ms = 0;
    buf_reset(&entry->network);
    return true;
}

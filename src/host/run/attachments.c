#include "host/run/attachments.h"

#include "ipc/id.h"

#include <string.h>

int attachments_check(const struct message_instance_network *network, struct err *err)
{
    uint32_t indices = 0;
    if (!network->interface_count || network->interface_count > INSTANCE_INTERFACES_MAX)
        return err_set(err, "%u network interfaces are none or too many", network->interface_count);
    for (uint32_t i = 0; i < network->interface_count; i++) {
        const struct instance_interface *interface = &network->interfaces[i];
        uint32_t index = interface->device_index;
        if (!id_is_valid(interface->id, "eni-") || !id_is_valid(interface->vpc, "vpc-"))
            return err_set(err, "a network interface or its VPC has no id");
        if (index >= INSTANCE_INTERFACES_MAX || indices & 1u << index || (i == 0 && index != 0))
            return err_set(err, "the network interfaces have no device indices of their own");
        if (!interface->address_count || interface->address_count > INTERFACE_ADDRESSES_MAX)
            return err_set(err, "%s has no address, or too many", interface->id);
        indices |= 1u << index;
    }
    return 0;
}

/* Whether both are one cable, whatever its addresses. */
static bool is_same(const struct instance_interface *one, const struct instance_interface *other)
{
    return !strcmp(one->id, other->id) && !strcmp(one->vpc, other->vpc) &&
           one->device_index == other->device_index && one->gateway == other->gateway &&
           one->prefix == other->prefix && one->addresses[0] == other->addresses[0] &&
           !memcmp(one->mac, other->mac, sizeof one->mac);
}

static bool has_same_addresses(const struct instance_interface *one,
                               const struct instance_interface *other)
{
    size_t size = one->address_count * sizeof *one->addresses;
    return one->address_count == other->address_count &&
           !memcmp(one->addresses, other->addresses, size);
}

static const struct instance_interface *find_wanted(const struct message_instance_network *wanted,
                                                    const struct instance_interface *interface)
{
    for (uint32_t i = 0; i < wanted->interface_count; i++)
        if (is_same(&wanted->interfaces[i], interface))
            return &wanted->interfaces[i];
    return NULL;
}

static struct attachment *find_row(struct attachments *attachments,
                                   const struct instance_interface *interface)
{
    for (uint32_t i = 0; i < attachments->count; i++)
        if (is_same(&attachments->rows[i].interface, interface))
            return &attachments->rows[i];
    return NULL;
}

static bool unplug_unwanted(struct attachments *attachments,
                            const struct message_instance_network *wanted,
                            const struct attachments_actions *actions)
{
    uint32_t kept = 0, count = attachments->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct instance_interface *interface = &attachments->rows[i].interface;
        if (wanted && find_wanted(wanted, interface))
            attachments->rows[kept++] = attachments->rows[i];
        else
            actions->unplug(actions->owner, interface, &attachments->gone);
    }
    attachments->count = kept;
    return kept < count;
}

/* Gives each wanted interface a row, and those that have one their addresses. */
static bool prepare_rows(struct attachments *attachments,
                         const struct message_instance_network *wanted,
                         const struct attachments_work *work)
{
    bool changed = false;
    for (uint32_t i = 0; i < wanted->interface_count; i++) {
        const struct instance_interface *interface = &wanted->interfaces[i];
        struct attachment *row = find_row(attachments, interface);
        if (row && has_same_addresses(&row->interface, interface))
            continue;
        if (row && row->made)
            work->actions->readdress(work->actions->owner, &row->interface, interface,
                                     work->netns_fd);
        if (!row)
            *(row = &attachments->rows[attachments->count++]) = (struct attachment){0};
        row->interface = *interface;
        changed = true;
    }
    return changed;
}

static int plug_rows(struct attachments *attachments, const struct attachments_work *work,
                     struct err *err)
{
    const struct attachments_actions *actions = work->actions;
    bool plugged = false;
    for (uint32_t i = 0; i < attachments->count; i++) {
        struct attachment *row = &attachments->rows[i];
        if (row->made)
            continue;
        if (actions->plug(actions->owner, &row->interface, work->netns_fd, err) < 0)
            return -1;
        row->made = 1;
        plugged = true;
    }
    return plugged ? work->keep(work->keeper, err) : 0;
}

int attachments_apply(struct attachments *attachments,
                      const struct message_instance_network *wanted,
                      const struct attachments_work *work, struct err *err)
{
    bool changed = unplug_unwanted(attachments, wanted, work->actions);
    changed |= prepare_rows(attachments, wanted, work);
    if (changed && work->keep(work->keeper, err) < 0)
        return -1;
    return plug_rows(attachments, work, err);
}

void attachments_end(struct attachments *attachments, const struct attachments_actions *actions)
{
    unplug_unwanted(attachments, NULL, actions);
    attachments->gone = (struct net_counters){0};
}

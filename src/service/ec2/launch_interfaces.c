#include "service/ec2/launch_interfaces.h"

#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/interface_limits.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "network-interface";

/* ---- where ---- */

/* The default subnet with the most free addresses, so that instances spread over the zones. `zone`
 * "": any. */
static const json_t *default_subnet(const struct call *call, const char *zone, struct err *err)
{
    const json_t *vpc = ec2_default_vpc(call), *best = NULL;
    if (!vpc) {
        err_aws(err, "VPCIdNotSpecified", "No default VPC for this user");
        return NULL;
    }
    store_each (cursor, call->store, "subnet", call->region) {
        if (!doc_is(cursor.doc, "VpcId", doc_text(vpc, "VpcId")) ||
            !doc_flag(cursor.doc, "DefaultForAz") ||
            (*zone && !doc_is(cursor.doc, "AvailabilityZone", zone)))
            continue;
        if (!best || doc_number(cursor.doc, "AvailableIpAddressCount") >
                         doc_number(best, "AvailableIpAddressCount"))
            best = cursor.doc;
    }
    if (!best)
        err_aws(err, "MissingInput",
                "No subnets found for the default VPC '%s'. Please specify a subnet.",
                doc_text(vpc, "VpcId"));
    return best;
}

/* The subnet that a primary interface is in: its own, or what the request says, or a default one.
 */
static const json_t *find_subnet(struct call *call, const struct launch *launch,
                                 const struct launch_interface *row, struct err *err)
{
    const char *id =
        row->existing ? doc_text(row->existing, "SubnetId") : ec2_text(row->request, "SubnetId");
    const char *zone = doc_text(json_object_get(launch->in, "Placement"), "AvailabilityZone");
    const json_t *subnet = NULL;
    if (id)
        subnet = ec2_find(call, "subnet", id, err);
    else if (launch->zone)
        subnet = store_get(call->store, "subnet", call->region, launch->interfaces[0].subnet_id);
    else
        subnet = default_subnet(call, zone, err);
    if (subnet && *zone && !doc_is(subnet, "AvailabilityZone", zone)) {
        err_aws(err, "InvalidParameterValue",
                "The subnet '%s' is not in the Availability Zone '%s'",
                doc_text(subnet, "SubnetId"), zone);
        return NULL;
    }
    return subnet;
}

/* The first row, which is the primary one, says which zone the instance is in. */
static int prepare_subnet(struct call *call, struct launch *launch, struct launch_interface *row,
                          struct err *err)
{
    const json_t *subnet = find_subnet(call, launch, row, err);
    const json_t *wanted = json_object_get(row->request, "AssociatePublicIpAddress");
    if (!subnet)
        return -1;
    row->subnet_id = doc_text(subnet, "SubnetId");
    row->vpc_id = doc_text(subnet, "VpcId");
    if (!launch->zone)
        launch->zone = doc_text(subnet, "AvailabilityZone");
    if (!doc_is(subnet, "AvailabilityZone", launch->zone))
        return err_aws(err, "InvalidParameterCombination",
                       "You may not attach a network interface to an instance if they are not in "
                       "the same availability zone");
    row->want_public = launch->interface_count == 1 && !row->existing &&
                       (wanted ? json_is_true(wanted) : doc_flag(subnet, "MapPublicIpOnLaunch"));
    return 0;
}

/* ---- security groups ---- */

static const json_t *find_group_by_name(const struct call *call, const char *vpc, const char *name)
{
    store_each (cursor, call->store, "security-group", call->region)
        if (doc_is(cursor.doc, "VpcId", vpc) && doc_is(cursor.doc, "GroupName", name))
            return cursor.doc;
    return NULL;
}

/* Names are those of the request itself. */
static int add_named_groups(struct call *call, const struct launch *launch,
                            struct launch_interface *row, struct err *err)
{
    const json_t *names = json_object_get(launch->in, "SecurityGroups"), *name;
    size_t i;
    if (json_array_size(names) > 0 &&
        !doc_flag(store_get(call->store, "vpc", call->region, row->vpc_id), "IsDefault"))
        return err_aws(err, "InvalidParameterCombination",
                       "The parameter groupName cannot be used with the parameter subnet");
    json_array_foreach (names, i, name) {
        const json_t *group = find_group_by_name(call, row->vpc_id, json_string_value(name));
        if (!group)
            return err_aws(err, "InvalidGroup.NotFound",
                           "The security group '%s' does not exist in default VPC '%s'",
                           json_string_value(name), row->vpc_id);
        json_array_append(row->group_ids, json_object_get(group, "GroupId"));
    }
    return 0;
}

static int prepare_groups(struct call *call, const struct launch *launch,
                          struct launch_interface *row, struct err *err)
{
    bool is_implied = row->request == launch->in;
    const json_t *ids = json_object_get(row->request, is_implied ? "SecurityGroupIds" : "Groups");
    row->group_ids = ids ? json_copy((json_t *)(uintptr_t)ids) : json_array();
    if (is_implied && add_named_groups(call, launch, row, err) < 0)
        return -1;
    if (json_array_size(row->group_ids) > 0)
        return 0;
    const json_t *group = find_group_by_name(call, row->vpc_id, "default");
    if (!group)
        return err_set(err, "the VPC has no default security group");
    return json_array_append(row->group_ids, json_object_get(group, "GroupId"));
}

/* ---- what entries ask for ---- */

/* An interface that exists brings everything of a new one with it. */
static int check_existing_request(const json_t *request, struct err *err)
{
    static const struct {
        const char *member, *words;
    } exclusive[] = {
        {"SubnetId", "subnet"},
        {"Groups", "security groups"},
        {"PrivateIpAddress", "private IP address"},
        {"PrivateIpAddresses", "private IP addresses"},
        {"SecondaryPrivateIpAddressCount", "secondary private IP address count"},
        {"Description", "description"},
        {"AssociatePublicIpAddress", "associatePublicIPAddress"},
    };
    for (size_t i = 0; i < sizeof exclusive / sizeof *exclusive; i++)
        if (json_object_get(request, exclusive[i].member))
            return err_aws(err, "InvalidParameterCombination",
                           "A network interface may not specify both a network interface ID and a "
                           "%s",
                           exclusive[i].words);
    if (doc_flag(request, "DeleteOnTermination"))
        return err_aws(err, "InvalidParameterCombination",
                       "A network interface may not specify a network interface ID and delete on "
                       "termination as true");
    return 0;
}

static int find_existing(struct call *call, const struct launch *launch,
                         struct launch_interface *row, struct err *err)
{
    const char *id = ec2_text(row->request, "NetworkInterfaceId");
    if (!id)
        return 0;
    row->existing = ec2_find(call, kind, id, err);
    if (!row->existing || check_existing_request(row->request, err) < 0)
        return -1;
    if (json_object_get(row->existing, "Attachment"))
        return err_aws(err, "InvalidNetworkInterface.InUse", "Interface: [%s] in use.", id);
    for (const struct launch_interface *other = launch->interfaces; other < row; other++)
        if (other->existing == row->existing)
            return err_aws(err, "InvalidParameterValue",
                           "Network interface '%s' is specified more than once", id);
    return ec2_interface_limit_addresses(&launch->type, row->existing, err);
}

static int check_public(const struct launch *launch, const struct launch_interface *row,
                        struct err *err)
{
    if (row->request == launch->in || !json_object_get(row->request, "AssociatePublicIpAddress"))
        return 0;
    if (launch->interface_count > 1)
        return err_aws(err, "InvalidParameterCombination",
                       "The associatePublicIPAddress parameter cannot be specified when launching "
                       "with multiple network interfaces.");
    return 0;
}

static int prepare_addresses(const struct launch *launch, struct launch_interface *row,
                             struct err *err)
{
    if (ec2_addresses_request_read(row->request, &row->addresses, err) < 0)
        return -1;
    if (ec2_addresses_request_size(&row->addresses) <= (size_t)launch->type.size->addresses)
        return 0;
    return err_aws(err, "PrivateIpAddressLimitExceeded",
                   "Number of private addresses will exceed limit.");
}

static int prepare_row(struct call *call, struct launch *launch, struct launch_interface *row,
                       struct err *err)
{
    const json_t *deletion = json_object_get(row->request, "DeleteOnTermination");
    row->is_kept = deletion && !json_is_true(deletion);
    row->device_index = (int)doc_number(row->request, "DeviceIndex");
    if (find_existing(call, launch, row, err) < 0 || check_public(launch, row, err) < 0 ||
        prepare_subnet(call, launch, row, err) < 0)
        return -1;
    if (row->existing)
        return 0;
    if (prepare_addresses(launch, row, err) < 0)
        return -1;
    return prepare_groups(call, launch, row, err);
}

/* ---- the entries together ---- */

static int check_exclusive(const json_t *in, struct err *err)
{
    static const struct {
        const char *member, *words;
    } exclusive[] = {
        {"SubnetId", "subnet ID"},
        {"SecurityGroupIds", "security groups"},
        {"SecurityGroups", "security groups"},
        {"PrivateIpAddress", "private IP address"},
    };
    for (size_t i = 0; i < sizeof exclusive / sizeof *exclusive; i++)
        if (json_object_get(in, exclusive[i].member))
            return err_aws(err, "InvalidParameterCombination",
                           "Network interfaces and an instance-level %s may not be specified on "
                           "the same request",
                           exclusive[i].words);
    return 0;
}

static int check_index(const struct launch *launch, const json_t *entry, uint32_t *indices,
                       struct err *err)
{
    int64_t index = doc_number(entry, "DeviceIndex");
    if (!json_object_get(entry, "DeviceIndex"))
        return err_aws(err, "InvalidParameterValue",
                       "Each network interface requires a device index.");
    if (index < 0 || index >= launch->type.size->interfaces)
        return err_aws(err, "InvalidParameterValue", "Device index '%lld' exceeds the limit for %s",
                       (long long)index, launch->type.name);
    if (*indices & 1u << index)
        return err_aws(err, "InvalidParameterValue",
                       "Device index '%lld' is specified for more than one network interface",
                       (long long)index);
    *indices |= 1u << index;
    return 0;
}

/* The rows in order of their device indices; the primary one is the first. */
static int take_entries(struct launch *launch, const json_t *entries, struct err *err)
{
    size_t i;
    const json_t *entry;
    uint32_t indices = 0;
    if (check_exclusive(launch->in, err) < 0 ||
        ec2_interface_limit(&launch->type, json_array_size(entries), err) < 0)
        return -1;
    json_array_foreach (entries, i, entry)
        if (check_index(launch, entry, &indices, err) < 0)
            return -1;
    if (!(indices & 1))
        return err_aws(err, "InvalidParameterCombination",
                       "Primary network interface required when secondary network interface(s) "
                       "specified");
    for (int index = 0; index < launch->type.size->interfaces; index++)
        json_array_foreach (entries, i, entry)
            if (doc_number(entry, "DeviceIndex") == index)
                launch->interfaces[launch->interface_count++].request = entry;
    return 0;
}

int launch_interfaces_prepare(struct call *call, struct launch *launch, struct err *err)
{
    const json_t *entries = json_object_get(launch->in, "NetworkInterfaces");
    if (json_array_size(entries) == 0)
        launch->interfaces[launch->interface_count++].request = launch->in;
    else if (take_entries(launch, entries, err) < 0)
        return -1;
    for (int i = 0; i < launch->interface_count; i++)
        if (prepare_row(call, launch, &launch->interfaces[i], err) < 0)
            return -1;
    return 0;
}

void launch_interfaces_finish(struct launch *launch)
{
    for (int i = 0; i < launch->interface_count; i++) {
        json_decref(launch->interfaces[i].group_ids);
        json_decref(launch->interfaces[i].addresses.secondary);
    }
}

bool launch_interfaces_are_single(const struct launch *launch)
{
    for (int i = 0; i < launch->interface_count; i++) {
        const struct launch_interface *row = &launch->interfaces[i];
        if (row->existing || row->addresses.primary || json_array_size(row->addresses.secondary))
            return true;
    }
    return false;
}

/* ---- making them ---- */

static int make(struct call *call, const struct launch *launch, const struct launch_interface *row,
                const char *instance_id, char ret_id[32], struct err *err)
{
    const struct ec2_interface_spec spec = {
        .subnet = store_get(call->store, "subnet", call->region, row->subnet_id),
        .group_ids = row->group_ids,
        .private_ip = row->addresses.primary,
        .secondary = row->addresses.secondary,
        .secondary_count = row->addresses.count,
        .addresses_max = launch->type.size->addresses,
        .want_public = row->want_public,
        .kind = "instance",
        .owner = instance_id,
        .device_index = row->device_index,
        .is_kept = row->is_kept,
        .description = row->request == launch->in ? "" : doc_text(row->request, "Description"),
        .tags = launch->interface_tags,
    };
    return ec2_interface_create(call, &spec, ret_id, err);
}

static void unmake(struct call *call, const json_t *instance)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(instance, "NetworkInterfaces"), i, row)
        ec2_interface_delete(call, doc_text(row, "NetworkInterfaceId"));
}

int launch_interfaces_make(struct call *call, const struct launch *launch, const char *instance_id,
                           json_t *instance, struct err *err)
{
    char id[32];
    for (int i = 0; i < launch->interface_count; i++) {
        const struct launch_interface *row = &launch->interfaces[i];
        snprintf(id, sizeof id, "%s", doc_text(row->existing, "NetworkInterfaceId"));
        if (row->existing) {
            ec2_interface_attach(call, id, instance_id, row->device_index, true);
        } else if (make(call, launch, row, instance_id, id, err) < 0) {
            unmake(call, instance);
            return -1;
        }
        ec2_interface_show(store_get(call->store, kind, call->region, id), instance);
    }
    return 0;
}

/* Network interfaces that users make themselves, and all of them described. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/interface_request.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

static const char kind[] = "network-interface";

enum {
    INTERFACES_MAX = 5000, /* of the account, in a region */
    DETACHED_SHOWN_MS = 30 * 1000,
};

/* ---- CreateNetworkInterface ---- */

/* The groups of the request, or the VPC's default one. */
static json_t *groups_of(const struct call *call, const json_t *subnet)
{
    json_t *groups = json_object_get(call->in, "Groups");
    if (json_array_size(groups) > 0)
        return json_incref(groups);
    const char *vpc = doc_text(subnet, "VpcId");
    return json_pack("[s]",
                     doc_text(store_get(call->store, "vpc", call->region, vpc), "_default_group"));
}

static int create(struct call *call, const json_t *subnet,
                  const struct ec2_addresses_request *addresses, json_t *tags, struct err *err)
{
    char id[32];
    json_auto_t *groups = groups_of(call, subnet);
    const struct ec2_interface_spec spec = {
        .subnet = subnet,
        .group_ids = groups,
        .private_ip = addresses->primary,
        .secondary = addresses->secondary,
        .secondary_count = addresses->count,
        .addresses_max = EC2_ADDRESSES_PER_INTERFACE_MAX,
        .kind = "instance",
        .description = doc_text(call->in, "Description"),
        .tags = tags,
    };
    if (ec2_interface_create(call, &spec, id, err) < 0)
        return -1;
    json_t *shown = json_copy((json_t *)(uintptr_t)store_get(call->store, kind, call->region, id));
    json_object_set_new(shown, "Status", json_string("pending"));
    json_object_set_new(call->out, "NetworkInterface", shown);
    const char *token = ec2_text(call->in, "ClientToken");
    if (token)
        json_object_set_new(call->out, "ClientToken", json_string(token));
    return 0;
}

int ec2_CreateNetworkInterface(struct call *call, struct err *err)
{
    struct ec2_addresses_request addresses;
    if (call_accept(call->in,
                    "SubnetId Description Groups PrivateIpAddress PrivateIpAddresses "
                    "SecondaryPrivateIpAddressCount InterfaceType=interface TagSpecifications",
                    err) < 0)
        return -1;
    const char *subnet_id = ec2_required(call, "SubnetId", err);
    const json_t *subnet = subnet_id ? ec2_find(call, "subnet", subnet_id, err) : NULL;
    if (!subnet ||
        ec2_limit(call, kind, NULL, NULL, INTERFACES_MAX, "NetworkInterfaceLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, "network-interface", "network-interface", err);
    if (!tags || ec2_addresses_request_read(call->in, &addresses, err) < 0)
        return -1;
    int result = create(call, subnet, &addresses, tags, err);
    json_decref(addresses.secondary);
    return result;
}

/* ---- DeleteNetworkInterface ---- */

int ec2_DeleteNetworkInterface(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NetworkInterfaceId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "NetworkInterfaceId", err);
    const json_t *interface = id ? ec2_find(call, kind, id, err) : NULL;
    if (!interface)
        return -1;
    if (json_object_get(interface, "Attachment"))
        return err_aws(err, "InvalidParameterValue", "Network interface '%s' is currently in use.",
                       id);
    ec2_interface_delete(call, id);
    return 0;
}

/* For a while after a detachment its attachment is shown as detached: clients wait to see that. */
static json_t *show(const struct call *call, const json_t *interface)
{
    json_t *last = json_object_get(interface, "_detached");
    bool recent = last && call->now_ms - doc_number(interface, "_detached_ms") <= DETACHED_SHOWN_MS;
    if (!recent || json_object_get(interface, "Attachment"))
        return json_incref((json_t *)(uintptr_t)interface);
    json_t *shown = json_copy((json_t *)(uintptr_t)interface);
    json_object_set(shown, "Attachment", last);
    return shown;
}

int ec2_DescribeNetworkInterfaces(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"addresses.association.owner-id", "PrivateIpAddresses.Association.IpOwnerId"},
        {"addresses.association.public-ip", "PrivateIpAddresses.Association.PublicIp"},
        {"addresses.primary", "PrivateIpAddresses.Primary"},
        {"addresses.private-ip-address", "PrivateIpAddresses.PrivateIpAddress"},
        {"association.allocation-id", "Association.AllocationId"},
        {"association.association-id", "Association.AssociationId"},
        {"association.ip-owner-id", "Association.IpOwnerId"},
        {"association.public-dns-name", "Association.PublicDnsName"},
        {"association.public-ip", "Association.PublicIp"},
        {"attachment.attachment-id", "Attachment.AttachmentId"},
        {"attachment.delete-on-termination", "Attachment.DeleteOnTermination"},
        {"attachment.device-index", "Attachment.DeviceIndex"},
        {"attachment.instance-id", "Attachment.InstanceId"},
        {"attachment.instance-owner-id", "Attachment.InstanceOwnerId"},
        {"attachment.status", "Attachment.Status"},
        {"attachment.network-card-index", "Attachment.NetworkCardIndex"},
        {"availability-zone", "AvailabilityZone"},
        {"availability-zone-id", "AvailabilityZoneId"},
        {"description", "Description"},
        {"group-id", "Groups.GroupId"},
        {"group-name", "Groups.GroupName"},
        {"interface-type", "InterfaceType"},
        {"mac-address", "MacAddress"},
        {"network-interface-id", "NetworkInterfaceId"},
        {"owner-id", "OwnerId"},
        {"private-dns-name", "PrivateDnsName"},
        {"private-ip-address", "PrivateIpAddress"},
        {"requester-id", "RequesterId"},
        {"requester-managed", "RequesterManaged"},
        {"source-dest-check", "SourceDestCheck"},
        {"status", "Status"},
        {"subnet-id", "SubnetId"},
        {"vpc-id", "VpcId"},
        {"attachment.attach-time", "Attachment.AttachTime", true},
        {"ipv6-addresses.ipv6-address", "Ipv6Addresses.Ipv6Address"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "network-interface",
        .list = "NetworkInterfaces",
        .selectors = {{"NetworkInterfaceIds", "NetworkInterfaceId", "network-interface"}},
        .filters = filters,
        .show = show,
    };
    if (call_accept(call->in,
                    "Filters NetworkInterfaceIds MaxResults NextToken IncludeManagedResources",
                    err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

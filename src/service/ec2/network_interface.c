/* DescribeNetworkInterfaces. Interfaces come and go with what they belong to. */
#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"

int ec2_DescribeNetworkInterfaces(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
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
        {"availability-zone", "AvailabilityZone"},
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
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "network-interface",
        .list = "NetworkInterfaces",
        .selectors = {{"NetworkInterfaceIds", "NetworkInterfaceId", "network-interface"}},
        .filters = filters,
    };
    if (call_accept(call->in,
                    "Filters NetworkInterfaceIds MaxResults NextToken IncludeManagedResources",
                    err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

/* DescribeInstances, DescribeInstanceStatus and what else reads instances. */
#include "base/cleanup.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "wire/base64.h"

#include <string.h>

/* A new instance counts as "initializing" for this long: until its first status checks. */
enum { STATUS_CHECKS_MS = 15000 };

static const char kind[] = "instance";

static const struct ec2_filter filters[] = {
    {"affinity", "Placement.Affinity"},
    {"architecture", "Architecture"},
    {"availability-zone", "Placement.AvailabilityZone"},
    {"availability-zone-id", "Placement.AvailabilityZoneId"},
    {"client-token", "ClientToken"},
    {"dns-name", "PublicDnsName"},
    {"hypervisor", "Hypervisor"},
    {"image-id", "ImageId"},
    {"instance-id", "InstanceId"},
    {"instance-state-code", "State.Code"},
    {"instance-state-name", "State.Name"},
    {"instance-type", "InstanceType"},
    {"instance.group-id", "SecurityGroups.GroupId"},
    {"instance.group-name", "SecurityGroups.GroupName"},
    {"ip-address", "PublicIpAddress"},
    {"key-name", "KeyName"},
    {"launch-index", "AmiLaunchIndex"},
    {"metadata-options.http-endpoint", "MetadataOptions.HttpEndpoint"},
    {"metadata-options.http-tokens", "MetadataOptions.HttpTokens"},
    {"monitoring-state", "Monitoring.State"},
    {"network-interface.addresses.association.public-ip",
     "NetworkInterfaces.PrivateIpAddresses.Association.PublicIp"},
    {"network-interface.addresses.private-ip-address",
     "NetworkInterfaces.PrivateIpAddresses.PrivateIpAddress"},
    {"network-interface.association.public-ip", "NetworkInterfaces.Association.PublicIp"},
    {"network-interface.group-id", "NetworkInterfaces.Groups.GroupId"},
    {"network-interface.group-name", "NetworkInterfaces.Groups.GroupName"},
    {"network-interface.mac-address", "NetworkInterfaces.MacAddress"},
    {"network-interface.network-interface-id", "NetworkInterfaces.NetworkInterfaceId"},
    {"network-interface.private-dns-name", "NetworkInterfaces.PrivateDnsName"},
    {"network-interface.subnet-id", "NetworkInterfaces.SubnetId"},
    {"network-interface.vpc-id", "NetworkInterfaces.VpcId"},
    {"owner-id", "_reservation.OwnerId"},
    {"placement-group-name", "Placement.GroupName"},
    {"private-dns-name", "PrivateDnsName"},
    {"private-ip-address", "PrivateIpAddress"},
    {"reason", "StateTransitionReason"},
    {"requester-id", "_reservation.RequesterId"},
    {"reservation-id", "_reservation.ReservationId"},
    {"root-device-name", "RootDeviceName"},
    {"root-device-type", "RootDeviceType"},
    {"source-dest-check", "SourceDestCheck"},
    {"state-reason-code", "StateReason.Code"},
    {"state-reason-message", "StateReason.Message"},
    {"subnet-id", "SubnetId"},
    {"tenancy", "Placement.Tenancy"},
    {"virtualization-type", "VirtualizationType"},
    {"vpc-id", "VpcId"},
    {"block-device-mapping.attach-time", "BlockDeviceMappings.Ebs.AttachTime", true},
    {"block-device-mapping.delete-on-termination", "BlockDeviceMappings.Ebs.DeleteOnTermination"},
    {"block-device-mapping.device-name", "BlockDeviceMappings.DeviceName"},
    {"block-device-mapping.status", "BlockDeviceMappings.Ebs.Status"},
    {"block-device-mapping.volume-id", "BlockDeviceMappings.Ebs.VolumeId"},
    {"boot-mode", "BootMode"},
    {"capacity-reservation-id", "CapacityReservationId"},
    {"capacity-reservation-specification.capacity-reservation-preference",
     "CapacityReservationSpecification.CapacityReservationPreference"},
    {"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
     "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId"},
    {"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-"
     "group-arn",
     "CapacityReservationSpecification.CapacityReservationTarget."
     "CapacityReservationResourceGroupArn"},
    {"current-instance-boot-mode", "CurrentInstanceBootMode"},
    {"ebs-optimized", "EbsOptimized"},
    {"ena-support", "EnaSupport"},
    {"enclave-options.enabled", "EnclaveOptions.Enabled"},
    {"hibernation-options.configured", "HibernationOptions.Configured"},
    {"host-id", "Placement.HostId"},
    {"iam-instance-profile.arn", "IamInstanceProfile.Arn"},
    {"iam-instance-profile.id", "IamInstanceProfile.Id"},
    {"instance-lifecycle", "InstanceLifecycle"},
    {"ipv6-address", "NetworkInterfaces.Ipv6Addresses.Ipv6Address"},
    {"kernel-id", "KernelId"},
    {"launch-time", "LaunchTime", true},
    {"maintenance-options.auto-recovery", "MaintenanceOptions.AutoRecovery"},
    {"metadata-options.http-protocol-ipv4", "MetadataOptions.HttpEndpoint"},
    {"metadata-options.http-protocol-ipv6", "MetadataOptions.HttpProtocolIpv6"},
    {"metadata-options.http-put-response-hop-limit", "MetadataOptions.HttpPutResponseHopLimit"},
    {"metadata-options.instance-metadata-tags", "MetadataOptions.InstanceMetadataTags"},
    {"metadata-options.state", "MetadataOptions.State"},
    {"network-interface.addresses.association.allocation-id",
     "NetworkInterfaces.PrivateIpAddresses.Association.AllocationId"},
    {"network-interface.addresses.association.association-id",
     "NetworkInterfaces.PrivateIpAddresses.Association.AssociationId"},
    {"network-interface.addresses.association.carrier-ip",
     "NetworkInterfaces.PrivateIpAddresses.Association.CarrierIp"},
    {"network-interface.addresses.association.customer-owned-ip",
     "NetworkInterfaces.PrivateIpAddresses.Association.CustomerOwnedIp"},
    {"network-interface.addresses.association.ip-owner-id",
     "NetworkInterfaces.PrivateIpAddresses.Association.IpOwnerId"},
    {"network-interface.addresses.association.public-dns-name",
     "NetworkInterfaces.PrivateIpAddresses.Association.PublicDnsName"},
    {"network-interface.addresses.primary", "NetworkInterfaces.PrivateIpAddresses.Primary"},
    {"network-interface.addresses.private-dns-name",
     "NetworkInterfaces.PrivateIpAddresses.PrivateDnsName"},
    {"network-interface.association.allocation-id", "NetworkInterfaces.Association.AllocationId"},
    {"network-interface.association.association-id", "NetworkInterfaces.Association.AssociationId"},
    {"network-interface.association.carrier-ip", "NetworkInterfaces.Association.CarrierIp"},
    {"network-interface.association.customer-owned-ip",
     "NetworkInterfaces.Association.CustomerOwnedIp"},
    {"network-interface.association.ip-owner-id", "NetworkInterfaces.Association.IpOwnerId"},
    {"network-interface.association.public-dns-name",
     "NetworkInterfaces.Association.PublicDnsName"},
    {"network-interface.attachment.attach-time", "NetworkInterfaces.Attachment.AttachTime", true},
    {"network-interface.attachment.attachment-id", "NetworkInterfaces.Attachment.AttachmentId"},
    {"network-interface.attachment.delete-on-termination",
     "NetworkInterfaces.Attachment.DeleteOnTermination"},
    {"network-interface.attachment.device-index", "NetworkInterfaces.Attachment.DeviceIndex"},
    {"network-interface.attachment.instance-id", "InstanceId"},
    {"network-interface.attachment.instance-owner-id", "NetworkInterfaces.OwnerId"},
    {"network-interface.attachment.network-card-index",
     "NetworkInterfaces.Attachment.NetworkCardIndex"},
    {"network-interface.attachment.status", "NetworkInterfaces.Attachment.Status"},
    {"network-interface.availability-zone", "Placement.AvailabilityZone"},
    {"network-interface.description", "NetworkInterfaces.Description"},
    {"network-interface.ipv4-prefixes.ipv4-prefix", "NetworkInterfaces.Ipv4Prefixes.Ipv4Prefix"},
    {"network-interface.ipv6-address", "NetworkInterfaces.Ipv6Addresses.Ipv6Address"},
    {"network-interface.ipv6-addresses.ipv6-address",
     "NetworkInterfaces.Ipv6Addresses.Ipv6Address"},
    {"network-interface.ipv6-addresses.is-primary-ipv6",
     "NetworkInterfaces.Ipv6Addresses.IsPrimaryIpv6"},
    {"network-interface.ipv6-prefixes.ipv6-prefix", "NetworkInterfaces.Ipv6Prefixes.Ipv6Prefix"},
    {"network-interface.owner-id", "NetworkInterfaces.OwnerId"},
    {"network-interface.private-ip-address", "NetworkInterfaces.PrivateIpAddress"},
    {"network-interface.public-dns-name", "NetworkInterfaces.Association.PublicDnsName"},
    {"network-interface.status", "NetworkInterfaces.Status"},
    {"network-interface.source-dest-check", "NetworkInterfaces.SourceDestCheck"},
    {"network-performance-options.bandwidth-weighting",
     "NetworkPerformanceOptions.BandwidthWeighting"},
    {"outpost-arn", "OutpostArn"},
    {"placement-partition-number", "Placement.PartitionNumber"},
    {"platform", "Platform"},
    {"platform-details", "PlatformDetails"},
    {"private-dns-name-options.enable-resource-name-dns-a-record",
     "PrivateDnsNameOptions.EnableResourceNameDnsARecord"},
    {"private-dns-name-options.enable-resource-name-dns-aaaa-record",
     "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"},
    {"private-dns-name-options.hostname-type", "PrivateDnsNameOptions.HostnameType"},
    {"product-code", "ProductCodes.ProductCodeId"},
    {"product-code.type", "ProductCodes.ProductCodeType"},
    {"ramdisk-id", "RamdiskId"},
    {"spot-instance-request-id", "SpotInstanceRequestId"},
    {"tpm-support", "TpmSupport"},
    {"usage-operation", "UsageOperation"},
    {"usage-operation-update-time", "UsageOperationUpdateTime", true},
    {NULL, NULL},
};

/* ---- DescribeInstances ---- */

static const char *reservation_id(const json_t *instance)
{
    return doc_text(json_object_get(instance, "_reservation"), "ReservationId");
}

static json_t *new_reservation(const json_t *instance)
{
    json_t *reservation = json_copy(json_object_get(instance, "_reservation"));
    json_object_set_new(reservation, "Groups", json_array());
    json_object_set_new(reservation, "Instances", json_array());
    return reservation;
}

/* Instances of one reservation follow each other, as they were created. */
static json_t *group_by_reservation(const json_t *instances)
{
    json_t *reservations = json_array(), *last = NULL;
    size_t i;
    json_t *instance;
    json_array_foreach (instances, i, instance) {
        if (!last || !doc_is(last, "ReservationId", reservation_id(instance))) {
            last = new_reservation(instance);
            json_array_append_new(reservations, last);
        }
        json_array_append(json_object_get(last, "Instances"), instance);
    }
    return reservations;
}

int ec2_DescribeInstances(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "Instances",
        .selectors = {{"InstanceIds", "InstanceId", kind}},
        .filters = filters,
    };
    json_auto_t *matching = ec2_select(call, &describe, err);
    if (!matching || ec2_paginate(call, &describe, matching, err) < 0)
        return -1;
    json_t *page = json_object_get(call->out, "Instances");
    json_object_set_new(call->out, "Reservations", group_by_reservation(page));
    call->documents = "Instances";
    return json_object_del(call->out, "Instances");
}

/* ---- DescribeInstanceStatus ---- */

static json_t *status_summary(const char *status, const char *reachability)
{
    json_t *summary = json_pack("{s:s, s:[]}", "Status", status, "Details");
    if (reachability)
        json_array_append_new(
            json_object_get(summary, "Details"),
            json_pack("{s:s, s:s}", "Name", "reachability", "Status", reachability));
    return summary;
}

/* Nothing reaches the instance, because it switched its network off. */
static json_t *impaired_summary(const json_t *instance)
{
    json_t *summary = status_summary("impaired", "failed");
    json_t *detail = json_array_get(json_object_get(summary, "Details"), 0);
    int64_t since_s = doc_number(instance, "_unreachable_ms") / 1000;
    json_object_set_new(detail, "ImpairedSince", json_integer(since_s));
    return summary;
}

static json_t *show_status(const struct call *call, const json_t *instance)
{
    bool all = doc_flag(call->in, "IncludeAllInstances"), up = instance_is(instance, "running");
    if (!all && !up)
        return NULL;
    bool fresh = call->now_ms - doc_number(instance, "_started_ms") < STATUS_CHECKS_MS;
    const char *status = !up ? "not-applicable" : fresh ? "initializing" : "ok";
    const char *detail = !up ? NULL : fresh ? "initializing" : "passed";
    json_t *own = up && !fresh && doc_number(instance, "_unreachable_ms")
                      ? impaired_summary(instance)
                      : status_summary(status, detail);
    const json_t *placement = json_object_get(instance, "Placement");
    return json_pack("{s:O, s:O, s:O, s:O, s:o, s:o, s:o}", "InstanceId",
                     json_object_get(instance, "InstanceId"), "AvailabilityZone",
                     json_object_get(placement, "AvailabilityZone"), "AvailabilityZoneId",
                     json_object_get(placement, "AvailabilityZoneId"), "InstanceState",
                     json_object_get(instance, "State"), "InstanceStatus", own, "SystemStatus",
                     status_summary(status, detail), "AttachedEbsStatus",
                     status_summary(status, detail));
}

static const struct ec2_filter status_filters[] = {
    {"availability-zone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"instance-state-code", "InstanceState.Code"},
    {"instance-state-name", "InstanceState.Name"},
    {"instance-status.reachability", "InstanceStatus.Details.Status"},
    {"instance-status.status", "InstanceStatus.Status"},
    {"system-status.reachability", "SystemStatus.Details.Status"},
    {"system-status.status", "SystemStatus.Status"},
    {"attached-ebs-status.status", "AttachedEbsStatus.Status"},
    {"event.code", "Events.Code"},
    {"event.description", "Events.Description"},
    {"event.instance-event-id", "Events.InstanceEventId"},
    {"event.not-after", "Events.NotAfter", true},
    {"event.not-before", "Events.NotBefore", true},
    {"event.not-before-deadline", "Events.NotBeforeDeadline", true},
    {NULL, NULL},
};

/* Ids that exist are fine even when their instances are not shown. */
static int check_ids(const struct call *call, struct err *err)
{
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, id)
        if (!ec2_find(call, kind, json_string_value(id), err))
            return -1;
    return 0;
}

int ec2_DescribeInstanceStatus(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .list = "InstanceStatuses",
        .filters = status_filters,
    };
    const json_t *wanted = json_object_get(call->in, "Filters");
    const json_t *ids = json_object_get(call->in, "InstanceIds");
    json_auto_t *matching = json_array();
    if (ec2_filters_check(wanted, status_filters, err) < 0 || check_ids(call, err) < 0)
        return -1;
    store_each (cursor, call->store, kind, call->region) {
        if (json_array_size(ids) > 0 && !doc_list_has(ids, cursor.id))
            continue;
        json_auto_t *status = show_status(call, cursor.doc);
        if (status && ec2_filters_match(wanted, status_filters, status))
            json_array_append(matching, status);
    }
    return ec2_paginate(call, &describe, matching, err);
}

/* ---- the rest ---- */

static json_t *show_credits(const struct call *call, const json_t *instance)
{
    (void)call;
    if (!json_object_get(instance, "_credits") || instance_is(instance, "terminated"))
        return NULL;
    return json_pack("{s:O, s:O}", "InstanceId", json_object_get(instance, "InstanceId"),
                     "CpuCredits", json_object_get(instance, "_credits"));
}

int ec2_DescribeInstanceCreditSpecifications(struct call *call, struct err *err)
{
    static const struct ec2_filter credit_filters[] = {{"instance-id", "InstanceId"}, {NULL, NULL}};
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "InstanceCreditSpecifications",
        .selectors = {{"InstanceIds", "InstanceId", kind}},
        .filters = credit_filters,
        .show = show_credits,
    };
    return ec2_describe(call, &describe, err);
}

int ec2_GetConsoleOutput(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    if (!id || !ec2_find(call, kind, id, err))
        return -1;
    size_t size = 0;
    auto_free char *raw = call->world->read_console(call->world->arg, id, &size);
    auto_free char *encoded = base64_encode(raw ? raw : "", raw ? size : 0);
    json_object_set_new(call->out, "InstanceId", json_string(id));
    json_object_set_new(call->out, "Output", json_string(encoded));
    return json_object_set_new(call->out, "Timestamp", call_now(call));
}

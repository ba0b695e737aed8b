/* DescribeInstanceTypes and DescribeInstanceTypeOfferings, from the table of types. */
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_types.h"
#include "service/ec2/zones.h"

#include <string.h>

enum { PAGE_SIZE_MAX = 100 };

static json_t *processor_info(const struct instance_family *family)
{
    return json_pack("{s:[s], s:f, s:s}", "SupportedArchitectures", family->architecture,
                     "SustainedClockSpeedInGhz", family->clock_ghz, "Manufacturer",
                     family->manufacturer);
}

static json_t *vcpu_info(const struct instance_type *type)
{
    return json_pack("{s:i, s:i, s:i}", "DefaultVCpus", type->size->vcpus, "DefaultCores",
                     instance_type_cores(type), "DefaultThreadsPerCore",
                     type->family->threads_per_core);
}

static json_t *network_info(const struct instance_type *type)
{
    const struct instance_size *size = type->size;
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:s, s:b, s:[{s:i, s:s, s:i}]}",
                     "NetworkPerformance", size->network, "MaximumNetworkInterfaces",
                     size->interfaces, "MaximumNetworkCards", 1, "DefaultNetworkCardIndex", 0,
                     "Ipv4AddressesPerInterface", size->addresses, "Ipv6AddressesPerInterface",
                     size->addresses, "Ipv6Supported", 1, "EnaSupport",
                     type->family->nitro ? "required" : "unsupported", "EfaSupported", 0,
                     "NetworkCards", "NetworkCardIndex", 0, "NetworkPerformance", size->network,
                     "MaximumNetworkInterfaces", size->interfaces);
}

static json_t *type_info(const struct instance_type *type)
{
    const struct instance_family *family = type->family;
    bool is_free = strcmp(type->name, "t2.micro") == 0 || strcmp(type->name, "t3.micro") == 0;
    json_t *info = json_pack(
        "{s:s, s:b, s:b, s:[s, s], s:[s], s:[s], s:b, s:s, s:o, s:o, s:{s:i}, s:b, s:o, s:b, s:b,"
        " s:b, s:b}",
        "InstanceType", type->name, "CurrentGeneration", family->current, "FreeTierEligible",
        is_free, "SupportedUsageClasses", "on-demand", "spot", "SupportedRootDeviceTypes", "ebs",
        "SupportedVirtualizationTypes", "hvm", "BareMetal", 0, "Hypervisor",
        family->nitro ? "nitro" : "xen", "ProcessorInfo", processor_info(family), "VCpuInfo",
        vcpu_info(type), "MemoryInfo", "SizeInMiB", type->memory_mib, "InstanceStorageSupported", 0,
        "NetworkInfo", network_info(type), "HibernationSupported", 0,
        "BurstablePerformanceSupported", family->burstable, "DedicatedHostsSupported", 0,
        "AutoRecoverySupported", 1);
    json_object_set_new(info, "EbsInfo",
                        json_pack("{s:s, s:s, s:s}", "EbsOptimizedSupport",
                                  family->nitro ? "default" : "unsupported", "EncryptionSupport",
                                  "supported", "NvmeSupport",
                                  family->nitro ? "required" : "unsupported"));
    json_object_set_new(info, "PlacementGroupInfo",
                        json_pack("{s:[s, s]}", "SupportedStrategies", "partition", "spread"));
    return info;
}

static const struct ec2_filter type_filters[] = {
    {"auto-recovery-supported", "AutoRecoverySupported"},
    {"bare-metal", "BareMetal"},
    {"burstable-performance-supported", "BurstablePerformanceSupported"},
    {"current-generation", "CurrentGeneration"},
    {"dedicated-hosts-supported", "DedicatedHostsSupported"},
    {"free-tier-eligible", "FreeTierEligible"},
    {"hibernation-supported", "HibernationSupported"},
    {"hypervisor", "Hypervisor"},
    {"instance-storage-supported", "InstanceStorageSupported"},
    {"instance-type", "InstanceType"},
    {"memory-info.size-in-mib", "MemoryInfo.SizeInMiB"},
    {"network-info.ena-support", "NetworkInfo.EnaSupport"},
    {"network-info.maximum-network-interfaces", "NetworkInfo.MaximumNetworkInterfaces"},
    {"network-info.network-performance", "NetworkInfo.NetworkPerformance"},
    {"processor-info.supported-architecture", "ProcessorInfo.SupportedArchitectures"},
    {"processor-info.sustained-clock-speed-in-ghz", "ProcessorInfo.SustainedClockSpeedInGhz"},
    {"supported-root-device-type", "SupportedRootDeviceTypes"},
    {"supported-usage-class", "SupportedUsageClasses"},
    {"supported-virtualization-type", "SupportedVirtualizationTypes"},
    {"vcpu-info.default-cores", "VCpuInfo.DefaultCores"},
    {"vcpu-info.default-threads-per-core", "VCpuInfo.DefaultThreadsPerCore"},
    {"vcpu-info.default-vcpus", "VCpuInfo.DefaultVCpus"},
    {"ebs-info.ebs-optimized-support", "EbsInfo.EbsOptimizedSupport"},
    {"ebs-info.encryption-support", "EbsInfo.EncryptionSupport"},
    {"ebs-info.nvme-support", "EbsInfo.NvmeSupport"},
    {"instance-storage-info.disk.count", "InstanceStorageInfo.Disks.Count"},
    {"instance-storage-info.disk.size-in-gb", "InstanceStorageInfo.Disks.SizeInGB"},
    {"instance-storage-info.disk.type", "InstanceStorageInfo.Disks.Type"},
    {"instance-storage-info.encryption-support", "InstanceStorageInfo.EncryptionSupport"},
    {"instance-storage-info.nvme-support", "InstanceStorageInfo.NvmeSupport"},
    {"instance-storage-info.total-size-in-gb", "InstanceStorageInfo.TotalSizeInGB"},
    {"network-info.efa-info.maximum-efa-interfaces", "NetworkInfo.EfaInfo.MaximumEfaInterfaces"},
    {"network-info.efa-supported", "NetworkInfo.EfaSupported"},
    {"network-info.ipv4-addresses-per-interface", "NetworkInfo.Ipv4AddressesPerInterface"},
    {"network-info.ipv6-addresses-per-interface", "NetworkInfo.Ipv6AddressesPerInterface"},
    {"network-info.ipv6-supported", "NetworkInfo.Ipv6Supported"},
    {"network-info.maximum-network-cards", "NetworkInfo.MaximumNetworkCards"},
    {"processor-info.supported-features", "ProcessorInfo.SupportedFeatures"},
    {NULL, NULL},
};

static const struct ec2_describe describe_types = {
    .list = "InstanceTypes",
    .filters = type_filters,
    .results_max = PAGE_SIZE_MAX,
};

static int check_names(const json_t *names, struct err *err)
{
    size_t i;
    const json_t *name;
    struct instance_type type;
    json_array_foreach (names, i, name)
        if (!instance_type_find(json_string_value(name), &type))
            return err_aws(err, "InvalidInstanceType",
                           "The following supplied instance types do not exist: [%s]",
                           json_string_value(name));
    return 0;
}

static bool is_wanted(const json_t *names, const char *name)
{
    size_t i;
    const json_t *each;
    json_array_foreach (names, i, each)
        if (strcmp(json_string_value(each), name) == 0)
            return true;
    return json_array_size(names) == 0;
}

int ec2_DescribeInstanceTypes(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "InstanceTypes");
    const json_t *filters = json_object_get(call->in, "Filters");
    if (check_names(names, err) < 0 || ec2_filters_check(filters, type_filters, err) < 0)
        return -1;
    json_auto_t *matching = json_array();
    struct instance_type type;
    for (int i = 0; instance_type_at(i, &type); i++) {
        if (!is_wanted(names, type.name))
            continue;
        json_auto_t *info = type_info(&type);
        if (ec2_filters_match(filters, type_filters, info))
            json_array_append(matching, info);
    }
    return ec2_paginate(call, &describe_types, matching, err);
}

/* ---- offerings: every type is offered everywhere ---- */

static const struct ec2_filter offering_filters[] = {
    {"instance-type", "InstanceType"},
    {"location", "Location"},
    {NULL, NULL},
};

static const struct ec2_describe describe_offerings = {
    .list = "InstanceTypeOfferings",
    .filters = offering_filters,
};

/* The places of a LocationType in the region; an array of names. */
static json_t *locations(const struct call *call, const char *location_type)
{
    json_t *places = json_array();
    if (strcmp(location_type, "region") == 0)
        json_array_append_new(places, json_string(call->region));
    for (int i = 0; i < EC2_ZONES && strncmp(location_type, "availability-zone", 17) == 0; i++) {
        char zone[32], id[32];
        ec2_zone_name(call->region, i, zone);
        ec2_zone_id(call->region, zone, id);
        bool by_id = strcmp(location_type, "availability-zone-id") == 0;
        json_array_append_new(places, json_string(by_id ? id : zone));
    }
    return places;
}

int ec2_DescribeInstanceTypeOfferings(struct call *call, struct err *err)
{
    const json_t *filters = json_object_get(call->in, "Filters");
    const char *location_type = ec2_text(call->in, "LocationType");
    if (!location_type)
        location_type = "region";
    if (ec2_filters_check(filters, offering_filters, err) < 0)
        return -1;
    json_auto_t *matching = json_array();
    json_auto_t *places = locations(call, location_type);
    size_t k;
    const json_t *place;
    json_array_foreach (places, k, place) {
        struct instance_type type;
        for (int i = 0; instance_type_at(i, &type); i++) {
            json_auto_t *offering =
                json_pack("{s:s, s:s, s:s}", "InstanceType", type.name, "LocationType",
                          location_type, "Location", json_string_value(place));
            if (ec2_filters_match(filters, offering_filters, offering))
                json_array_append(matching, offering);
        }
    }
    return ec2_paginate(call, &describe_offerings, matching, err);
}

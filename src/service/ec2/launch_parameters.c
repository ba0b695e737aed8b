#include "service/ec2/launch_parameters.h"

#include "base/cleanup.h"
#include "wire/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_DATA_SIZE_MAX = 16 * 1024, PATH_SIZE = 128, VALUE_SIZE = 64 };

/*
 * The members that work, by path. `only`: the one value (as JSON) that asks for what happens
 * anyway; NULL: every value works. What is not listed is not supported.
 */
static const struct member {
    const char *path, *only;
} members[] = {
    {"BlockDeviceMappings.DeviceName", NULL},
    {"BlockDeviceMappings.Ebs.DeleteOnTermination", NULL},
    {"BlockDeviceMappings.Ebs.Encrypted", "false"},
    {"BlockDeviceMappings.Ebs.Iops", NULL},
    {"BlockDeviceMappings.Ebs.SnapshotId", NULL},
    {"BlockDeviceMappings.Ebs.Throughput", NULL},
    {"BlockDeviceMappings.Ebs.VolumeSize", NULL},
    {"BlockDeviceMappings.Ebs.VolumeType", NULL},
    {"BlockDeviceMappings.NoDevice", NULL},
    {"CapacityReservationSpecification.CapacityReservationPreference", "\"open\""},
    {"ClientToken", NULL},
    {"CreditSpecification.CpuCredits", NULL},
    {"DisableApiStop", NULL},
    {"DisableApiTermination", NULL},
    {"DryRun", NULL},
    {"EbsOptimized", "false"},
    {"EnablePrimaryIpv6", "false"},
    {"EnclaveOptions.Enabled", "false"},
    {"HibernationOptions.Configured", "false"},
    {"ImageId", NULL},
    {"InstanceInitiatedShutdownBehavior", NULL},
    {"InstanceMarketOptions.MarketType", "\"on-demand\""},
    {"InstanceType", NULL},
    {"Ipv6AddressCount", "0"},
    {"KeyName", NULL},
    {"LaunchTemplate", NULL},
    {"MaintenanceOptions.AutoRecovery", NULL},
    {"MaxCount", NULL},
    {"MetadataOptions.HttpEndpoint", NULL},
    {"MetadataOptions.HttpProtocolIpv6", "\"disabled\""},
    {"MetadataOptions.HttpPutResponseHopLimit", NULL},
    {"MetadataOptions.HttpTokens", NULL},
    {"MetadataOptions.InstanceMetadataTags", NULL},
    {"MinCount", NULL},
    {"Monitoring.Enabled", NULL},
    {"NetworkInterfaces.AssociatePublicIpAddress", NULL},
    {"NetworkInterfaces.DeleteOnTermination", NULL},
    {"NetworkInterfaces.Description", NULL},
    {"NetworkInterfaces.DeviceIndex", NULL},
    {"NetworkInterfaces.Groups", NULL},
    {"NetworkInterfaces.InterfaceType", "\"interface\""},
    {"NetworkInterfaces.Ipv6AddressCount", "0"},
    {"NetworkInterfaces.NetworkCardIndex", "0"},
    {"NetworkInterfaces.NetworkInterfaceId", NULL},
    {"NetworkInterfaces.PrivateIpAddress", NULL},
    {"NetworkInterfaces.PrivateIpAddresses.Primary", NULL},
    {"NetworkInterfaces.PrivateIpAddresses.PrivateIpAddress", NULL},
    {"NetworkInterfaces.SecondaryPrivateIpAddressCount", NULL},
    {"NetworkInterfaces.SubnetId", NULL},
    {"NetworkPerformanceOptions.BandwidthWeighting", "\"default\""},
    {"Placement.AvailabilityZone", NULL},
    {"Placement.GroupId", NULL},
    {"Placement.GroupName", NULL},
    {"Placement.PartitionNumber", NULL},
    {"Placement.Tenancy", "\"default\""},
    {"PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord", "false"},
    {"PrivateDnsNameOptions.EnableResourceNameDnsARecord", "false"},
    {"PrivateDnsNameOptions.HostnameType", "\"ip-name\""},
    {"PrivateIpAddress", NULL},
    {"SecurityGroupIds", NULL},
    {"SecurityGroups", NULL},
    {"SubnetId", NULL},
    {"TagSpecifications", NULL},
    {"UserData", NULL},
};

enum { MEMBER_COUNT = sizeof members / sizeof *members };

static const struct member *find_member(const char *path)
{
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i].path, path) == 0)
            return &members[i];
    return NULL;
}

/* Whether some member below `path` works. */
static bool leads_somewhere(const char *path)
{
    size_t size = strlen(path);
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (strncmp(members[i].path, path, size) == 0 && members[i].path[size] == '.')
            return true;
    return false;
}

static int check_value(const struct member *member, const json_t *value, struct err *err)
{
    char text[VALUE_SIZE] = {0};
    if (!member->only)
        return 0;
    json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY);
    if (strcmp(text, member->only) == 0)
        return 0;
    return err_aws(err, "UnsupportedOperation",
                   "The value %s for parameter %s is not supported by Pileus yet.", text,
                   member->path);
}

static int check_at(const json_t *value, const char *path, struct err *err)
{
    const struct member *member = find_member(path);
    if (member)
        return check_value(member, value, err);
    size_t i;
    const json_t *item;
    if (json_is_array(value)) {
        json_array_foreach (value, i, item)
            if (check_at(item, path, err) < 0)
                return -1;
        return 0;
    }
    if (path[0] && (!json_is_object(value) || !leads_somewhere(path)))
        return err_aws(err, "UnsupportedOperation",
                       "The parameter %s is not supported by Pileus yet.", path);
    const char *name;
    json_object_foreach ((json_t *)value, name, item) {
        char below[PATH_SIZE];
        snprintf(below, sizeof below, "%s%s%s", path, path[0] ? "." : "", name);
        if (check_at(item, below, err) < 0)
            return -1;
    }
    return 0;
}

/* What a launch creates can be tagged by it. */
static int check_tag_specifications(const json_t *data, struct err *err)
{
    size_t i;
    const json_t *specification;
    json_array_foreach (json_object_get(data, "TagSpecifications"), i, specification) {
        const char *type = json_string_value(json_object_get(specification, "ResourceType"));
        if (!type || (strcmp(type, "instance") != 0 && strcmp(type, "network-interface") != 0 &&
                      strcmp(type, "volume") != 0))
            return err_aws(err, "UnsupportedOperation",
                           "Tagging resource type '%s' on launch is not supported by Pileus yet.",
                           type ? type : "");
    }
    return 0;
}

int launch_parameters_check(const json_t *data, struct err *err)
{
    if (check_at(data, "", err) < 0)
        return -1;
    return check_tag_specifications(data, err);
}

/* ---- template and request ---- */

static json_t *find_tagged(json_t *specifications, const char *type)
{
    size_t i;
    json_t *specification;
    json_array_foreach (specifications, i, specification)
        if (strcmp(json_string_value(json_object_get(specification, "ResourceType")), type) == 0)
            return specification;
    return NULL;
}

static void merge_tag(json_t *tags, json_t *tag)
{
    const json_t *key = json_object_get(tag, "Key");
    size_t i;
    json_t *each;
    json_array_foreach (tags, i, each)
        if (json_equal(json_object_get(each, "Key"), key)) {
            json_array_set(tags, i, tag);
            return;
        }
    json_array_append(tags, tag);
}

static void merge_tag_specifications(json_t *into, const json_t *from)
{
    size_t i, k;
    json_t *specification, *tag;
    json_array_foreach (from, i, specification) {
        const char *type = json_string_value(json_object_get(specification, "ResourceType"));
        json_t *target = type ? find_tagged(into, type) : NULL;
        if (!target) {
            json_array_append(into, specification);
            continue;
        }
        json_array_foreach (json_object_get(specification, "Tags"), k, tag)
            merge_tag(json_object_get(target, "Tags"), tag);
    }
}

/* The entry with device index 0; the first one if none has. */
static json_t *primary_interface(json_t *interfaces)
{
    size_t i;
    json_t *interface;
    json_array_foreach (interfaces, i, interface)
        if (json_integer_value(json_object_get(interface, "DeviceIndex")) == 0)
            return interface;
    return json_array_get(interfaces, 0);
}

json_t *launch_parameters_merge(const json_t *template_data, const json_t *request)
{
    json_t *merged = template_data ? json_deep_copy(template_data) : json_object();
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)request, name, value) {
        json_t *existing = json_object_get(merged, name);
        if (existing && strcmp(name, "TagSpecifications") == 0)
            merge_tag_specifications(existing, value);
        else if (json_is_object(existing) && json_is_object(value))
            json_object_update(existing, value);
        else
            json_object_set(merged, name, value);
    }
    json_t *interface = primary_interface(json_object_get(merged, "NetworkInterfaces"));
    json_t *subnet = json_object_get(request, "SubnetId");
    if (interface && subnet && !json_object_get(request, "NetworkInterfaces")) {
        json_object_set(interface, "SubnetId", subnet);
        json_object_del(merged, "SubnetId");
    }
    return merged;
}

int launch_user_data_check(const char *user_data, struct err *err)
{
    size_t size = 0;
    if (!user_data)
        return 0;
    auto_free char *raw = base64_decode(user_data, strlen(user_data), &size);
    if (!raw)
        return err_aws(err, "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
    if (size > USER_DATA_SIZE_MAX)
        return err_aws(err, "InvalidParameterValue", "User data is limited to 16384 bytes");
    return 0;
}

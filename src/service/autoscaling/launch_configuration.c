#include "service/autoscaling/launch_configuration.h"

#include "service/doc.h"

#include <string.h>

const char launch_configuration_kind[] = "launch-configuration";

const json_t *launch_configuration_find(const struct call *call, const char *name, struct err *err)
{
    const json_t *found = store_get(call->store, launch_configuration_kind, call->region, name);
    if (!found)
        err_aws(err, "ValidationError",
                "Launch configuration name not found - Launch configuration %s not found", name);
    return found;
}

/* Members that ask for something, and that RunInstances has too. */
static void copy_common(json_t *request, const json_t *configuration)
{
    static const char *const common[] = {
        "ImageId",   "InstanceType",        "KeyName",      "UserData",        "KernelId",
        "RamdiskId", "BlockDeviceMappings", "EbsOptimized", "MetadataOptions",
    };
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        json_t *value = json_object_get(configuration, common[i]);
        bool empty = json_is_string(value) && !json_string_length(value);
        if (value && !empty && !(json_is_array(value) && !json_array_size(value)))
            json_object_set(request, common[i], value);
    }
}

/* With its own word on public addresses it describes the network interface, else only groups. */
static void add_network(json_t *request, const json_t *configuration, const char *subnet)
{
    json_t *groups = json_object_get(configuration, "SecurityGroups");
    json_t *public = json_object_get(configuration, "AssociatePublicIpAddress");
    json_auto_t *network = json_object();
    if (*subnet)
        json_object_set_new(network, "SubnetId", json_string(subnet));
    if (json_array_size(groups))
        json_object_set(network, public ? "Groups" : "SecurityGroupIds", groups);
    if (!public) {
        json_object_update(request, network);
        return;
    }
    json_object_set_new(network, "DeviceIndex", json_integer(0));
    json_object_set(network, "AssociatePublicIpAddress", public);
    json_object_set_new(request, "NetworkInterfaces", json_pack("[O]", network));
}

json_t *launch_configuration_request(const json_t *configuration, const char *subnet)
{
    json_t *request = json_pack("{s:i, s:i, s:O*}", "MinCount", 1, "MaxCount", 1, "Monitoring",
                                json_object_get(configuration, "InstanceMonitoring"));
    const char *profile = doc_text(configuration, "IamInstanceProfile");
    const char *tenancy = doc_text(configuration, "PlacementTenancy");
    const char *price = doc_text(configuration, "SpotPrice");
    copy_common(request, configuration);
    add_network(request, configuration, subnet);
    if (*profile)
        json_object_set_new(
            request, "IamInstanceProfile",
            json_pack("{s:s}", strncmp(profile, "arn:", 4) ? "Name" : "Arn", profile));
    if (*tenancy)
        json_object_set_new(request, "Placement", json_pack("{s:s}", "Tenancy", tenancy));
    if (*price)
        json_object_set_new(
            request, "InstanceMarketOptions",
            json_pack("{s:s, s:{s:s}}", "MarketType", "spot", "SpotOptions", "MaxPrice", price));
    return request;
}

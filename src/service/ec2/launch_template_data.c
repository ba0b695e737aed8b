/* GetLaunchTemplateData: what a launch template would say to launch an instance like this one. */
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"

#include <string.h>

/* Members that instance and template have in common. */
static const struct {
    const char *to, *from;
} copied[] = {
    {"DisableApiStop", "_stop_protection"},
    {"DisableApiTermination", "_termination_protection"},
    {"EbsOptimized", "EbsOptimized"},
    {"ImageId", "ImageId"},
    {"InstanceInitiatedShutdownBehavior", "_shutdown_behavior"},
    {"InstanceType", "InstanceType"},
    {"KeyName", "KeyName"},
    {"UserData", "_user_data"},
};

static json_t *interface_data(const json_t *interface)
{
    const json_t *attachment = json_object_get(interface, "Attachment"), *group;
    json_t *groups = json_array();
    size_t i;
    json_array_foreach (json_object_get(interface, "Groups"), i, group)
        json_array_append(groups, json_object_get(group, "GroupId"));
    return json_pack("{s:i, s:O, s:o, s:b, s:b}", "DeviceIndex",
                     (int)doc_number(attachment, "DeviceIndex"), "SubnetId",
                     json_object_get(interface, "SubnetId"), "Groups", groups,
                     "DeleteOnTermination", doc_flag(attachment, "DeleteOnTermination"),
                     "AssociatePublicIpAddress", json_object_get(interface, "Association") != NULL);
}

static void add_interfaces(const json_t *instance, json_t *data)
{
    json_t *list = json_array();
    const json_t *interface;
    size_t i;
    json_array_foreach (json_object_get(instance, "NetworkInterfaces"), i, interface)
        json_array_append_new(list, interface_data(interface));
    json_object_set_new(data, "NetworkInterfaces", list);
}

/* Those that AWS itself gave cannot be given again. */
static void add_tags(const json_t *instance, json_t *data)
{
    json_t *tags = json_array();
    json_t *tag;
    size_t i;
    json_array_foreach (json_object_get(instance, "Tags"), i, tag)
        if (strncmp(doc_text(tag, "Key"), "aws:", 4) != 0)
            json_array_append(tags, tag);
    if (json_array_size(tags) > 0)
        json_object_set_new(data, "TagSpecifications",
                            json_pack("[{s:s, s:O}]", "ResourceType", "instance", "Tags", tags));
    json_decref(tags);
}

static void add_options(const json_t *instance, json_t *data)
{
    static const char *const options[] = {"HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint",
                                          "InstanceMetadataTags"};
    const json_t *metadata = json_object_get(instance, "MetadataOptions");
    const json_t *placement = json_object_get(instance, "Placement");
    json_t *copy = json_object();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        json_object_set(copy, options[i], json_object_get(metadata, options[i]));
    json_object_set_new(data, "MetadataOptions", copy);
    json_object_set_new(data, "Placement",
                        json_pack("{s:O, s:O, s:O}", "AvailabilityZone",
                                  json_object_get(placement, "AvailabilityZone"), "GroupName",
                                  json_object_get(placement, "GroupName"), "Tenancy",
                                  json_object_get(placement, "Tenancy")));
    bool monitored = doc_is(json_object_get(instance, "Monitoring"), "State", "enabled");
    json_object_set_new(data, "Monitoring", json_pack("{s:b}", "Enabled", monitored));
    json_t *credits = json_object_get(instance, "_credits");
    if (credits)
        json_object_set_new(data, "CreditSpecification", json_pack("{s:O}", "CpuCredits", credits));
}

int ec2_GetLaunchTemplateData(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    const json_t *instance = id ? ec2_find(call, "instance", id, err) : NULL;
    if (!instance)
        return -1;
    json_t *data = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        json_t *value = json_object_get(instance, copied[i].from);
        if (value)
            json_object_set(data, copied[i].to, value);
    }
    add_interfaces(instance, data);
    add_tags(instance, data);
    add_options(instance, data);
    return json_object_set_new(call->out, "LaunchTemplateData", data);
}

/* Attributes of instances: what DescribeInstances does not show, and what may be changed. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/block_devices.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/instance_types.h"
#include "service/ec2/interface.h"
#include "service/ec2/interface_limits.h"
#include "service/ec2/launch_parameters.h"

#include <string.h>

static const char kind[] = "instance";

/* ---- DescribeInstanceAttribute ---- */

/* Attributes {"Value": ...}: their name on the wire, in the output, and where the value is. */
static const struct value_attribute {
    const char *name, *member, *source;
} value_attributes[] = {
    {"disableApiStop", "DisableApiStop", "_stop_protection"},
    {"disableApiTermination", "DisableApiTermination", "_termination_protection"},
    {"ebsOptimized", "EbsOptimized", "EbsOptimized"},
    {"enaSupport", "EnaSupport", "EnaSupport"},
    {"instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior",
     "_shutdown_behavior"},
    {"instanceType", "InstanceType", "InstanceType"},
    {"kernel", "KernelId", "KernelId"},
    {"ramdisk", "RamdiskId", "RamdiskId"},
    {"rootDeviceName", "RootDeviceName", "RootDeviceName"},
    {"sourceDestCheck", "SourceDestCheck", "SourceDestCheck"},
    {"sriovNetSupport", "SriovNetSupport", "SriovNetSupport"},
    {"userData", "UserData", "_user_data"},
};

/* Attributes that are a part of the document as it is. */
static const struct value_attribute whole_attributes[] = {
    {"blockDeviceMapping", "BlockDeviceMappings", "BlockDeviceMappings"},
    {"enclaveOptions", "EnclaveOptions", "EnclaveOptions"},
    {"groupSet", "Groups", "SecurityGroups"},
    {"productCodes", "ProductCodes", "ProductCodes"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct value_attribute *find_attribute(const struct value_attribute *table,
                                                    size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

int ec2_DescribeInstanceAttribute(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    const char *name = id ? ec2_required(call, "Attribute", err) : NULL;
    const json_t *instance = name ? ec2_find(call, kind, id, err) : NULL;
    if (!instance)
        return -1;
    json_object_set_new(call->out, "InstanceId", json_string(id));
    const struct value_attribute *row =
        find_attribute(whole_attributes, COUNT(whole_attributes), name);
    if (row) {
        json_t *value = json_object_get(instance, row->source);
        return json_object_set_new(call->out, row->member,
                                   value ? json_incref(value) : json_array());
    }
    row = find_attribute(value_attributes, COUNT(value_attributes), name);
    if (!row)
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.100s) for parameter attribute is invalid. Unknown attribute.",
                       name);
    json_t *value = json_object_get(instance, row->source);
    return json_object_set_new(call->out, row->member,
                               value ? json_pack("{s:O}", "Value", value) : json_object());
}

/* ---- ModifyInstanceAttribute ---- */

/* Changes one attribute; `value` is what the request gives. */
typedef int attribute_setter(struct call *call, json_t *instance, const json_t *value,
                             struct err *err);

static int must_be_stopped(const json_t *instance, const char *what, struct err *err)
{
    if (instance_is(instance, "stopped"))
        return 0;
    return err_aws(err, "IncorrectInstanceState",
                   "The instance '%s' is not in the 'stopped' state. %s can only be modified when "
                   "the instance is stopped.",
                   doc_text(instance, "InstanceId"), what);
}

/* Booleans come as such, or as text in the old form of the request. */
static bool is_true(const json_t *value)
{
    const char *text = json_string_value(value);
    return json_is_true(value) || (text && strcasecmp(text, "true") == 0);
}

static int set_type(struct call *call, json_t *instance, const json_t *value, struct err *err)
{
    struct instance_type type;
    const char *name = json_string_value(value);
    if (!name || !instance_type_find(name, &type))
        return err_aws(err, "InvalidInstanceAttributeValue", "Invalid value '%s' for InstanceType.",
                       name ? name : "");
    if (must_be_stopped(instance, "The instance type", err) < 0)
        return -1;
    if (!doc_is(instance, "Architecture", type.family->architecture))
        return err_aws(err, "InvalidInstanceAttributeValue",
                       "The architecture '%s' of the specified instance type does not match the "
                       "architecture '%s' of the instance.",
                       type.family->architecture, doc_text(instance, "Architecture"));
    if (ec2_interface_limit_instance(instance, &type, err) < 0)
        return -1;
    json_object_set_new(instance, "InstanceType", json_string(type.name));
    json_object_set_new(instance, "CpuOptions",
                        json_pack("{s:i, s:i}", "CoreCount", instance_type_cores(&type),
                                  "ThreadsPerCore", type.family->threads_per_core));
    json_object_set_new(instance, "_cpu_thousandths",
                        json_integer(instance_type_share(&type, call->world->vcpu_share)));
    return json_object_set_new(instance, "_memory_mib", json_integer(type.memory_mib));
}

static int set_user_data(struct call *call, json_t *instance, const json_t *value, struct err *err)
{
    (void)call;
    if (must_be_stopped(instance, "The user data", err) < 0 ||
        launch_user_data_check(json_string_value(value), err) < 0)
        return -1;
    return json_object_set(instance, "_user_data", (json_t *)(uintptr_t)value);
}

static int set_stop_protection(struct call *call, json_t *instance, const json_t *value,
                               struct err *err)
{
    (void)call, (void)err;
    return json_object_set_new(instance, "_stop_protection", json_boolean(is_true(value)));
}

static int set_termination_protection(struct call *call, json_t *instance, const json_t *value,
                                      struct err *err)
{
    (void)call, (void)err;
    return json_object_set_new(instance, "_termination_protection", json_boolean(is_true(value)));
}

static int set_shutdown_behavior(struct call *call, json_t *instance, const json_t *value,
                                 struct err *err)
{
    (void)call;
    const char *behavior = json_string_value(value);
    if (!behavior || (strcmp(behavior, "stop") != 0 && strcmp(behavior, "terminate") != 0))
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%.40s' for instanceInitiatedShutdownBehavior.",
                       behavior ? behavior : "");
    return json_object_set_new(instance, "_shutdown_behavior", json_string(behavior));
}

static int set_source_check(struct call *call, json_t *instance, const json_t *value,
                            struct err *err)
{
    const json_t *interface = ec2_interface_of_instance(call, instance, err);
    if (!interface)
        return -1;
    ec2_interface_set_check(call, ec2_text(interface, "NetworkInterfaceId"), is_true(value));
    return 0;
}

static const struct setting {
    const char *name, *member; /* `member`: of the request; `name`: in the old form of it */
    attribute_setter *set;
} settings[] = {
    {"disableApiStop", "DisableApiStop", set_stop_protection},
    {"disableApiTermination", "DisableApiTermination", set_termination_protection},
    {"instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior",
     set_shutdown_behavior},
    {"instanceType", "InstanceType", set_type},
    {"sourceDestCheck", "SourceDestCheck", set_source_check},
    {"userData", "UserData", set_user_data},
};

/* {"Attribute": "instanceType", "Value": "t3.small"} */
static int set_by_name(struct call *call, json_t *instance, const char *name, struct err *err)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].set(call, instance, json_object_get(call->in, "Value"), err);
    return err_aws(err, "UnsupportedOperation",
                   "Modifying the attribute '%.100s' is not supported by Pileus yet", name);
}

/* {"InstanceType": {"Value": "t3.small"}} */
static int set_by_member(struct call *call, json_t *instance, struct err *err)
{
    for (size_t i = 0; i < COUNT(settings); i++) {
        const json_t *given = json_object_get(call->in, settings[i].member);
        if (given && settings[i].set(call, instance, json_object_get(given, "Value"), err) < 0)
            return -1;
    }
    return 0;
}

/* Only whether a volume goes with its instance; it is shown by both. */
static int set_block_devices(struct call *call, json_t *instance, struct err *err)
{
    size_t i;
    const json_t *wanted;
    json_array_foreach (json_object_get(call->in, "BlockDeviceMappings"), i, wanted) {
        const char *device = doc_text(wanted, "DeviceName");
        json_t *flag = json_object_get(json_object_get(wanted, "Ebs"), "DeleteOnTermination");
        json_t *mapping = block_devices_find(instance, device);
        if (!mapping)
            return err_aws(err, "InvalidInstanceAttributeValue",
                           "No device is currently mapped at %.60s", device);
        if (!flag || call_accept(wanted, "DeviceName Ebs", err) < 0 ||
            call_accept(json_object_get(wanted, "Ebs"), "DeleteOnTermination VolumeId", err) < 0)
            return flag ? -1
                        : err_aws(err, "MissingParameter",
                                  "The request must contain the parameter "
                                  "ebs.deleteOnTermination");
        json_t *ebs = json_object_get(mapping, "Ebs");
        json_t *volume = txn_edit(call->txn, "volume", call->region, doc_text(ebs, "VolumeId"));
        json_t *attachment = json_array_get(json_object_get(volume, "Attachments"), 0);
        json_object_set(ebs, "DeleteOnTermination", flag);
        json_object_set(attachment, "DeleteOnTermination", flag);
    }
    return 0;
}

int ec2_ModifyInstanceAttribute(struct call *call, struct err *err)
{
    static const char understood[] =
        "InstanceId Attribute Value DisableApiStop DisableApiTermination "
        "InstanceInitiatedShutdownBehavior InstanceType SourceDestCheck UserData Groups "
        "BlockDeviceMappings";
    const char *id = ec2_required(call, "InstanceId", err);
    if (!id || call_accept(call->in, understood, err) < 0)
        return -1;
    json_t *instance = ec2_edit(call, kind, id, err);
    if (!instance)
        return -1;
    const char *name = ec2_text(call->in, "Attribute");
    const json_t *groups = json_object_get(call->in, "Groups");
    if (name && set_by_name(call, instance, name, err) < 0)
        return -1;
    if (set_by_member(call, instance, err) < 0 || set_block_devices(call, instance, err) < 0)
        return -1;
    if (json_array_size(groups) == 0)
        return 0;
    const json_t *interface = ec2_interface_of_instance(call, instance, err);
    if (!interface)
        return -1;
    return ec2_interface_set_groups(call, ec2_text(interface, "NetworkInterfaceId"), groups, err);
}

/* Instances have neither kernel nor RAM disk of their own. */
int ec2_ResetInstanceAttribute(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    json_t *instance = id ? ec2_edit(call, kind, id, err) : NULL;
    if (!instance)
        return -1;
    if (!doc_is(call->in, "Attribute", "sourceDestCheck"))
        return err_aws(err, "UnsupportedOperation",
                       "Resetting the attribute '%.100s' is not supported by Pileus.",
                       doc_text(call->in, "Attribute"));
    json_auto_t *on = json_true();
    return set_source_check(call, instance, on, err);
}

int ec2_ModifyInstanceMetadataOptions(struct call *call, struct err *err)
{
    static const char *const changeable[] = {"HttpTokens", "HttpPutResponseHopLimit",
                                             "HttpEndpoint", "InstanceMetadataTags"};
    const char *id = ec2_required(call, "InstanceId", err);
    if (!id || call_accept(call->in,
                           "InstanceId HttpTokens HttpPutResponseHopLimit HttpEndpoint "
                           "InstanceMetadataTags HttpProtocolIpv6=disabled",
                           err) < 0)
        return -1;
    json_t *instance = ec2_edit(call, kind, id, err);
    if (!instance)
        return -1;
    json_t *options = json_object_get(instance, "MetadataOptions");
    for (size_t i = 0; i < COUNT(changeable); i++)
        if (json_object_get(call->in, changeable[i]))
            json_object_set(options, changeable[i], json_object_get(call->in, changeable[i]));
    json_object_set_new(call->out, "InstanceId", json_string(id));
    return json_object_set_new(call->out, "InstanceMetadataOptions", json_deep_copy(options));
}

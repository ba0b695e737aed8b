/* AttachNetworkInterface and DetachNetworkInterface. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/interface.h"
#include "service/ec2/interface_limits.h"
#include "service/ec2/vpc.h"

#include <inttypes.h>
#include <string.h>

static int check_index(const json_t *instance, int64_t index, struct err *err)
{
    size_t i;
    const json_t *row;
    if (index < 0)
        return err_aws(err, "InvalidParameterValue", "Invalid value '%" PRId64 "' for deviceIndex",
                       index);
    json_array_foreach (json_object_get(instance, "NetworkInterfaces"), i, row)
        if (doc_number(json_object_get(row, "Attachment"), "DeviceIndex") == index)
            return err_aws(err, "InvalidParameterValue",
                           "Instance '%s' already has an interface attached at device index "
                           "'%" PRId64 "'.",
                           doc_text(instance, "InstanceId"), index);
    return 0;
}

static int check_limits(const json_t *instance, const json_t *interface, int64_t index,
                        struct err *err)
{
    struct instance_type type;
    size_t count = json_array_size(json_object_get(instance, "NetworkInterfaces"));
    if (!instance_type_find(doc_text(instance, "InstanceType"), &type))
        return err_set(err, "the instance has no type");
    if (ec2_interface_limit(&type, count + 1, err) < 0 ||
        ec2_interface_limit_addresses(&type, interface, err) < 0)
        return -1;
    if (index < type.size->interfaces)
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "Device index '%" PRId64 "' exceeds the limit for %s", index, type.name);
}

static int check_attach(const json_t *instance, const json_t *interface, int64_t index,
                        struct err *err)
{
    const char *zone = doc_text(json_object_get(instance, "Placement"), "AvailabilityZone");
    if (json_object_get(interface, "Attachment"))
        return err_aws(err, "InvalidNetworkInterface.InUse", "Interface: [%s] in use.",
                       doc_text(interface, "NetworkInterfaceId"));
    if (!instance_is(instance, "running") && !instance_is(instance, "stopped"))
        return err_aws(err, "IncorrectInstanceState",
                       "The instance '%s' is not in the 'running' or 'stopped' state.",
                       doc_text(instance, "InstanceId"));
    if (!doc_is(interface, "AvailabilityZone", zone))
        return err_aws(err, "InvalidParameterCombination",
                       "You may not attach a network interface to an instance if they are not in "
                       "the same availability zone");
    if (check_index(instance, index, err) < 0)
        return -1;
    return check_limits(instance, interface, index, err);
}

int ec2_AttachNetworkInterface(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NetworkInterfaceId InstanceId DeviceIndex NetworkCardIndex=0", err) <
        0)
        return -1;
    const char *id = ec2_required(call, "NetworkInterfaceId", err);
    const char *instance_id = id ? ec2_required(call, "InstanceId", err) : NULL;
    if (!instance_id)
        return -1;
    if (!json_object_get(call->in, "DeviceIndex"))
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter deviceIndex");
    const json_t *interface = ec2_find(call, "network-interface", id, err);
    const json_t *instance = interface ? ec2_find(call, "instance", instance_id, err) : NULL;
    int64_t index = doc_number(call->in, "DeviceIndex");
    if (!instance || check_attach(instance, interface, index, err) < 0)
        return -1;
    ec2_interface_attach(call, id, instance_id, (int)index, false);
    interface = store_get(call->store, "network-interface", call->region, id);
    json_object_set(call->out, "AttachmentId",
                    json_object_get(json_object_get(interface, "Attachment"), "AttachmentId"));
    json_object_set_new(call->out, "NetworkCardIndex", json_integer(0));
    return 0;
}

/* A detachment never waits for the instance's consent, so Force changes nothing. */
int ec2_DetachNetworkInterface(struct call *call, struct err *err)
{
    if (call_accept(call->in, "AttachmentId Force", err) < 0)
        return -1;
    const char *id = ec2_required(call, "AttachmentId", err);
    if (!id)
        return -1;
    if (!strncmp(id, "ela-attach-", 11))
        return err_aws(err, "OperationNotPermitted",
                       "You are not allowed to manage 'ela-attach' attachments.");
    if (ec2_id_check("network-interface-attachment", id, err) < 0)
        return -1;
    const json_t *interface = ec2_first(call, "network-interface", "Attachment.AttachmentId", id);
    const json_t *attachment = json_object_get(interface, "Attachment");
    if (!interface)
        return ec2_id_not_found("network-interface-attachment", id, err);
    if (doc_number(attachment, "DeviceIndex") == 0)
        return err_aws(err, "OperationNotPermitted",
                       "The network interface at device index 0 and networkCard index 0 cannot be "
                       "detached.");
    ec2_interface_begin_detachment(call, doc_text(interface, "NetworkInterfaceId"));
    return 0;
}

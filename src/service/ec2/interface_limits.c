#include "service/ec2/interface_limits.h"

#include "service/doc.h"
#include "service/ec2/interface.h"

int ec2_interface_limit(const struct instance_type *type, size_t count, struct err *err)
{
    if (count <= (size_t)type->size->interfaces)
        return 0;
    return err_aws(err, "AttachmentLimitExceeded", "Interface count %zu exceeds the limit for %s",
                   count, type->name);
}

int ec2_interface_limit_addresses(const struct instance_type *type, const json_t *interface,
                                  struct err *err)
{
    size_t count = json_array_size(json_object_get(interface, "PrivateIpAddresses"));
    if (count <= (size_t)type->size->addresses)
        return 0;
    return err_aws(err, "PrivateIpAddressLimitExceeded",
                   "Number of private addresses will exceed limit.");
}

int ec2_interface_limit_instance(const json_t *instance, const struct instance_type *type,
                                 struct err *err)
{
    size_t i;
    const json_t *interface;
    const json_t *interfaces = json_object_get(instance, "NetworkInterfaces");
    if (ec2_interface_limit(type, json_array_size(interfaces), err) < 0)
        return -1;
    json_array_foreach (interfaces, i, interface)
        if (ec2_interface_limit_addresses(type, interface, err) < 0)
            return -1;
    return 0;
}

int ec2_interface_addresses_max(const struct call *call, const json_t *interface)
{
    struct instance_type type;
    const char *id = doc_text(json_object_get(interface, "Attachment"), "InstanceId");
    const json_t *instance = store_get(call->store, "instance", call->region, id);
    if (instance && instance_type_find(doc_text(instance, "InstanceType"), &type))
        return type.size->addresses;
    return EC2_ADDRESSES_PER_INTERFACE_MAX;
}

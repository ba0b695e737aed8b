/* AssignPrivateIpAddresses and UnassignPrivateIpAddresses. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/interface_limits.h"

static const json_t *find_own(const struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "NetworkInterfaceId", err);
    const json_t *interface = id ? ec2_find(call, "network-interface", id, err) : NULL;
    if (!doc_flag(interface, "RequesterManaged"))
        return interface;
    err_aws(err, "AuthFailure", "You do not have permission to access the specified resource.");
    return NULL;
}

int ec2_AssignPrivateIpAddresses(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "NetworkInterfaceId PrivateIpAddresses SecondaryPrivateIpAddressCount "
                    "AllowReassignment",
                    err) < 0)
        return -1;
    const json_t *interface = find_own(call, err);
    if (!interface)
        return -1;
    const json_t *addresses = json_object_get(call->in, "PrivateIpAddresses");
    int64_t count = doc_number(call->in, "SecondaryPrivateIpAddressCount");
    if (count < 0 || count > EC2_ADDRESSES_PER_INTERFACE_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%lld' for secondaryPrivateIpAddressCount", (long long)count);
    if ((count > 0) == (json_array_size(addresses) > 0))
        return err_aws(err, count ? "InvalidParameterCombination" : "MissingParameter",
                       "Exactly one of privateIpAddresses and secondaryPrivateIpAddressCount must "
                       "be specified");
    const char *id = doc_text(interface, "NetworkInterfaceId");
    struct ec2_assignment assignment = {
        .addresses = addresses,
        .count = (int)count,
        .most = ec2_interface_addresses_max(call, interface),
        .reassign = doc_flag(call->in, "AllowReassignment"),
        .ret_rows = json_array(),
    };
    json_object_set_new(call->out, "NetworkInterfaceId", json_string(id));
    json_object_set_new(call->out, "AssignedPrivateIpAddresses", assignment.ret_rows);
    return ec2_interface_assign(call, id, &assignment, err);
}

int ec2_UnassignPrivateIpAddresses(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NetworkInterfaceId PrivateIpAddresses", err) < 0)
        return -1;
    const json_t *interface = find_own(call, err);
    const json_t *addresses = json_object_get(call->in, "PrivateIpAddresses");
    if (!interface)
        return -1;
    if (json_array_size(addresses) == 0)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter privateIpAddresses");
    return ec2_interface_unassign(call, doc_text(interface, "NetworkInterfaceId"), addresses, err);
}

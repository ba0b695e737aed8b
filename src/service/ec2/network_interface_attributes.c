/* Attributes of network interfaces: described, changed and reset one or more at a time. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/interface.h"

#include <string.h>

static const char kind[] = "network-interface";

/* The interface, if it is the account's own to change. */
static const json_t *find_own(const struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "NetworkInterfaceId", err);
    const json_t *interface = id ? ec2_find(call, kind, id, err) : NULL;
    if (!json_is_true(json_object_get(interface, "RequesterManaged")))
        return interface;
    err_aws(err, "AuthFailure", "You do not have permission to access the specified resource.");
    return NULL;
}

int ec2_DescribeNetworkInterfaceAttribute(struct call *call, struct err *err)
{
    static const struct {
        const char *name, *member;
        bool is_wrapped; /* {"Value": ...} */
    } attributes[] = {
        {"description", "Description", true},
        {"groupSet", "Groups", false},
        {"sourceDestCheck", "SourceDestCheck", true},
        {"attachment", "Attachment", false},
    };
    if (call_accept(call->in, "NetworkInterfaceId Attribute", err) < 0)
        return -1;
    const char *id = ec2_required(call, "NetworkInterfaceId", err);
    const char *name = id ? ec2_required(call, "Attribute", err) : NULL;
    const json_t *interface = name ? ec2_find(call, kind, id, err) : NULL;
    if (!interface)
        return -1;
    json_object_set_new(call->out, "NetworkInterfaceId", json_string(id));
    if (!strcmp(name, "associatePublicIpAddress"))
        return json_object_set_new(
            call->out, "AssociatePublicIpAddress",
            json_boolean(json_is_true(json_object_get(interface, "_public"))));
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        json_t *value = json_object_get(interface, attributes[i].member);
        if (strcmp(attributes[i].name, name) || !value)
            continue;
        json_object_set_new(call->out, attributes[i].member,
                            attributes[i].is_wrapped ? json_pack("{s:O}", "Value", value)
                                                     : json_incref(value));
    }
    return 0;
}

/* ---- ModifyNetworkInterfaceAttribute ---- */

/* What happens to the interface when its instance is terminated. */
static int set_attachment(struct call *call, const json_t *interface, const json_t *wanted,
                          struct err *err)
{
    if (call_accept(wanted, "AttachmentId DeleteOnTermination=true", err) < 0)
        return -1;
    const char *id = ec2_text(wanted, "AttachmentId");
    const char *own = ec2_text(json_object_get(interface, "Attachment"), "AttachmentId");
    if (!id)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter attachmentId");
    if (ec2_id_check("network-interface-attachment", id, err) < 0)
        return -1;
    if (!own || strcmp(own, id))
        return ec2_id_not_found("network-interface-attachment", id, err);
    ec2_interface_set_deletion(call, ec2_text(interface, "NetworkInterfaceId"),
                               json_is_true(json_object_get(wanted, "DeleteOnTermination")));
    return 0;
}

/* Of any interface, but only a primary one gets an address: now, if its instance runs. */
static int set_public(struct call *call, const json_t *interface, bool is_public, struct err *err)
{
    const json_t *attachment = json_object_get(interface, "Attachment");
    const json_t *instance =
        store_get(call->store, "instance", call->region, doc_text(attachment, "InstanceId"));
    const char *id = doc_text(interface, "NetworkInterfaceId");
    ec2_interface_set_public(call, id, is_public);
    if (!is_public)
        ec2_interface_release_public(call, id);
    else if (instance && doc_number(attachment, "DeviceIndex") == 0 &&
             instance_is(instance, "running"))
        return ec2_interface_acquire_public(call, id, err);
    return 0;
}

int ec2_ModifyNetworkInterfaceAttribute(struct call *call, struct err *err)
{
    static const char *const members[] = {"AssociatePublicIpAddress", "Attachment", "Description",
                                          "Groups", "SourceDestCheck"};
    const json_t *wanted = NULL;
    size_t count = 0;
    if (call_accept(call->in,
                    "NetworkInterfaceId AssociatePublicIpAddress Attachment Description Groups "
                    "SourceDestCheck",
                    err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        count += json_object_get(call->in, members[i]) != NULL;
    if (count != 1)
        return err_aws(err, "InvalidParameterCombination",
                       "Exactly one attribute of the network interface must be specified");
    const json_t *interface = find_own(call, err);
    if (!interface)
        return -1;
    const char *id = ec2_text(interface, "NetworkInterfaceId");
    if ((wanted = json_object_get(call->in, "AssociatePublicIpAddress")))
        return set_public(call, interface, json_is_true(wanted), err);
    if ((wanted = json_object_get(call->in, "Attachment")))
        return set_attachment(call, interface, wanted, err);
    if ((wanted = json_object_get(call->in, "Groups")))
        return ec2_interface_set_groups(call, id, wanted, err);
    if ((wanted = json_object_get(call->in, "SourceDestCheck"))) {
        ec2_interface_set_check(call, id, json_is_true(json_object_get(wanted, "Value")));
        return 0;
    }
    const char *text = ec2_text(json_object_get(call->in, "Description"), "Value");
    ec2_interface_set_description(call, id, text ? text : "");
    return 0;
}

int ec2_ResetNetworkInterfaceAttribute(struct call *call, struct err *err)
{
    const json_t *value = json_object_get(call->in, "SourceDestCheck");
    if (call_accept(call->in, "NetworkInterfaceId SourceDestCheck", err) < 0)
        return -1;
    const json_t *interface = find_own(call, err);
    if (!interface)
        return -1;
    if (!value)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter sourceDestCheck");
    ec2_interface_set_check(call, ec2_text(interface, "NetworkInterfaceId"), true);
    return 0;
}

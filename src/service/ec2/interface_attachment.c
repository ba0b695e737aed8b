/*
 * Interfaces and the instances that they are attached to.
 *
 *   available --> attaching --> attached --> detaching --> available
 *
 * Handlers begin; the controller goes on when the host has done it. What an instance gets at its
 * launch is attached from the start.
 */
#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface_impl.h"

#include <string.h>

static const char kind[] = "network-interface";

json_t *interface_make_attachment(const struct call *call, const struct ec2_interface_spec *spec)
{
    char attachment_id[32];
    const struct interface_kind *row = interface_kind_find(spec->kind);
    call_make_id(call, row->attachment_prefix, attachment_id);
    return json_pack("{s:s, s:o, s:b, s:i, s:i, s:s, s:s, s:s*}", "AttachmentId", attachment_id,
                     "AttachTime", call_now(call), "DeleteOnTermination",
                     !row->requester && !spec->is_kept, "DeviceIndex",
                     row->requester ? row->device_index : spec->device_index, "NetworkCardIndex", 0,
                     "InstanceOwnerId", row->requester ? row->requester : call->account, "Status",
                     "attached", "InstanceId", row->requester ? NULL : spec->owner);
}

void ec2_interface_attach(struct call *call, const char *id, const char *instance_id,
                          int device_index, bool is_new)
{
    const struct ec2_interface_spec spec = {
        .kind = "instance", .owner = instance_id, .device_index = device_index, .is_kept = true};
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_t *attachment = interface_make_attachment(call, &spec);
    if (!is_new)
        json_object_set_new(attachment, "Status", json_string("attaching"));
    json_object_set_new(interface, "Attachment", attachment);
    json_object_set_new(interface, "Status", json_string("in-use"));
    json_object_set_new(interface, "_owner", json_string(instance_id));
    interface_tell_elastic(call, interface);
    interface_show_owner(call, interface);
}

void ec2_interface_begin_detachment(struct call *call, const char *id)
{
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(json_object_get(interface, "Attachment"), "Status",
                        json_string("detaching"));
    interface_show_owner(call, interface);
}

/* It is nobody's from now on, and keeps its addresses but for an assigned public one. */
static void leave(struct call *call, const char *id)
{
    ec2_interface_release_public(call, id);
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_t *instance = txn_edit(call->txn, "instance", call->region, ec2_text(interface, "_owner"));
    if (instance)
        interface_hide(instance, id);
    json_object_del(interface, "Attachment");
    json_object_set_new(interface, "Status", json_string("available"));
    json_object_set_new(interface, "_owner", json_string(""));
    json_object_set_new(interface, "_public", json_false());
    interface_tell_elastic(call, interface);
}

void ec2_interface_go_on(struct call *call, const char *id)
{
    const json_t *known = store_get(call->store, kind, call->region, id);
    const json_t *attachment = json_object_get(known, "Attachment");
    if (doc_is(attachment, "Status", "detaching")) {
        json_t *last = json_copy((json_t *)(uintptr_t)attachment);
        leave(call, id);
        json_t *interface = txn_edit(call->txn, kind, call->region, id);
        json_object_set_new(last, "Status", json_string("detached"));
        json_object_set_new(interface, "_detached", last);
        json_object_set_new(interface, "_detached_ms", json_integer(call->now_ms));
    }
    if (!doc_is(attachment, "Status", "attaching"))
        return;
    json_t *interface = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(json_object_get(interface, "Attachment"), "Status",
                        json_string("attached"));
    interface_show_owner(call, interface);
}

void ec2_interface_leave(struct call *call, const char *id)
{
    const json_t *interface = store_get(call->store, kind, call->region, id);
    const json_t *attachment = json_object_get(interface, "Attachment");
    if (doc_flag(attachment, "DeleteOnTermination") && !doc_is(attachment, "Status", "detaching"))
        ec2_interface_delete(call, id);
    else if (interface)
        leave(call, id);
}

const json_t *ec2_interface_of(const struct call *call, const char *owner)
{
    store_each (cursor, call->store, kind, call->region) {
        if (doc_is(cursor.doc, "_owner", owner))
            return cursor.doc;
    }
    return NULL;
}

const json_t *ec2_interface_of_instance(const struct call *call, const json_t *instance,
                                        struct err *err)
{
    const json_t *rows = json_object_get(instance, "NetworkInterfaces");
    const char *id = doc_text(instance, "InstanceId");
    if (json_array_size(rows) > 1) {
        err_aws(err, "InvalidInstanceID",
                "There are multiple interfaces attached to instance '%s'. Please specify an "
                "interface ID for the operation instead.",
                id);
        return NULL;
    }
    const json_t *interface = store_get(call->store, kind, call->region,
                                        doc_text(json_array_get(rows, 0), "NetworkInterfaceId"));
    if (!interface)
        err_aws(err, "IncorrectInstanceState", "The instance '%s' has no network interface.", id);
    return interface;
}

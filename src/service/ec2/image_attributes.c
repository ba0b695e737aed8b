/* What may be changed of the account's own images. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"

#include <string.h>
#include <time.h>

static const char kind[] = "image", permissions_member[] = "_launch_permissions";

enum { DEPRECATION_YEARS_MAX = 10, PERMISSIONS_MAX = 100 };

/* The account's own image, to be changed; NULL and err if it is another's or there is none. */
static json_t *edit_own(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "ImageId", err);
    json_auto_t *image = id ? image_find(call, id, err) : NULL;
    if (!image)
        return NULL;
    if (doc_is(image, "OwnerId", call->account))
        return txn_edit(call->txn, kind, call->region, id);
    err_aws(err, "AuthFailure", "Not authorized for image:%s", id);
    return NULL;
}

/* ---- launch permissions ---- */

static void remove_equal(json_t *list, const json_t *permission)
{
    size_t i = json_array_size(list);
    while (i-- > 0)
        if (json_equal(json_array_get(list, i), permission))
            json_array_remove(list, i);
}

static int change_permissions(json_t *image, const json_t *add, const json_t *remove,
                              struct err *err)
{
    json_t *list = json_object_get(image, permissions_member);
    json_t *changed = list ? json_copy(list) : json_array();
    json_object_set_new(image, permissions_member, changed);
    bool is_public = false;
    size_t i;
    const json_t *permission;
    json_array_foreach (remove, i, permission)
        remove_equal(changed, permission);
    json_array_foreach (add, i, permission) {
        remove_equal(changed, permission);
        json_array_append(changed, (json_t *)(uintptr_t)permission);
    }
    if (json_array_size(changed) > PERMISSIONS_MAX)
        return err_aws(err, "AMILaunchPermissionLimitExceeded",
                       "An image has at most %d launch permissions.", PERMISSIONS_MAX);
    json_array_foreach (changed, i, permission)
        is_public |= doc_is(permission, "Group", "all");
    return json_object_set_new(image, "Public", json_boolean(is_public));
}

/* {"OperationType": "add", "UserIds": [...], "UserGroups": [...]} as a list of permissions. */
static json_t *permissions_of_old_form(const struct call *call)
{
    json_t *list = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(call->in, "UserIds"), i, item)
        json_array_append_new(list, json_pack("{s:O}", "UserId", item));
    json_array_foreach (json_object_get(call->in, "UserGroups"), i, item)
        json_array_append_new(list, json_pack("{s:O}", "Group", item));
    return list;
}

static int modify_permissions(struct call *call, json_t *image, struct err *err)
{
    const json_t *changes = json_object_get(call->in, "LaunchPermission");
    const char *operation = ec2_text(call->in, "OperationType");
    json_auto_t *old_form = permissions_of_old_form(call);
    if (changes && change_permissions(image, json_object_get(changes, "Add"),
                                      json_object_get(changes, "Remove"), err) < 0)
        return -1;
    if (json_array_size(old_form) == 0)
        return 0;
    bool adds = operation && strcmp(operation, "add") == 0;
    return change_permissions(image, adds ? old_form : NULL, adds ? NULL : old_form, err);
}

int ec2_ModifyImageAttribute(struct call *call, struct err *err)
{
    const char *attribute = ec2_text(call->in, "Attribute");
    const json_t *description = json_object_get(call->in, "Description");
    if (call_accept(call->in,
                    "ImageId Attribute Value Description LaunchPermission OperationType UserIds "
                    "UserGroups",
                    err) < 0)
        return -1;
    if (attribute && strcmp(attribute, "description") && strcmp(attribute, "launchPermission"))
        return err_aws(err, "UnsupportedOperation",
                       "Modifying the attribute '%.100s' is not supported by Pileus yet",
                       attribute);
    json_t *image = edit_own(call, err);
    if (!image)
        return -1;
    if (description)
        json_object_set_new(image, "Description", json_string(doc_text(description, "Value")));
    else if (attribute && strcmp(attribute, "description") == 0)
        json_object_set_new(image, "Description", json_string(doc_text(call->in, "Value")));
    return modify_permissions(call, image, err);
}

int ec2_ResetImageAttribute(struct call *call, struct err *err)
{
    json_t *image = edit_own(call, err);
    if (!image)
        return -1;
    json_object_del(image, permissions_member);
    return json_object_set_new(image, "Public", json_false());
}

/* ---- deprecation ---- */

int ec2_EnableImageDeprecation(struct call *call, struct err *err)
{
    double wanted_s = json_number_value(json_object_get(call->in, "DeprecateAt"));
    int64_t at_s = ((int64_t)wanted_s + 59) / 60 * 60, now_s = call->now_ms / 1000;
    char text[32];
    json_t *image = edit_own(call, err);
    if (!image)
        return -1;
    if (at_s < now_s || at_s > now_s + (int64_t)DEPRECATION_YEARS_MAX * 366 * 86400)
        return err_aws(err, "InvalidParameterValue",
                       "The deprecation date must be in the future, and at most %d years away.",
                       DEPRECATION_YEARS_MAX);
    struct tm utc;
    time_t at = (time_t)at_s;
    gmtime_r(&at, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    json_object_set_new(image, "DeprecationTime", json_string(text));
    return json_object_set_new(call->out, "Return", json_true());
}

int ec2_DisableImageDeprecation(struct call *call, struct err *err)
{
    json_t *image = edit_own(call, err);
    if (!image)
        return -1;
    json_object_del(image, "DeprecationTime");
    return json_object_set_new(call->out, "Return", json_true());
}

/* Launch templates: create, describe, modify and delete. Their versions have a file of their own.
 */
#include "service/ec2/launch_templates.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/launch_version.h"
#include "service/ec2/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kind[] = "launch-template", by_name[] = "launch-template-name";

enum { TEMPLATES_MAX = 5000, NAME_SIZE_MIN = 3, NAME_SIZE_MAX = 128 };

/* ---- finding ---- */

static const json_t *find_by_name(const struct call *call, const char *name)
{
    store_each (cursor, call->store, kind, call->region)
        if (doc_is(cursor.doc, "LaunchTemplateName", name))
            return cursor.doc;
    return NULL;
}

const json_t *launch_template_find(const struct call *call, const json_t *in, struct err *err)
{
    const char *id = ec2_text(in, "LaunchTemplateId"), *name = ec2_text(in, "LaunchTemplateName");
    if (id && name) {
        err_aws(err, "InvalidParameterCombination",
                "You can only specify either a launch template ID or a launch template name, but "
                "not both.");
        return NULL;
    }
    if (id)
        return ec2_find(call, kind, id, err);
    if (!name) {
        err_aws(err, "MissingParameter",
                "Either a launch template ID or a launch template name must be specified in the "
                "request.");
        return NULL;
    }
    const json_t *found = find_by_name(call, name);
    if (!found)
        ec2_id_not_found(by_name, name, err);
    return found;
}

/* ---- operations ---- */

static int check_new_name(const struct call *call, const char *name, struct err *err)
{
    size_t size = strlen(name);
    if (size < NAME_SIZE_MIN || size > NAME_SIZE_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-()./_") !=
            size)
        return err_aws(err, "InvalidLaunchTemplateName.MalformedException",
                       "A launch template name must be between 3 and 128 characters, and may "
                       "contain letters, numbers, and the following characters: - ( ) . / _.");
    if (find_by_name(call, name))
        return err_aws(err, "InvalidLaunchTemplateName.AlreadyExistsException",
                       "Launch template name already in use.");
    if (store_count(call->store, kind, call->region) >= TEMPLATES_MAX)
        return err_aws(err, "LaunchTemplateLimitExceeded",
                       "You have reached the maximum number of launch templates.");
    return 0;
}

int ec2_CreateLaunchTemplate(struct call *call, struct err *err)
{
    char id[32];
    const char *name = ec2_required(call, "LaunchTemplateName", err);
    if (!name ||
        call_accept(call->in,
                    "LaunchTemplateName VersionDescription LaunchTemplateData TagSpecifications",
                    err) < 0 ||
        check_new_name(call, name, err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags || launch_version_check(json_object_get(call->in, "LaunchTemplateData"), err) < 0)
        return -1;
    call_make_id(call, "lt", id);
    json_t *doc = json_pack("{s:s, s:s, s:o, s:s, s:i, s:i, s:O}", "LaunchTemplateId", id,
                            "LaunchTemplateName", name, "CreateTime", call_now(call), "CreatedBy",
                            call->user_arn, "DefaultVersionNumber", 1, "LatestVersionNumber", 1,
                            "Tags", tags);
    txn_put(call->txn, kind, call->region, id, doc);
    launch_version_put(call, doc, 1, json_object_get(call->in, "LaunchTemplateData"));
    return json_object_set(call->out, "LaunchTemplate", doc);
}

static const struct ec2_filter filters[] = {
    {"create-time", "CreateTime", true},
    {"launch-template-name", "LaunchTemplateName"},
    {NULL, NULL},
};

int ec2_DescribeLaunchTemplates(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "LaunchTemplates",
        .selectors = {{"LaunchTemplateIds", "LaunchTemplateId", kind},
                      {"LaunchTemplateNames", "LaunchTemplateName", by_name}},
        .filters = filters,
        .results_min = 1,
        .results_max = 200,
    };
    return ec2_describe(call, &describe, err);
}

int ec2_ModifyLaunchTemplate(struct call *call, struct err *err)
{
    const json_t *template = launch_template_find(call, call->in, err);
    const char *version = ec2_text(call->in, "DefaultVersion");
    if (!template)
        return -1;
    const json_t *found = launch_template_version(call, template, version, err);
    if (!found)
        return -1;
    json_t *edited = ec2_edit(call, kind, ec2_text(template, "LaunchTemplateId"), err);
    json_object_set(edited, "DefaultVersionNumber", json_object_get(found, "VersionNumber"));
    return json_object_set(call->out, "LaunchTemplate", edited);
}

int ec2_DeleteLaunchTemplate(struct call *call, struct err *err)
{
    const json_t *template = launch_template_find(call, call->in, err);
    if (!template)
        return -1;
    json_object_set(call->out, "LaunchTemplate", (json_t *)(uintptr_t) template);
    const char *id = ec2_text(json_object_get(call->out, "LaunchTemplate"), "LaunchTemplateId");
    int64_t latest = doc_number(template, "LatestVersionNumber");
    for (int64_t number = 1; number <= latest; number++)
        launch_version_delete(call, id, number);
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

/* Versions of launch templates: numbered from 1, never changed; the template says which is default.
 */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/launch_parameters.h"
#include "service/ec2/launch_templates.h"
#include "service/ec2/launch_version.h"
#include "service/ec2/tags.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kind[] = "launch-template-version", template_kind[] = "launch-template";

enum { VERSIONS_MAX = 10000, VERSION_ID_SIZE = 56 };

static void make_id(const char *template_id, int64_t number, char out[VERSION_ID_SIZE])
{
    snprintf(out, VERSION_ID_SIZE, "%.30s:%" PRId64, template_id, number);
}

static const json_t *find_number(const struct call *call, const json_t *template, int64_t number)
{
    char id[VERSION_ID_SIZE];
    make_id(doc_text(template, "LaunchTemplateId"), number, id);
    return store_get(call->store, kind, call->region, id);
}

/* A positive decimal number; 0 if `text` is none. */
static int64_t parse_number(const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return errno || *end || end == text || number < 0 ? 0 : number;
}

/* The number that "$Latest", "$Default", NULL (default) or a decimal stands for. */
static int64_t version_number(const json_t *template, const char *version)
{
    if (!version || !*version || strcmp(version, "$Default") == 0)
        return doc_number(template, "DefaultVersionNumber");
    if (strcmp(version, "$Latest") == 0)
        return doc_number(template, "LatestVersionNumber");
    return parse_number(version);
}

const json_t *launch_template_version(const struct call *call, const json_t *template,
                                      const char *version, struct err *err)
{
    const json_t *found = find_number(call, template, version_number(template, version));
    if (!found)
        err_aws(err, "InvalidLaunchTemplateId.VersionNotFound",
                "Could not find the specified version %.64s for the launch template with ID %s.",
                version ? version : "$Default", doc_text(template, "LaunchTemplateId"));
    return found;
}

const json_t *launch_template_resolve(const struct call *call, const json_t *specification,
                                      struct err *err)
{
    const json_t *template = launch_template_find(call, specification, err);
    if (!template)
        return NULL;
    return launch_template_version(call, template, ec2_text(specification, "Version"), err);
}

int launch_version_check(const json_t *data, struct err *err)
{
    size_t i;
    const json_t *specification;
    if (json_object_size(data) == 0)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter LaunchTemplateData");
    json_array_foreach (json_object_get(data, "TagSpecifications"), i, specification)
        if (ec2_tags_check(json_object_get(specification, "Tags"), err) < 0)
            return -1;
    if (launch_parameters_check(data, err) < 0)
        return -1;
    return launch_user_data_check(ec2_text(data, "UserData"), err);
}

const json_t *launch_version_put(struct call *call, const json_t *template, int64_t number,
                                 const json_t *data)
{
    char id[VERSION_ID_SIZE];
    make_id(doc_text(template, "LaunchTemplateId"), number, id);
    json_t *doc = json_pack("{s:O, s:O, s:I, s:o, s:s, s:o}", "LaunchTemplateId",
                            json_object_get(template, "LaunchTemplateId"), "LaunchTemplateName",
                            json_object_get(template, "LaunchTemplateName"), "VersionNumber",
                            (json_int_t)number, "CreateTime", call_now(call), "CreatedBy",
                            call->user_arn, "LaunchTemplateData", json_deep_copy(data));
    if (json_object_get(call->in, "VersionDescription"))
        json_object_set(doc, "VersionDescription", json_object_get(call->in, "VersionDescription"));
    txn_put(call->txn, kind, call->region, id, doc);
    return doc;
}

void launch_version_delete(struct call *call, const char *template_id, int64_t number)
{
    char id[VERSION_ID_SIZE];
    make_id(template_id, number, id);
    txn_delete(call->txn, kind, call->region, id);
}

/* What a version shows; its template knows whether it is the default. */
static json_t *show(const json_t *template, const json_t *version)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)version);
    bool is_default =
        doc_number(template, "DefaultVersionNumber") == doc_number(version, "VersionNumber");
    json_object_set_new(shown, "DefaultVersion", json_boolean(is_default));
    return shown;
}

int ec2_CreateLaunchTemplateVersion(struct call *call, struct err *err)
{
    static const char understood[] = "LaunchTemplateId LaunchTemplateName SourceVersion "
                                     "VersionDescription LaunchTemplateData";
    const json_t *template = launch_template_find(call, call->in, err);
    const json_t *data = json_object_get(call->in, "LaunchTemplateData");
    const char *source = ec2_text(call->in, "SourceVersion");
    if (!template || call_accept(call->in, understood, err) < 0)
        return -1;
    json_auto_t *merged = NULL;
    if (source) {
        const json_t *version = launch_template_version(call, template, source, err);
        if (!version)
            return -1;
        /* The new version takes over whole members, and replaces those that the request has. */
        merged = json_copy(json_object_get(version, "LaunchTemplateData"));
        json_object_update(merged, (json_t *)(uintptr_t)data);
        data = merged;
    }
    if (launch_version_check(data, err) < 0)
        return -1;
    int64_t number = doc_number(template, "LatestVersionNumber") + 1;
    if (number > VERSIONS_MAX)
        return err_aws(err, "LaunchTemplateVersionLimitExceeded",
                       "You have reached the maximum number of versions for this template.");
    json_t *edited = ec2_edit(call, template_kind, ec2_text(template, "LaunchTemplateId"), err);
    json_object_set_new(edited, "LatestVersionNumber", json_integer(number));
    const json_t *version = launch_version_put(call, edited, number, data);
    return json_object_set_new(call->out, "LaunchTemplateVersion", show(edited, version));
}

/* ---- DescribeLaunchTemplateVersions ---- */

static const struct ec2_filter filters[] = {
    {"create-time", "CreateTime", true},
    {"image-id", "LaunchTemplateData.ImageId"},
    {"instance-type", "LaunchTemplateData.InstanceType"},
    {"is-default-version", "DefaultVersion"},
    {"ebs-optimized", "LaunchTemplateData.EbsOptimized"},
    {"http-endpoint", "LaunchTemplateData.MetadataOptions.HttpEndpoint"},
    {"http-protocol-ipv4", "LaunchTemplateData.MetadataOptions.HttpEndpoint"},
    {"host-resource-group-arn", "LaunchTemplateData.Placement.HostResourceGroupArn"},
    {"http-tokens", "LaunchTemplateData.MetadataOptions.HttpTokens"},
    {"iam-instance-profile", "LaunchTemplateData.IamInstanceProfile.Arn"},
    {"kernel-id", "LaunchTemplateData.KernelId"},
    {"license-configuration-arn",
     "LaunchTemplateData.LicenseSpecifications.LicenseConfigurationArn"},
    {"network-card-index", "LaunchTemplateData.NetworkInterfaces.NetworkCardIndex"},
    {"ram-disk-id", "LaunchTemplateData.RamDiskId"},
    {NULL, NULL},
};

static const struct ec2_describe describe_versions = {
    .list = "LaunchTemplateVersions",
    .filters = filters,
    .results_min = 1,
    .results_max = 200,
};

static int select_named(const struct call *call, const json_t *template, json_t *into,
                        struct err *err)
{
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(call->in, "Versions"), i, name) {
        const json_t *version =
            launch_template_version(call, template, json_string_value(name), err);
        if (!version)
            return -1;
        json_array_append_new(into, show(template, version));
    }
    return 0;
}

/* Newest first, between MinVersion and MaxVersion. */
static void select_range(const struct call *call, const json_t *template, json_t *into)
{
    const char *lowest = ec2_text(call->in, "MinVersion");
    const char *highest = ec2_text(call->in, "MaxVersion");
    int64_t from = lowest ? parse_number(lowest) : 1;
    int64_t latest = doc_number(template, "LatestVersionNumber");
    int64_t to = highest ? parse_number(highest) : latest;
    for (int64_t number = to < latest ? to : latest; number >= from && number > 0; number--) {
        const json_t *version = find_number(call, template, number);
        if (version)
            json_array_append_new(into, show(template, version));
    }
}

/* Without a template, $Latest and $Default may be asked of all. */
static int select_of_all(const struct call *call, json_t *into, struct err *err)
{
    size_t i;
    const json_t *name;
    const json_t *names = json_object_get(call->in, "Versions");
    json_array_foreach (names, i, name)
        if (json_string_value(name)[0] != '$')
            names = NULL;
    if (json_array_size(names) == 0)
        return err_aws(err, "MissingParameter",
                       "Either a launch template ID or a launch template name must be specified "
                       "in the request.");
    store_each (cursor, call->store, template_kind, call->region)
        if (select_named(call, cursor.doc, into, err) < 0)
            return -1;
    return 0;
}

static int select_versions(const struct call *call, json_t *into, struct err *err)
{
    if (!json_object_get(call->in, "LaunchTemplateId") &&
        !json_object_get(call->in, "LaunchTemplateName"))
        return select_of_all(call, into, err);
    const json_t *template = launch_template_find(call, call->in, err);
    if (!template)
        return -1;
    if (json_array_size(json_object_get(call->in, "Versions")) > 0)
        return select_named(call, template, into, err);
    select_range(call, template, into);
    return 0;
}

/* Puts the id of the image in the place of "resolve:ssm:/path". `version` is a shallow copy. */
static int resolve_alias(const struct call *call, json_t *version, struct err *err)
{
    const json_t *data = json_object_get(version, "LaunchTemplateData");
    const char *image_id = ec2_text(data, "ImageId");
    json_auto_t *image = image_id ? image_find(call, image_id, err) : NULL;
    if (!image)
        return image_id ? -1 : 0;
    json_t *resolved = json_copy((json_t *)(uintptr_t)data);
    json_object_set(resolved, "ImageId", json_object_get(image, "ImageId"));
    return json_object_set_new(version, "LaunchTemplateData", resolved);
}

int ec2_DescribeLaunchTemplateVersions(struct call *call, struct err *err)
{
    const json_t *wanted = json_object_get(call->in, "Filters");
    json_auto_t *all = json_array(), *matching = json_array();
    if (ec2_filters_check(wanted, filters, err) < 0 || select_versions(call, all, err) < 0)
        return -1;
    size_t i;
    json_t *version;
    json_array_foreach (all, i, version) {
        if (doc_flag(call->in, "ResolveAlias") && resolve_alias(call, version, err) < 0)
            return -1;
        if (ec2_filters_match(wanted, filters, version))
            json_array_append(matching, version);
    }
    return ec2_paginate(call, &describe_versions, matching, err);
}

/* ---- DeleteLaunchTemplateVersions ---- */

static json_t *deleted_row(const json_t *template, int64_t number)
{
    return json_pack("{s:O, s:O, s:I}", "LaunchTemplateId",
                     json_object_get(template, "LaunchTemplateId"), "LaunchTemplateName",
                     json_object_get(template, "LaunchTemplateName"), "VersionNumber",
                     (json_int_t)number);
}

int ec2_DeleteLaunchTemplateVersions(struct call *call, struct err *err)
{
    const json_t *template = launch_template_find(call, call->in, err);
    const json_t *versions = json_object_get(call->in, "Versions"), *name;
    size_t i;
    if (!template)
        return -1;
    json_array_foreach (versions, i, name)
        if (version_number(template, json_string_value(name)) ==
            doc_number(template, "DefaultVersionNumber"))
            return err_aws(err, "InvalidParameterValue",
                           "The default version of a launch template cannot be deleted.");
    json_t *deleted = json_array(), *failed = json_array();
    json_object_set_new(call->out, "SuccessfullyDeletedLaunchTemplateVersions", deleted);
    json_object_set_new(call->out, "UnsuccessfullyDeletedLaunchTemplateVersions", failed);
    json_array_foreach (versions, i, name) {
        int64_t number = parse_number(json_string_value(name));
        json_t *row = deleted_row(template, number);
        if (find_number(call, template, number)) {
            launch_version_delete(call, doc_text(template, "LaunchTemplateId"), number);
            json_array_append_new(deleted, row);
            continue;
        }
        json_object_set_new(row, "ResponseError",
                            json_pack("{s:s, s:s}", "Code", "launchTemplateVersionDoesNotExist",
                                      "Message",
                                      "The specified launch template version does not exist."));
        json_array_append_new(failed, row);
    }
    return 0;
}

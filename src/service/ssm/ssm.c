/* Parameter Store, as far as public parameters of AWS and image publishers go. */
#include "service/call.h"
#include "service/ec2/public_images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE_MAX = 10 };

static json_t *describe(const struct call *call, const struct public_parameter *parameter)
{
    char arn[256];
    snprintf(arn, sizeof arn, "arn:aws:ssm:%s::parameter%s", call->region, parameter->path);
    return json_pack("{s:s, s:s, s:s, s:i, s:f, s:s, s:s}", "Name", parameter->path, "Type",
                     "String", "Value", parameter->image_id, "Version", 1, "LastModifiedDate",
                     parameter->modified_s, "ARN", arn, "DataType", "text");
}

static int ssm_GetParameter(struct call *call, struct err *err)
{
    const char *name = json_string_value(json_object_get(call->in, "Name"));
    struct public_parameter parameter;
    if (!public_parameter_find(call->region, name, &parameter))
        return err_aws(err, "ParameterNotFound", "Parameter %s not found.", name);
    return json_object_set_new(call->out, "Parameter", describe(call, &parameter));
}

static int ssm_GetParameters(struct call *call, struct err *err)
{
    (void)err;
    json_t *found = json_array(), *invalid = json_array();
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(call->in, "Names"), i, name) {
        struct public_parameter parameter;
        if (public_parameter_find(call->region, json_string_value(name), &parameter))
            json_array_append_new(found, describe(call, &parameter));
        else
            json_array_append(invalid, (json_t *)name);
    }
    json_object_set_new(call->out, "Parameters", found);
    return json_object_set_new(call->out, "InvalidParameters", invalid);
}

/* Whether `name` is below `path`, directly unless `recursive`. */
static bool is_below(const char *name, const char *path, bool recursive)
{
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    if (strncmp(name, path, size) != 0 || name[size] != '/')
        return false;
    return recursive || !strchr(name + size + 1, '/');
}

/* The token says at which row of the table to go on. */
static int first_row(const struct call *call, size_t *ret_row, struct err *err)
{
    const char *token = json_string_value(json_object_get(call->in, "NextToken"));
    char *end = NULL;
    *ret_row = token ? strtoul(token, &end, 10) : 0;
    if (token && (end == token || *end))
        return err_aws(err, "InvalidNextToken", "The specified token is not valid.");
    return 0;
}

static int ssm_GetParametersByPath(struct call *call, struct err *err)
{
    const char *path = json_string_value(json_object_get(call->in, "Path"));
    bool recursive = json_is_true(json_object_get(call->in, "Recursive"));
    const json_t *limit = json_object_get(call->in, "MaxResults");
    size_t page_size = limit ? (size_t)json_integer_value(limit) : PAGE_SIZE_MAX, row;
    if (path[0] != '/')
        return err_aws(err, "ValidationException",
                       "The parameter doesn't meet the parameter name requirements. The parameter "
                       "name must begin with a forward slash \"/\".");
    if (json_array_size(json_object_get(call->in, "ParameterFilters")) > 0)
        return err_aws(err, "UnsupportedOperation",
                       "ParameterFilters is not supported by Pileus yet.");
    if (first_row(call, &row, err) < 0)
        return -1;
    json_t *found = json_array();
    json_object_set_new(call->out, "Parameters", found);
    struct public_parameter parameter;
    for (; public_parameter_at(call->region, row, &parameter); row++) {
        if (!is_below(parameter.path, path, recursive))
            continue;
        if (json_array_size(found) == page_size) {
            char token[24];
            snprintf(token, sizeof token, "%zu", row);
            json_object_set_new(call->out, "NextToken", json_string(token));
            break;
        }
        json_array_append_new(found, describe(call, &parameter));
    }
    return 0;
}

static const struct service_operation operations[] = {
    {"GetParameter", ssm_GetParameter},
    {"GetParameters", ssm_GetParameters},
    {"GetParametersByPath", ssm_GetParametersByPath},
    {NULL, NULL},
};

const struct service ssm_service = {
    .name = "ssm",
    .operations = operations,
};

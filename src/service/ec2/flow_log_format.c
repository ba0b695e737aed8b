#include "service/ec2/flow_log.h"

#include <string.h>

static const struct {
    const char *name;
    int version;
} fields[] = {
#define X(name, text, version) [EC2_FLOW_##name] = {text, version},
    EC2_FLOW_FIELDS(X)
#undef X
};

/* AWS's, which have a value there where nothing here knows one. */
static const char *const absent[] = {
    "pkt-src-aws-service", "pkt-dst-aws-service", "traffic-path", "instance-tag", "instance-tag-2",
    "interface-tag",       "interface-tag-2",     "asg-tag",      "asg-tag-2",
};

const char *ec2_flow_field_name(enum ec2_flow_field field)
{
    return fields[field].name;
}

static bool is_name(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && !memcmp(name, text, size);
}

static int add_field(struct ec2_flow_format *format, const char *text, size_t size, struct err *err)
{
    for (int i = 0; i < EC2_FLOW_FIELD_COUNT; i++) {
        if (!is_name(fields[i].name, text, size))
            continue;
        format->fields[format->count++] = (enum ec2_flow_field)i;
        if (fields[i].version > format->version)
            format->version = fields[i].version;
        return 0;
    }
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (is_name(absent[i], text, size))
            return err_aws(err, "UnsupportedOperation",
                           "Pileus knows nothing to write in the field %s of a flow log",
                           absent[i]);
    return err_aws(err, "InvalidParameter", "Unknown fields provided: %.*s",
                   (int)(size < 64 ? size : 64), text);
}

int ec2_flow_format_read(const char *text, struct ec2_flow_format *format, struct err *err)
{
    const char *whole = text;
    *format = (struct ec2_flow_format){.version = 2};
    while (*text) {
        const char *end = !strncmp(text, "${", 2) ? strchr(text, '}') : NULL;
        if (!end || (end[1] && (end[1] != ' ' || end[2] != '$')) ||
            format->count == EC2_FLOW_FORMAT_MAX)
            return err_aws(err, "InvalidParameter",
                           "1 validation error detected: Value '%.600s' at 'logFormat' has an "
                           "invalid format",
                           whole);
        if (add_field(format, text + 2, (size_t)(end - text - 2), err) < 0)
            return -1;
        text = end + 1 + (end[1] == ' ');
    }
    return 0;
}

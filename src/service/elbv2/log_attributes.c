#include "service/elbv2/log_attributes.h"

#include "service/doc.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { BUCKET_SIZE_MIN = 3, BUCKET_SIZE_MAX = 63, PREFIX_SIZE_MAX = 512 };

static const struct log_attributes {
    const char *enabled, *bucket, *prefix;
} logs[] = {
    {"access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix"},
    {"connection_logs.s3.enabled", "connection_logs.s3.bucket", "connection_logs.s3.prefix"},
    {"health_check_logs.s3.enabled", "health_check_logs.s3.bucket", "health_check_logs.s3.prefix"},
};

/* S3's rules: lower case, digits, hyphens and dots, no two dots together. */
static bool is_bucket(const char *name)
{
    size_t size = strlen(name);
    if (size < BUCKET_SIZE_MIN || size > BUCKET_SIZE_MAX || strstr(name, "..") ||
        !isalnum((unsigned char)name[0]) || !isalnum((unsigned char)name[size - 1]))
        return false;
    for (const char *at = name; *at; at++)
        if (!(isdigit((unsigned char)*at) || islower((unsigned char)*at) || strchr("-.", *at)))
            return false;
    return true;
}

/* Whether it may be part of a path: every segment is a name. */
static bool is_prefix(const char *prefix)
{
    if (strlen(prefix) > PREFIX_SIZE_MAX || strstr(prefix, "AWSLogs"))
        return false;
    for (const char *at = prefix;; at++) {
        size_t size = strcspn(at, "/");
        if (!size || (at[0] == '.' && (size == 1 || (size == 2 && at[1] == '.'))))
            return false;
        for (size_t i = 0; i < size; i++)
            if (!isalnum((unsigned char)at[i]) && !strchr("!-_.*'()", at[i]))
                return false;
        at += size;
        if (!*at)
            return true;
    }
}

int elb_check_log_attributes(const json_t *attributes, struct err *err)
{
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        const char *bucket = doc_text(attributes, logs[i].bucket);
        const char *prefix = doc_text(attributes, logs[i].prefix);
        if (*bucket && !is_bucket(bucket))
            return err_aws(err, "InvalidConfigurationRequest",
                           "'%.200s' is not a valid S3 bucket name", bucket);
        if (*prefix && !is_prefix(prefix))
            return err_aws(err, "InvalidConfigurationRequest",
                           "'%.200s' is not a valid value for '%s'", prefix, logs[i].prefix);
        if (doc_is(attributes, logs[i].enabled, "true") && !*bucket)
            return err_aws(err, "InvalidConfigurationRequest", "'%s' must be set when '%s' is true",
                           logs[i].bucket, logs[i].enabled);
    }
    return 0;
}

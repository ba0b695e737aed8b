#include "service/elbv2/log_attributes.h"

#include "service/bucket.h"
#include "service/doc.h"

static const struct log_attributes {
    const char *enabled, *bucket, *prefix;
} logs[] = {
    {"access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix"},
    {"connection_logs.s3.enabled", "connection_logs.s3.bucket", "connection_logs.s3.prefix"},
    {"health_check_logs.s3.enabled", "health_check_logs.s3.bucket", "health_check_logs.s3.prefix"},
};

int elb_check_log_attributes(const json_t *attributes, struct err *err)
{
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        const char *bucket = doc_text(attributes, logs[i].bucket);
        const char *prefix = doc_text(attributes, logs[i].prefix);
        if (*bucket && !bucket_name_is_valid(bucket))
            return err_aws(err, "InvalidConfigurationRequest",
                           "'%.200s' is not a valid S3 bucket name", bucket);
        if (*prefix && !bucket_prefix_is_valid(prefix))
            return err_aws(err, "InvalidConfigurationRequest",
                           "'%.200s' is not a valid value for '%s'", prefix, logs[i].prefix);
        if (doc_is(attributes, logs[i].enabled, "true") && !*bucket)
            return err_aws(err, "InvalidConfigurationRequest", "'%s' must be set when '%s' is true",
                           logs[i].bucket, logs[i].enabled);
    }
    return 0;
}

#include "service/elbv2/health_check.h"

#include "service/accept.h"
#include "service/doc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Settings that a request may give, with AWS's defaults for HTTP. */
static const struct setting {
    const char *name;
    const char *text; /* the default, for texts */
    int number;       /* the default, for numbers */
} settings[] = {
    {"HealthCheckProtocol", "HTTP", 0},
    {"HealthCheckPort", "traffic-port", 0},
    {"HealthCheckPath", "/", 0},
    {"HealthCheckIntervalSeconds", NULL, 30},
    {"HealthCheckTimeoutSeconds", NULL, 5},
    {"HealthyThresholdCount", NULL, 5},
    {"UnhealthyThresholdCount", NULL, 2},
};

const char elb_health_check_members[] =
    " HealthCheckProtocol=HTTP HealthCheckProtocol=HTTPS HealthCheckPort HealthCheckPath "
    "HealthCheckEnabled"
    " HealthCheckIntervalSeconds HealthCheckTimeoutSeconds HealthyThresholdCount"
    " UnhealthyThresholdCount Matcher";

enum { MATCHER_SIZE_MAX = 256 };

/* What a Matcher may say of a protocol version. */
struct matcher {
    const char *member, *initial, *text;
    int minimum, maximum;
    int digits; /* that a code has at most */
};

static const struct matcher http_matcher = {"HttpCode", "200", "HTTP", 200, 499, 3};
static const struct matcher grpc_matcher = {"GrpcCode", "12", "gRPC", 0, 99, 2};

static bool is_grpc(const json_t *group)
{
    return doc_is(group, "ProtocolVersion", "GRPC");
}

static const struct matcher *matcher_of(const json_t *group)
{
    return is_grpc(group) ? &grpc_matcher : &http_matcher;
}

/* Reads a code, which begins at *at, and moves behind it. -1 if it is none. */
static int read_code(const struct matcher *matcher, const char **at)
{
    int code = 0, digits = 0;
    for (; isdigit((unsigned char)**at) && digits <= matcher->digits; digits++)
        code = code * 10 + *(*at)++ - '0';
    return digits >= 1 && digits <= matcher->digits ? code : -1;
}

/* "200", "200,202", "200-299" and their combinations. */
static int check_codes(const struct matcher *matcher, const char *codes, struct err *err)
{
    const char *at = codes;
    if (strlen(codes) > MATCHER_SIZE_MAX)
        return err_aws(err, "ValidationError",
                       "Health check matcher %s code cannot be longer than '%d' characters",
                       matcher->text, MATCHER_SIZE_MAX);
    do {
        if (at != codes)
            at++;
        int from = read_code(matcher, &at), to = from;
        if (*at == '-') {
            at++;
            to = read_code(matcher, &at);
        }
        if (from < matcher->minimum || to > matcher->maximum || from > to || (*at && *at != ','))
            return err_aws(err, "ValidationError",
                           "Health check matcher %s code '%.100s' must be within '%d-%d' inclusive",
                           matcher->text, codes, matcher->minimum, matcher->maximum);
    } while (*at);
    return 0;
}

/* Takes the Matcher of the request into the document; a group has codes of one kind only. */
static int apply_matcher(const struct call *call, json_t *group, struct err *err)
{
    const struct matcher *matcher = matcher_of(group);
    const struct matcher *other = matcher == &http_matcher ? &grpc_matcher : &http_matcher;
    const json_t *asked = json_object_get(call->in, "Matcher");
    if (call_accept(asked, "HttpCode GrpcCode", err) < 0)
        return -1;
    if (*doc_text(asked, other->member))
        return err_aws(err, "ValidationError",
                       "Health check matcher %s codes cannot be specified for target groups with "
                       "the protocol version '%s'",
                       other->text, doc_text(group, "ProtocolVersion"));
    const char *codes = doc_text(asked, matcher->member);
    if (!*codes)
        return 0;
    json_object_set_new(group, "Matcher", json_pack("{s:s}", matcher->member, codes));
    return check_codes(matcher, codes, err);
}

static int check_port(const char *port, struct err *err)
{
    char *end;
    long number = strtol(port, &end, 10);
    if (!strcmp(port, "traffic-port") || (*port && !*end && number >= 1 && number <= 65535))
        return 0;
    return err_aws(err, "ValidationError",
                   "Health check port '%.100s' must be 'traffic-port' or in the range '1-65535'",
                   port);
}

static int check_settings(const json_t *group, struct err *err)
{
    if (doc_number(group, "HealthCheckTimeoutSeconds") >=
        doc_number(group, "HealthCheckIntervalSeconds"))
        return err_aws(err, "ValidationError",
                       "Health check timeout '%lld' must be smaller than the interval '%lld'",
                       (long long)doc_number(group, "HealthCheckTimeoutSeconds"),
                       (long long)doc_number(group, "HealthCheckIntervalSeconds"));
    const char *path = doc_text(group, "HealthCheckPath");
    if (path[0] != '/')
        return err_aws(err, "ValidationError",
                       "Health check path '%.200s' must begin with a '/' character", path);
    for (const char *c = path; *c; c++)
        if (!isgraph((unsigned char)*c))
            return err_aws(err, "ValidationError",
                           "Health check path contains a character that is not valid");
    return check_port(doc_text(group, "HealthCheckPort"), err);
}

void elb_default_health_check(json_t *group)
{
    const struct matcher *matcher = matcher_of(group);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        json_object_set_new(group, settings[i].name,
                            settings[i].text ? json_string(settings[i].text)
                                             : json_integer(settings[i].number));
    json_object_set_new(group, "HealthCheckEnabled", json_true());
    json_object_set_new(group, "Matcher", json_pack("{s:s}", matcher->member, matcher->initial));
    if (is_grpc(group))
        json_object_set_new(group, "HealthCheckPath", json_string("/AWS.ALB/healthcheck"));
}

int elb_apply_health_check(const struct call *call, json_t *group, struct err *err)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        json_t *asked = json_object_get(call->in, settings[i].name);
        if (asked)
            json_object_set(group, settings[i].name, asked);
    }
    if (apply_matcher(call, group, err) < 0)
        return -1;
    if (json_is_false(json_object_get(call->in, "HealthCheckEnabled")))
        return err_aws(err, "ValidationError",
                       "Health check enabled must be true for target groups with target type '%s'",
                       doc_text(group, "TargetType"));
    return check_settings(group, err);
}

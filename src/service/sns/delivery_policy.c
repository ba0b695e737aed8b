#include "service/sns/delivery_policy.h"

#include "service/doc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TOTAL_DELAY_MAX_S = 3600, RETRIES_MAX = 100, TEXT_SIZE_MAX = 8192 };

static const struct delivery_policy defaults = {
    .min_delay_s = 20,
    .max_delay_s = 20,
    .retries = 3,
    .backoff = DELIVERY_LINEAR,
    .content_type = "text/plain; charset=UTF-8",
};

static const char *const backoff_names[] = {"arithmetic", "exponential", "geometric", "linear"};

/* ---- reading ---- */

/* refuse(err, "a literal format", ...) */
#define refuse(err, ...)                                                                           \
    err_aws(err, "InvalidParameter", "Invalid parameter: DeliveryPolicy: " __VA_ARGS__)

static int read_number(const char *name, const json_t *value, int least, int most, int *ret,
                       struct err *err)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < least || number > most)
        return refuse(err, "%s must be a whole number from %d to %d", name, least, most);
    *ret = (int)number;
    return 0;
}

static int read_backoff(const json_t *value, enum delivery_backoff *ret, struct err *err)
{
    for (size_t i = 0; json_is_string(value) && i < sizeof backoff_names / sizeof *backoff_names;
         i++)
        if (!strcmp(json_string_value(value), backoff_names[i])) {
            *ret = (enum delivery_backoff)i;
            return 0;
        }
    return refuse(err, "backoffFunction must be arithmetic, exponential, geometric or linear");
}

static int read_retry(struct delivery_policy *policy, const char *name, const json_t *value,
                      struct err *err)
{
    const struct {
        const char *name;
        int least, most, *ret;
    } rows[] = {
        {"minDelayTarget", 1, TOTAL_DELAY_MAX_S, &policy->min_delay_s},
        {"maxDelayTarget", 1, TOTAL_DELAY_MAX_S, &policy->max_delay_s},
        {"numRetries", 0, RETRIES_MAX, &policy->retries},
        {"numNoDelayRetries", 0, RETRIES_MAX, &policy->immediate_retries},
        {"numMinDelayRetries", 0, RETRIES_MAX, &policy->min_delay_retries},
        {"numMaxDelayRetries", 0, RETRIES_MAX, &policy->max_delay_retries},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return read_number(name, value, rows[i].least, rows[i].most, rows[i].ret, err);
    if (!strcmp(name, "backoffFunction"))
        return read_backoff(value, &policy->backoff, err);
    return refuse(err, "unrecognized property %.60s", name);
}

static int check_retries(const struct delivery_policy *policy, struct err *err)
{
    int64_t total_ms = 0;
    if (policy->min_delay_s > policy->max_delay_s)
        return refuse(err, "maxDelayTarget must be greater than or equal to minDelayTarget");
    if (policy->immediate_retries + policy->min_delay_retries + policy->max_delay_retries >
        policy->retries)
        return refuse(err, "numRetries must be greater than or equal to the sum of "
                           "numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries");
    for (int number = 1; number <= policy->retries; number++)
        total_ms += delivery_policy_delay_ms(policy, number);
    if (total_ms > (int64_t)TOTAL_DELAY_MAX_S * 1000)
        return refuse(err, "the retries must take at most %d seconds in all", TOTAL_DELAY_MAX_S);
    return 0;
}

static int read_retries(struct delivery_policy *policy, const json_t *value, struct err *err)
{
    const char *name;
    json_t *member;
    if (!json_is_object(value))
        return refuse(err, "the retry policy must be an object");
    json_object_foreach ((json_t *)(uintptr_t)value, name, member)
        if (read_retry(policy, name, member, err) < 0)
            return -1;
    return check_retries(policy, err);
}

/* The one member that an object may have. */
static const json_t *only_member(const json_t *object, const char *name)
{
    return json_object_size(object) == 1 ? json_object_get(object, name) : NULL;
}

static int read_throttle(struct delivery_policy *policy, const json_t *value, struct err *err)
{
    return read_number("maxReceivesPerSecond", only_member(value, "maxReceivesPerSecond"), 1, 1000,
                       &policy->receives_per_second, err);
}

/* A media type, as a header may have it. */
static bool is_content_type(const char *text)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                ".+-";
    size_t kind = strncmp(text, "application/", 12) == 0 ? 12
                  : strncmp(text, "text/", 5) == 0       ? 5
                                                         : 0;
    size_t subtype = kind ? strspn(text + kind, token) : 0;
    const char *rest = text + kind + subtype;
    if (!subtype || !*rest)
        return subtype > 0;
    rest += *rest == ';';
    rest += strspn(rest, " ");
    return strncmp(rest, "charset=", 8) == 0 && rest[8] && rest[8 + strspn(rest + 8, token)] == 0;
}

static int read_request(struct delivery_policy *policy, const json_t *value, struct err *err)
{
    const char *type = json_string_value(only_member(value, "headerContentType"));
    if (!type || strlen(type) >= sizeof policy->content_type || !is_content_type(type))
        return refuse(err, "headerContentType must be a supported media type");
    snprintf(policy->content_type, sizeof policy->content_type, "%s", type);
    return 0;
}

static int read_final(struct delivery_policy *policy, const json_t *value, struct err *err)
{
    if (!json_is_boolean(value))
        return refuse(err, "disableSubscriptionOverrides must be true or false");
    policy->is_final = json_is_true(value);
    return 0;
}

struct part {
    const char *name;
    int (*read)(struct delivery_policy *policy, const json_t *value, struct err *err);
};

/* Reads the members of an object; null is what is not there. */
static int read_parts(const json_t *object, const struct part *parts,
                      struct delivery_policy *policy, struct err *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return refuse(err, "it must be a JSON object");
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        const struct part *part = parts;
        while (part->name && strcmp(part->name, name) != 0)
            part++;
        if (!part->name)
            return refuse(err, "unrecognized property %.60s", name);
        if (!json_is_null(value) && part->read(policy, value, err) < 0)
            return -1;
    }
    return 0;
}

static int read_http(struct delivery_policy *policy, const json_t *value, struct err *err)
{
    static const struct part parts[] = {{"defaultHealthyRetryPolicy", read_retries},
                                        {"defaultThrottlePolicy", read_throttle},
                                        {"defaultRequestPolicy", read_request},
                                        {"disableSubscriptionOverrides", read_final},
                                        {NULL, NULL}};
    return read_parts(value, parts, policy, err);
}

static int read_text(const char *text, const struct part *parts, struct delivery_policy *policy,
                     struct err *err)
{
    *policy = defaults;
    json_auto_t *object =
        strlen(text) <= TEXT_SIZE_MAX ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!object)
        return refuse(err, "it does not have valid JSON");
    return read_parts(object, parts, policy, err);
}

int delivery_policy_read_topic(const char *text, struct delivery_policy *policy, struct err *err)
{
    static const struct part parts[] = {{"http", read_http}, {NULL, NULL}};
    return read_text(text, parts, policy, err);
}

int delivery_policy_read_subscription(const char *text, struct delivery_policy *policy,
                                      struct err *err)
{
    static const struct part parts[] = {{"healthyRetryPolicy", read_retries},
                                        {"throttlePolicy", read_throttle},
                                        {"requestPolicy", read_request},
                                        {NULL, NULL}};
    return read_text(text, parts, policy, err);
}

/* ---- use ---- */

static const char *policy_text(const json_t *doc)
{
    return doc_text(json_object_get(doc, "_attributes"), "DeliveryPolicy");
}

void delivery_policy_of(const json_t *topic, const json_t *subscription,
                        struct delivery_policy *policy)
{
    struct err checked; /* when they were set */
    const char *of_topic = policy_text(topic), *own = policy_text(subscription);
    *policy = defaults;
    if (*of_topic)
        delivery_policy_read_topic(of_topic, policy, &checked);
    if (*own && !policy->is_final)
        delivery_policy_read_subscription(own, policy, &checked);
}

/* The functions from the least delay (0) to the greatest (1); AWS shows their forms only. */
static double backoff_s(const struct delivery_policy *policy, int step, int steps)
{
    double least = policy->min_delay_s, most = policy->max_delay_s;
    double part = steps > 1 ? (double)step / (steps - 1) : 0;
    switch (policy->backoff) {
    case DELIVERY_ARITHMETIC:
        return least + (most - least) * part * part;
    case DELIVERY_GEOMETRIC:
        return least * pow(most / least, part);
    case DELIVERY_EXPONENTIAL:
        return fmin(most, least * pow(2, step));
    default:
        return least + (most - least) * part;
    }
}

int64_t delivery_policy_delay_ms(const struct delivery_policy *policy, int number)
{
    int early = policy->immediate_retries + policy->min_delay_retries;
    int late = policy->retries - policy->max_delay_retries;
    if (number > policy->retries)
        return -1;
    if (number <= policy->immediate_retries)
        return 0;
    if (number <= early)
        return (int64_t)policy->min_delay_s * 1000;
    if (number > late)
        return (int64_t)policy->max_delay_s * 1000;
    return (int64_t)(backoff_s(policy, number - early - 1, late - early) * 1000);
}

json_t *delivery_policy_show_retries(const struct delivery_policy *policy)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:s}", "minDelayTarget", policy->min_delay_s,
                     "maxDelayTarget", policy->max_delay_s, "numRetries", policy->retries,
                     "numMaxDelayRetries", policy->max_delay_retries, "numNoDelayRetries",
                     policy->immediate_retries, "numMinDelayRetries", policy->min_delay_retries,
                     "backoffFunction", backoff_names[policy->backoff]);
}
